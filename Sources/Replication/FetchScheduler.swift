import Ledger
import Primitives
import WireFormat

/// One attempt to fetch what a head says from one session.
public struct Fetch: Hashable, Sendable {
    public let session: SessionID
    public let head: Verified<Head>

    public init(session: SessionID, head: Verified<Head>) {
        self.session = session
        self.head = head
    }

    public static func == (left: Fetch, right: Fetch) -> Bool { left.session == right.session && left.head.bytes == right.head.bytes }
    public func hash(into hasher: inout Hasher) {
        hasher.combine(session)
        hasher.combine(head.body.origin)
        hasher.combine(head.body.position)
    }
}

/// Decides what to fetch from whom, so that every head becomes a verified replica (`Protocol/replication.md` §4).
///
/// Per origin one attempt at a time: what has changed, or the whole manifest, of one neighbour; then the buckets that are not here, of all who hold them; then
/// adoption in one step. A neighbour that does not hold the content costs a question; one that lies about it is dropped; the newest head is always the next
/// to be tried.
///
/// Questions that hang keep nobody waiting for long: of the places for attempts one session gets its share only, those that were late together get a few, and
/// whoever has had a turn goes to the end of the queue.
public struct FetchScheduler: Sendable {
    /// Origins that are fetched from at one time.
    public static let concurrentOrigins = 16
    /// Of these, how many may wait on one session, however many sessions there are. Where there are few, an equal share.
    public static let leastShare = 4
    /// Of these, how many may wait on sessions that were late, together.
    public static let lateOrigins = 4
    /// Origins adopted at one time whose head repeats what is here: they wait for nobody but the disk. More wait for these.
    public static let concurrentRepeats = 64
    /// A session on which an attempt waits so long without getting anything is late. Half of what one question may take.
    public static let patience: Duration = .seconds(15)
    /// How long whoever was late is asked last. A guess; long, as whoever gives no answer on purpose makes others wait once in each.
    public static let lateSpan: Duration = .seconds(600)
    /// So long after it began, an attempt makes way for others that wait; and whoever has sent less than `leastOfTurn` in this time is late.
    public static let turn: Duration = .seconds(60)
    /// Bucket bytes. A guess: 16 attempts at this pace take 17 kB a second.
    public static let leastOfTurn = 64 << 10
    /// How often attempts are looked at for that.
    static let reviewInterval: Duration = .seconds(1)
    /// After a longer time without a look it is this node that was late, and everybody else gets more time.
    static let longestPause: Duration = .seconds(5)
    /// How long to wait once all neighbours have been asked in vain; doubles up to the longest.
    public static let firstRetry: Duration = .seconds(1)
    public static let longestRetry: Duration = .seconds(60)

    public enum Action: Hashable, Sendable {
        case requestManifest(Fetch)
        /// What has changed since this manifest, which is adopted.
        case requestChanges(Fetch, since: Manifest)
        /// The changes since this manifest have come with the head.
        case checkChanges(Fetch, since: Manifest, [UInt8])
        case requestBucket(Fetch, BucketEntry, StreamDescriptor)
        case adopt(Verified<Head>, Manifest)
        /// The staged buckets with these roots, ascending, are not named by the newest head that has shown its manifest.
        case unstage(OriginID, [Digest])
        /// It sent bytes that do not match their root.
        case drop(SessionID)
    }

    enum Phase {
        case changes(SessionID, isPushed: Bool)
        case manifest(SessionID)
        case buckets(Download)
        case adopting
    }

    struct Attempt {
        let head: Verified<Head>
        var phase: Phase
        /// When its turn began, and when it last got something.
        var begunAt: Instant
        var gotOnAt: Instant
        /// Whether it has got something since the last look.
        var hasGotOn = false
        /// Bucket bytes in this turn.
        var byteCount = 0

        init(_ head: Verified<Head>, _ phase: Phase, at now: Instant) {
            (self.head, self.phase) = (head, phase)
            (begunAt, gotOnAt) = (now, now)
        }

        /// The session whose share of the places it takes. Of what came with a head, the teller's: if it leads nowhere, that is asked next.
        var waitsOn: SessionID? {
            switch phase {
            case .changes(let session, _), .manifest(let session): session
            case .buckets(let download): download.sources.first ?? download.asked.min()
            case .adopting: nil
            }
        }
    }

    struct Target {
        /// Its place in the queue: the lower, the longer it has waited since it last had a turn.
        var number: UInt64
        var wanted: Verified<Head>
        /// Sessions that have told us of `wanted`, latest last.
        var holders: [SessionID]
        var tried: Set<SessionID> = []
        /// What came with `wanted`.
        var pushed: (session: SessionID, change: PushedChange)?
        /// What an attempt that ended has left to be fetched of `wanted`.
        var rest: (manifest: Manifest, missing: [BucketEntry])?
        var attempt: Attempt?
        /// Whether it has not been looked at yet if it only repeats what is adopted.
        var isFresh = true
        /// When the origin was first asked about, since it was last as it should be.
        var begunAt: Instant?
        var failureCount = 0
        var retryAt: Instant = .zero
    }

