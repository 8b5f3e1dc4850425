import Ledger
import Membership
import Primitives
import Replication
import WireFormat

/// One TCP session and what has been said on it so far.
struct Session: Sendable {
    enum Phase: Sendable {
        /// Nothing has come yet, or the hello is being checked; frames that came early wait.
        case greeting(isChecking: Bool, early: [Frame])
        /// A newcomer with an invite: it may only ask to join.
        case joining(InviteID)
        case open(NodeID, OriginID)
    }

    let id: SessionID
    let remoteKey: TransportKey
    let dial: DialNumber?
    /// What we dialed it for; `nil` if the other side dialed.
    var attempt: Dial?
    let openedAt: Instant
    var phase: Phase
    var lastHeard: Instant
    var nextRequest: UInt32 = 1
    /// How far the other side's log has been read, and how far it has said it goes.
    var cursor: Cursor
    var hint: Cursor?
    var isPulling = false
    /// The next question is a comparison: from the beginning of the session until the log has been read to its end, if the other side knows what that is.
    var isComparing = true
    /// Of what it has told us in the last answers not all could wait for what it rests on.
    var hasBroughtTooMuch = false
    /// How often its log is read anew for that.
    var repetitions = Allowance(capacity: 16, interval: .seconds(60))
    /// The other side has been asked for a comparison, and so has shown whether it knows what that is.
    var hasCompared = false
    /// The other side has shown that it knows.
    var comparesLogs = false
    /// How far the other side's log has been read but for the heads in it, if further than all of it.
    var headlessCursor = Cursor()
    var isAskingHeadless = false
    /// The heads that the other side may ask for: as many as a mesh of 15,000 origins with one a minute brings.
    var headsAsked = Allowance(capacity: 512, interval: .milliseconds(4))
    /// The comparisons that we ask for: a neighbour that always has something new to tell does not make us tell it our digests without end.
    var comparisonsAsked = Allowance(capacity: 64, interval: .seconds(15))
    /// The comparisons that the other side may cause us to make; beyond them it is told all that it asks about.
    var comparisons = Allowance(capacity: 64, interval: .seconds(1))
    var lastPull: Instant
    var batchesUnderCheck = 0
    /// The incarnation that the other side has shown on this session: a higher one on another means that it has started anew, and this one is dead.
    var incarnation: UInt64 = 0
    /// We have asked the transport to close it: what still comes is not looked at.
    var isClosing = false
    /// It broke the protocol, and is not dialed again at once.
    var isDropped = false
    /// The other side knows what changes are.
    var takesChanges = false
    /// What came with heads that are under check, by their bytes.
    var pushed: [[UInt8]: PushedChange] = [:]
    /// Since when an answer to a ping frame is waited for.
    var pingedAt: Instant?
    /// We have closed it for want of use or room: it has served.
    var hasServed = false
    /// The other side has said that it closes this session, for want of room and for no other reason.
    var isDismissed = false
    /// The vouchers that the other side may cause us to sign, and the hints of it that we look at.
    var vouchers = Allowance(capacity: 16, interval: .milliseconds(250))
    var hints = Allowance(capacity: 32, interval: .seconds(1))

    var node: NodeID? { if case .open(let node, _) = phase { node } else { nil } }
    var origin: OriginID? { if case .open(_, let origin) = phase { origin } else { nil } }
    var isOpen: Bool { if case .open = phase { true } else { false } }

    mutating func heard(at now: Instant) {
        lastHeard = now
        pingedAt = nil
    }

    /// What a session needs because time has passed.
    enum Due { case end(Event.Misbehaviour), ping }

    func due(at now: Instant, _ patience: SessionPatience) -> Due? {
        guard !isClosing else { return nil }
        guard isOpen else { return now - openedAt > patience.hello ? .end(.helloTimeout) : nil }
        let silence = now - lastHeard
        if silence > patience.close { return .end(.silent) }
        let (ping, pull) = dial == nil ? (patience.pingOfDialer, patience.pullOfDialer) : (patience.ping, patience.pull)
        return pingedAt == nil && (silence > ping || now - lastPull > pull) ? .ping : nil
    }
}

/// How long the other side of a session may be silent. Whoever was dialed waits a little longer for its dialer: one ping serves both sides.
struct SessionPatience: Sendable {
    let hello, close, ping, pull, pingOfDialer, pullOfDialer: Duration

    init(_ configuration: NodeCore.Configuration) {
        hello = configuration.helloTimeout
        close = configuration.idleBeforeClose
        ping = configuration.idleBeforePing
        pull = configuration.pullInterval
        pingOfDialer = ping * 5 / 4
        pullOfDialer = pull * 5 / 4
    }
}

/// A place in somebody's log.
struct Cursor: Hashable, Sendable {
    var logID: UInt64 = 0
    var after: UInt64 = 0
}

/// A connection attempt under way.
struct Dial: Hashable, Sendable {
    /// Whom it is meant for; `nil` for a seed, of which only the key is known.
    let node: NodeID?
    let key: TransportKey
    let startedAt: Instant
    /// Made only to see whether the node is there.
    var isProbe = false

    var target: DialTarget { node.map { .node($0) } ?? .key(key) }
}

/// A question we asked.
struct RequestKey: Hashable, Sendable, Comparable {
    let session: SessionID
    let id: UInt32

    static func < (left: RequestKey, right: RequestKey) -> Bool { (left.session, left.id) < (right.session, right.id) }
}

struct Request: Sendable {
    enum Kind: Sendable {
        case statements
        case comparison(ComparisonAsked)
        case headless
        case manifest(Fetch)
        case bucket(Fetch, BucketEntry, StreamDescriptor)
        case changes(Fetch, since: Manifest)
        case history(HistoryRequest)
        case question(QuestionNumber)

        /// What answers it, if it is not refused.
        var answerType: FrameType {
            switch self {
            case .statements, .headless: .statements
            case .comparison: .difference
            case .manifest: .manifest
            case .bucket: .bucket
            case .changes: .changes
            case .history: .history
            case .question: .aggregateAnswer
            }
        }
    }

    let kind: Kind
    let askedAt: Instant
}

/// What our log was like when we asked what another has that is not in it.
struct ComparisonAsked: Sendable {
    let partCount: Int
    /// Our own head, and the part in which it lies: where the other side's part is the same, it holds that head.
    let ownHead: (position: HeadPosition, part: Int)?
}

/// A head that is news, and in how many more rounds it is told.
struct HotHead: Sendable {
    let origin: OriginID
    let position: HeadPosition
    let bytes: [UInt8]
    let hash: Digest
    /// It, and what leads to it from the head before, as one datagram; `nil` if that does not fit one.
    let withChange: [UInt8]?
    /// How much longer that makes it, in bytes.
    let changeByteCount: Int
    /// The sessions on which it has been told or announced, here or by the other side: nobody is told twice. At most one for each session there is.
    var known: [SessionID]
    var roundsLeft: Int
}
