import Cryptography
import Ledger
import Membership
import Primitives
import Replication
import WireFormat

/// Everything a node can want done. Performed in order; answers come back as inputs.
///
/// What is large and not so frequent is held by reference: most directives are datagrams, frames and timers, and are moved a few times each.
public enum Directive: Sendable {
    case wake(Timer, at: Instant)

    /// Connect to whoever holds `key`, trying the addresses in order.
    case dial(DialNumber, [NetworkAddress], key: TransportKey)
    case close(SessionID)
    case send(Frame, SessionID)
    case sendDatagram([UInt8], SessionID)

    /// Check signatures away from the core.
    indirect case check(StatementBatch)
    /// Check a manifest against its head.
    case checkManifest(Fetch, [UInt8])
    /// Apply changes, one after another, to the buckets of the manifest that is adopted, check what comes of it against the head, and stage it on disk.
    indirect case checkChanges(Fetch, since: Manifest, [[UInt8]])
    /// Check a bucket against its entry, and stage it on disk.
    indirect case checkBucket(Fetch, BucketEntry, StreamDescriptor, [UInt8])
    /// Answer the request with the manifest of this root, or `notHeld`.
    indirect case serveManifest(SessionID, requestID: UInt32, ContentRequest)
    /// Answer the request with the bucket of this root, or `notHeld`.
    indirect case serveBucket(SessionID, requestID: UInt32, ContentRequest)

    /// Answer a peer's question from the replica with what may be said of it.
    indirect case answerQuestion(SessionID, requestID: UInt32, PeerQuestion, SponsorBranches)
    /// What became of our operator's question to a peer. Once for each.
    indirect case questionSettled(QuestionNumber, QuestionOutcome)

    /// Keep a statement, in the place of what it replaces.
    indirect case keep(AnyStatement)
    /// Forget the statement in this slot.
    case discard(Slot)
    /// In one transaction: the head of this origin does not count any more. Its buckets stay, as if they had just been fetched; nothing of them is answered.
    case setAside(OriginID)
    /// Staged buckets of this origin with these roots are not wanted any more; adopted ones stay.
    case unstage(OriginID, [Digest])
    /// In one transaction: nothing of this origin is kept.
    case forget(OriginID)
    /// In one transaction: the replica of this origin becomes what the manifest says, from staged and present buckets.
    indirect case adopt(Verified<Head>, Manifest)
    /// In one transaction and synced: our own buckets, manifest and head.
    indirect case publish(Publication)
    /// In one transaction: our own content becomes what this head of ours says, but for what our disk knows better. Failing is answered by `adoptionFailed`.
    indirect case recover(Verified<Head>, Manifest)
    /// The key of a new generation of ours, and then its certificate, synced.
    indirect case openGeneration(Verified<GenerationCertificate>, SigningKey)
    /// Drop all buckets, own and learned, whose retention ends before this day.
    case expire(before: Day)
    /// What our operator has decided about another; `nil` for nothing any more.
    case keepRule(PeerRule?, on: OriginID)
    case keepAnchors([NodeID])
    indirect case redeemInvite(SessionID, requestID: UInt32, InviteID, OriginID)

    /// For the log.
    case report(Event)
}

/// Statements to be checked, and what for.
public struct StatementBatch: Hashable, Sendable {
    public enum Purpose: Hashable, Sendable {
        /// The other side's credentials.
        case hello
        /// A newcomer's request to be admitted.
        case join(requestID: UInt32, displayName: String)
        /// The answer to a cursor pull.
        case pull(logID: UInt64, upTo: UInt64, hasMore: Bool)
        /// News by datagram.
        case push
        /// Waited for something that has come meanwhile.
        case retry
        /// Given by the operator.
        case command
    }

    public let purpose: Purpose
    /// Who delivered them; `nil` for `retry` and `command`.
    public let session: SessionID?
    public let statements: [UncheckedStatement]
    /// The signing keys of the generations whose certificates are already here.
    public let headKeys: [HeadKeyID: VerifyingKey]

    public init(purpose: Purpose, session: SessionID?, statements: [UncheckedStatement], headKeys: [HeadKeyID: VerifyingKey]) {
        self.purpose = purpose
        self.session = session
        self.statements = statements
        self.headKeys = headKeys
    }

    public struct HeadKeyID: Hashable, Sendable {
        public let origin: OriginID
        public let generation: UInt32

        public init(origin: OriginID, generation: UInt32) {
            self.origin = origin
            self.generation = generation
        }
    }

    public struct Outcome: Hashable, Sendable {
        /// In the order they came.
        public var verified: [AnyStatement] = []
        /// Heads of generations that are not known yet.
        public var unresolved: [UncheckedStatement] = []
        public var forgedCount = 0

        public init() {}
    }

    /// Checks all signatures: about 50 us each. A generation certificate in the batch counts for the heads after it.
    public func check() -> Outcome {
        var keys = headKeys
        var outcome = Outcome()
        for statement in statements {
            do throws(StatementError) {
                let verified = try AnyStatement(checking: statement) { keys[HeadKeyID(origin: $0, generation: $1)] }
                if case .generation(let certificate) = verified {
                    let id = HeadKeyID(origin: certificate.body.origin, generation: certificate.body.generation)
                    if keys[id] == nil { keys[id] = certificate.body.signingKey }
                }
                outcome.verified.append(verified)
            } catch {
                switch error {
                case .forged: outcome.forgedCount += 1
                case .unknownGeneration: outcome.unresolved.append(statement)
                }
            }
        }
        return outcome
    }
}

/// What an operator may want to read in the log. Names nodes and operators, never contents.
public enum Event: Hashable, Sendable {
    case sessionReady(SessionID, NodeID, OriginID)
    case sessionRefused(SessionID, Refusal)
    case refusedByPeer(SessionID, Refusal)
    /// The other side broke the protocol and was dropped.
    case misbehaviour(SessionID, Misbehaviour)
    case memberAdmitted(OriginID, name: String)
    case memberRevoked(OriginID)
    /// Our operator has decided about another.
    case ruled(OriginID, PeerRule?)
    case adopted(OriginID, HeadPosition, sightings: UInt64)
    case published(HeadPosition, sightings: UInt64)
    /// There is evidence that an operator contradicts itself: nothing of this generation is taken any more.
    case equivocation(OriginID, generation: UInt32)
    /// What an operator has said does not count any more: it has opened a new generation without it, or is in quarantine.
    case setAside(OriginID, HeadPosition)
    /// Nothing is signed any more, until the operator opens a new generation.
    case signingHalted(ours: HeadPosition?, Publisher.Halt)
    case generationOpened(UInt32, GenerationCertificate.Reason)
    case recovered(HeadPosition)
    case memberState(NodeID, OriginID, FailureDetector.State)
    case commandRefused(Refusal)
    case limitReached(Limit)
    /// The newest head of this operator has more than one operator may have here: it is not followed, and what was adopted before stays.
    case quotaReached(OriginID, sightings: UInt64, byteCount: UInt64)

    public enum Misbehaviour: Hashable, Sendable {
        case malformed(WireError)
        case forgedStatements(count: Int)
        case wrongContent
        case unexpectedFrame(UInt16)
        case helloTimeout, silent
    }

    public enum Limit: Hashable, Sendable { case members, nodesOfOperator, pendingStatements }
}
