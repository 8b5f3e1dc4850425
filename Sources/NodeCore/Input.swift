import Ledger
import Primitives
import Replication
import WireFormat

/// What the core is told when a session has been made: the Noise handshake is done, nothing has been said yet.
public struct SessionOpening: Hashable, Sendable {
    /// Proven by the handshake.
    public var remoteKey: TransportKey
    /// The attempt it came from; `nil` if the other side dialed.
    public var dial: DialNumber?
    /// The invite whose secret the other side has proven: a newcomer that wants to join.
    public var inviteID: InviteID?

    public init(remoteKey: TransportKey, dial: DialNumber? = nil, inviteID: InviteID? = nil) {
        self.remoteKey = remoteKey
        self.dial = dial
        self.inviteID = inviteID
    }
}

/// Everything that can happen to a node.
public enum Input: Sendable {
    /// Once, before everything else.
    case start
    case timerFired(Timer)

    case sessionOpened(SessionID, SessionOpening)
    case dialFailed(DialNumber, DownReason)
    case sessionClosed(SessionID)
    case frame(SessionID, Frame)
    /// The plaintext of a sealed datagram.
    case datagram(SessionID, [UInt8])

    /// The answer to `Directive.check`.
    case checked(StatementBatch, StatementBatch.Outcome)
    /// The answer to `Directive.checkManifest`.
    case manifestChecked(Fetch, Result<Manifest, ManifestError>)
    /// The answer to `Directive.checkChanges`: on success the changed buckets have been staged on disk; `baseMissing` also where the disk failed.
    case changesChecked(Fetch, Result<AppliedChanges, ContentChangeError>)
    /// What an adoption or a publication has changed, before the answer to it.
    case contentChanged(ObservedChange)
    /// The answer to `Directive.checkBucket`: on success the bucket has been staged on disk.
    case bucketChecked(Fetch, BucketEntry, Result<Void, BucketError>)
    /// The other answer to `Directive.checkBucket`: the bucket is good, but the disk did not take it.
    case stagingFailed(Fetch, BucketEntry)
    /// The answer to `Directive.adopt`: the replica now is what this head says.
    case adopted(Verified<Head>)
    /// The answer to `Directive.adopt` if the disk failed: nothing was changed.
    case adoptionFailed(Verified<Head>)
    /// The answer to `Directive.publish`: the head is on disk, and may be sent.
    case published(Publication)
    /// The answer to `Directive.publish` if the disk failed: the head must not be sent.
    case publicationFailed(Publication)
    /// The answer to `Directive.recover`: our own content is what this head says, with what our own disk knew better. What has to be published
    /// anew comes as `daysBuilt`.
    case recovered(AdoptedState)
    /// The answer to `Directive.openGeneration`: key and certificate are on disk.
    case generationOpened(Verified<GenerationCertificate>)
    /// The other answer to `Directive.openGeneration`: nothing was changed.
    case generationFailed(Verified<GenerationCertificate>)
    /// The answer to `Directive.redeemInvite`.
    case inviteRedeemed(SessionID, requestID: UInt32, OriginID, InviteOutcome)

    /// Own sightings changed: these days now consist of these buckets.
    case daysBuilt([DayContent])
    case command(Command)
}

/// What the operator asks of the running node.
public enum Command: Hashable, Sendable {
    /// Ends the membership of an operator whom we (or the root, if its key is here) stand above.
    case revoke(OriginID, Revocation.Reason)
    /// Pins an operator, blocks it, or neither.
    case rule(PeerRule?, on: OriginID)
    /// Learns statements that were made beside the running node, such as a renewed certificate.
    case learn([[UInt8]])
    /// Opens a new generation of our own: a new signing key, in which what the old one has signed since our last head does not count.
    case openGeneration(GenerationCertificate.Reason)
    /// Gets our own content back from others, and goes on from there in a new generation: after a lost disk or a restored backup.
    case recover
    /// Changes what one operator may have here.
    case limit(OriginQuota)
    /// Tells the mesh that this node stops.
    case leave
    /// Whether questions of peers are answered.
    case answerPeers(Bool)
    /// Puts a question to a peer: it leaves this machine.
    case ask(NodeID, PeerQuestion, QuestionNumber)
}

/// Why a node cannot be reached.
public enum DownReason: UInt8, Hashable, Sendable {
    /// Its host says that nothing listens there, or it ended the handshake: another key, another mesh, or no room.
    case refused
    case timedOut
    /// There is no way to its host, or its name is not known.
    case unreachable
    /// Whoever listens there does not hold its key.
    case wrongKey
    /// A session with it ended.
    case sessionLost
    /// It did not answer on a session that was open.
    case silent
    /// Its clock and ours differ too much.
    case clockSkew
    /// It does not take us for a member, or we do not take it for one.
    case notAMember
    /// It broke the protocol.
    case misbehaved
    /// Something of our own: no room for another session.
    case noRoom
}

public enum InviteOutcome: Hashable, Sendable { case accepted, unknown, expired, alreadyUsed }

/// What a timer waits for. A timer that is no longer waited for is ignored, never cancelled.
public enum Timer: Hashable, Sendable {
    /// Neighbours, idle sessions, overdue requests.
    case tick
    /// One round of telling neighbours the hot heads.
    case spread
    /// Heads that were announced and asked for should have come.
    case announced
    /// A period of the failure detector begins.
    case probe
    /// A step of one of its probes has had its time, or a probe that was passed on for a neighbour.
    case probeStep(UInt32)
    case relayedProbe(UInt32)
    /// Retention, certificates, heartbeats.
    case housekeeping
    /// What was published waits a moment for more, so that a burst becomes one head.
    case publish
}