    var targets: [OriginID: Target] = [:]
    /// Of targets, oldest first: whoever has waited longest goes first. Those whose target has gone, or has another number by now, are skipped.
    var order: [(origin: OriginID, number: UInt64)] = []
    var nextNumber: UInt64 = 0
    /// Of targets whose `isFresh` is set.
    var fresh: [OriginID] = []
    /// Origins with an attempt, in the order in which they began; but for those in `repeating`.
    var running: [OriginID] = []
    var repeating: Set<OriginID> = []  // Looked up and counted, never iterated.
    var budget = FetchBudget()
    var sessions: [SessionID] = []  // Ascending.
    var operators: [SessionID: OriginID] = [:]
    /// Operators whose sessions were late, and until when they are asked last: a new session does not make it good. At most one for each member.
    var lateUntil: [OriginID: Instant] = [:]
    var reviewedAt = Instant.zero
    /// Sessions whose other side does not know what changes are.
    var withoutChanges: Set<SessionID> = []
    /// Heads whose content breaks the rules: not asked for again.
    var rejected: [OriginID: HeadPosition] = [:]
    /// What an origin has staged is of one manifest, so within what one head may have; only late answers to earlier questions may be there too, until the next.
    var staged: [OriginID: Set<Digest>]

    /// - Parameter staged: roots of buckets that an earlier run has fetched, but not adopted.
    public init(staged: [OriginID: Set<Digest>] = [:]) { self.staged = staged }

    /// Origins that are not yet what their newest head says.
    public var pendingCount: Int { targets.count }

    /// The newest head of an origin that waits to be adopted.
    public func wanted(of origin: OriginID) -> Verified<Head>? { targets[origin]?.wanted }

    /// The sessions that have told of this head while it was wanted.
    public func holders(of head: Verified<Head>) -> [SessionID] {
        guard let target = targets[head.body.origin], target.wanted.bytes == head.bytes else { return [] }
        return target.holders
    }

    /// Since when the origin has been asked about without being as it should be.
    public func begunAt(_ origin: OriginID) -> Instant? { targets[origin]?.begunAt }

    /// - Parameter operatorID: the operator at the other end.
    public mutating func sessionOpened(_ session: SessionID, of operatorID: OriginID) {
        guard !sessions.contains(session) else { return }
        sessions.insert(session, at: sessions.firstIndex { $0 > session } ?? sessions.endIndex)
        operators[session] = operatorID
        guard !isLate(session) else { return }
        for origin in Array(targets.keys) { targets[origin]?.retryAt = .zero }  // Somebody new to ask; the order does not matter.
    }

    /// What was asked of it is asked of others.
    public mutating func sessionClosed(_ session: SessionID) {
        sessions.removeAll { $0 == session }
        withoutChanges.remove(session)
        operators[session] = nil
        for origin in Array(targets.keys) {  // The order does not matter: nothing is asked here.
            targets[origin]?.holders.removeAll { $0 == session }
            targets[origin]?.tried.remove(session)
            if targets[origin]?.pushed?.session == session { targets[origin]?.pushed = nil }
        }
        for origin in running {
            switch targets[origin]?.attempt?.phase {
            case .changes(session, _), .manifest(session): end(origin)
            case .buckets(var download):
                download.closed(session, releasing: &budget)
                targets[origin]?.attempt?.phase = .buckets(download)
                if download.isStuck { end(origin) }
            case .changes, .manifest, .adopting, nil: break
            }
        }
    }

    /// A session tells of a head that is news; whoever does holds its content. `nil` where nobody is said to.
    ///
    /// - Parameter change: what the teller has sent along: what leads there from the head before.
    public mutating func headSeen(_ head: Verified<Head>, from session: SessionID?, with change: PushedChange? = nil) {
        let origin = head.body.origin
        if let position = rejected[origin], head.body.position <= position { return }
        let pushed = session.flatMap { session in change.map { (session: session, change: $0) } }
        let isTellerLate = session.map { isLate($0) } ?? false
        if let target = targets[origin] {
            if target.wanted.bytes == head.bytes {
                if let session, !target.holders.contains(session) {
                    targets[origin]?.holders.append(session)
                    if !isTellerLate {
                        targets[origin]?.tried.remove(session)  // If it was asked, then before it had the content, or for an earlier head.
                        targets[origin]?.retryAt = .zero
                    }
                }
                if target.pushed == nil, target.attempt == nil, let pushed { targets[origin]?.pushed = pushed }
                if let session, !isTellerLate, target.attempt?.head.bytes == head.bytes, case .buckets(var download)? = target.attempt?.phase {
                    download.add(source: session)
                    targets[origin]?.attempt?.phase = .buckets(download)
                }
                return
            }
            guard head.body.position > target.wanted.body.position else { return }
            targets[origin]?.wanted = head
            targets[origin]?.holders = session.map { [$0] } ?? []
            targets[origin]?.pushed = pushed
            targets[origin]?.rest = nil
            // There is somebody to ask; but a head every second, told by whoever never answers, neither ends the wait nor makes others be asked again.
            if !isTellerLate {
                targets[origin]?.tried = []
                targets[origin]?.retryAt = .zero
            }
            if target.attempt == nil { lookAgain(at: origin) }
        } else {
            targets[origin] = Target(number: nextNumber, wanted: head, holders: session.map { [$0] } ?? [], pushed: pushed)
            fresh.append(origin)
            queue(origin)
        }
    }

    /// To the end of the queue.
    mutating func queue(_ origin: OriginID) {
        targets[origin]?.number = nextNumber
        order.append((origin, nextNumber))
        nextNumber += 1
        if order.count > 2 * targets.count + 64 { order.removeAll { targets[$0.origin]?.number != $0.number } }
    }

    mutating func lookAgain(at origin: OriginID) {
        guard let target = targets[origin], !target.isFresh else { return }
        targets[origin]?.isFresh = true
        fresh.append(origin)
    }
}
