import Ledger
import NodeCore
import Primitives

/// Something that must not be (`Protocol/invariants.md`). Nodes and operators are named by their places.
public enum Violation: Hashable, Sendable {
    /// an honest origin has signed two heads for one position, and somebody has received both.
    case equivocation(origin: Int, HeadPosition)
    /// a replica, or an origin's own head, went back.
    case headWentBack(node: Int, origin: Int, from: HeadPosition, to: HeadPosition?)
    /// an honest node dropped another honest one for breaking the protocol.
    case honestNodeAccused(node: Int, by: Int, Event.Misbehaviour)
    /// there is evidence against an honest origin.
    case evidence(origin: Int, generation: UInt32)
    /// an honest node took its own head for somebody else's and stopped signing.
    case signingHalted(node: Int)
    /// something that may pile up was full.
    case limitReached(node: Int, Event.Limit)
    case diskQueueTooLong(node: Int, count: Int)
    case tooManyChecks(node: Int, count: Int)
    /// an honest node sent more than the protocol's limit.
    case frameOverLimit(node: Int, type: UInt16, byteCount: Int)
    case datagramOverLimit(node: Int, byteCount: Int)
    /// an adoption was asked for before all its buckets were there.
    case adoptedWithoutBuckets(node: Int)

    /// E-1: a replica is not what its origin has published last.
    case notConverged(node: Int, origin: Int, has: HeadPosition?, published: HeadPosition?)
    /// E-1: the heads agree, and the bytes do not.
    case differentBucket(node: Int, origin: Int, StreamID, Day)
    /// E-2: an acknowledged sighting is not in a replica.
    case sightingLost(node: Int, origin: Int, StreamID, Day)
    /// E-3: a bucket is here after the end of its retention.
    case bucketKeptTooLong(node: Int, origin: Int, StreamID, Day)
    /// E-4: an operator that has been revoked still has a session.
    case revokedStillConnected(node: Int, revoked: Int)
}
