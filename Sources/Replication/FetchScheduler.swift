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
/// Per origin one attempt at a time: the manifest, then the buckets that are not here, then adoption in one step. A neighbour that does
/// not hold the content costs a question; one that lies about it is dropped; the newest head is always the next to be tried.
public struct FetchScheduler: Sendable {
    /// Origins that are fetched from at one time.
    public static let concurrentOrigins = 16
    /// Buckets of one origin that are asked for at one time.
    public static let bucketsInFlight = 4
    /// How long to wait once all neighbours have been asked in vain; doubles up to the longest.
    public static let firstRetry: Duration = .seconds(1)
    public static let longestRetry: Duration = .seconds(60)

    public enum Action: Hashable, Sendable {
        case requestManifest(Fetch)
        case requestBucket(Fetch, BucketEntry, StreamDescriptor)
        case adopt(Verified<Head>, Manifest)
        /// It sent bytes that do not match their root.
        case drop(SessionID)
    }

    private enum Phase {
        case manifest
        case buckets(Manifest, waiting: [BucketEntry], asked: Set<Digest>)
        case adopting
    }

    private struct Target {
        /// Its place in the queue: the lower, the longer it has waited.
        let number: UInt64
        var wanted: Verified<Head>
        /// Sessions that have told us of `wanted`, latest last.
        var holders: [SessionID]
        var tried: Set<SessionID> = []
        var attempt: (fetch: Fetch, phase: Phase)?
        var failureCount = 0
        var retryAt: Instant = .zero
    }

    private var targets: [OriginID: Target] = [:]
    /// Of targets, oldest first: whoever has waited longest goes first. Those whose target has gone, or come again, are skipped.
    private var order: [(origin: OriginID, number: UInt64)] = []
    private var nextNumber: UInt64 = 0
    /// Targets with an attempt.
    private var runningCount = 0
    private var sessions: [SessionID] = []  // Ascending.
    /// Heads whose content breaks the rules: not asked for again.
    private var rejected: [OriginID: HeadPosition] = [:]
    private var staged: [OriginID: Set<Digest>]

    /// - Parameter staged: roots of buckets that an earlier run has fetched, but not adopted.
    public init(staged: [OriginID: Set<Digest>] = [:]) { self.staged = staged }

    /// Origins that are not yet what their newest head says.
    public var pendingCount: Int { targets.count }

    /// The newest head of an origin that waits to be adopted.
    public func wanted(of origin: OriginID) -> Verified<Head>? { targets[origin]?.wanted }

    public mutating func sessionOpened(_ session: SessionID) {
        guard !sessions.contains(session) else { return }
        sessions.insert(session, at: sessions.firstIndex { $0 > session } ?? sessions.endIndex)
        for origin in Array(targets.keys) { targets[origin]?.retryAt = .zero }  // Somebody new to ask; the order does not matter.
    }

    /// What was asked of it is asked of others.
    public mutating func sessionClosed(_ session: SessionID) {
        sessions.removeAll { $0 == session }
        for origin in Array(targets.keys) {  // The order does not matter: nothing is asked here.
            targets[origin]?.holders.removeAll { $0 == session }
            targets[origin]?.tried.remove(session)
            guard let attempt = targets[origin]?.attempt, attempt.fetch.session == session else { continue }
            if case .adopting = attempt.phase { continue }
            end(origin)
        }
    }

    /// A session tells of a head that is news. `isHolder` is false where the teller need not hold the content.
    public mutating func headSeen(_ head: Verified<Head>, from session: SessionID?) {
        let origin = head.body.origin
        if let position = rejected[origin], head.body.position <= position { return }
        if let target = targets[origin] {
            if target.wanted.bytes == head.bytes {
                if let session, !target.holders.contains(session) { targets[origin]?.holders.append(session) }
                return
            }
            guard head.body.position > target.wanted.body.position else { return }
            targets[origin]?.wanted = head
            targets[origin]?.holders = session.map { [$0] } ?? []
            targets[origin]?.tried = []
            targets[origin]?.retryAt = .zero
            targets[origin]?.failureCount = 0
        } else {
            targets[origin] = Target(number: nextNumber, wanted: head, holders: session.map { [$0] } ?? [])
            order.append((origin, nextNumber))
            nextNumber += 1
            if order.count > 2 * targets.count + 64 { order.removeAll { targets[$0.origin]?.number != $0.number } }
        }
    }

    /// Begins attempts that are due. Call after everything that may have made one possible.
    ///
    /// - Parameter adopted: the manifest of an origin that has been adopted; a head that repeats it needs no question.
    public mutating func begin(
        at now: Instant, adopted: (OriginID) -> Manifest?, using random: inout some RandomNumberGenerator
    ) -> [Action] {
        guard runningCount < min(Self.concurrentOrigins, targets.count) else { return [] }
        var actions: [Action] = []
        for (origin, number) in order {
            guard runningCount < Self.concurrentOrigins else { break }
            guard var target = targets[origin], target.number == number, target.attempt == nil, target.retryAt <= now else { continue }
            if let manifest = adopted(origin), manifest.root == target.wanted.body.manifestRoot {
                // A heartbeat: the same content under a new head. The session stands for nobody: nothing is asked.
                target.attempt = (Fetch(session: SessionID(.max), head: target.wanted), .adopting)
                actions.append(.adopt(target.wanted, manifest))
            } else if let session = Self.source(for: target, among: sessions, using: &random) {
                target.tried.insert(session)
                let fetch = Fetch(session: session, head: target.wanted)
                target.attempt = (fetch, .manifest)
                actions.append(.requestManifest(fetch))
            } else if !sessions.isEmpty {
                target.tried = []
                target.failureCount = min(target.failureCount + 1, 16)
                target.retryAt = now + min(Self.longestRetry, Self.firstRetry * (1 << min(target.failureCount - 1, 6)))
            }
            if target.attempt != nil { runningCount += 1 }
            targets[origin] = target
        }
        return actions
    }

    /// The manifest has come and been checked.
    ///
    /// - Parameters:
    ///   - held: whether a bucket of this root is in the replica of this origin.
    ///   - today: buckets whose retention has ended are not asked for.
    public mutating func manifestChecked(
        _ fetch: Fetch, _ result: Result<Manifest, ManifestError>, held: (Digest) -> Bool, today: Day
    ) -> [Action] {
        let origin = fetch.head.body.origin
        guard let attempt = targets[origin]?.attempt, attempt.fetch == fetch, case .manifest = attempt.phase else { return [] }
        switch result {
        case .success(let manifest):
            let here = staged[origin] ?? []
            var next = manifest.descriptors[...]
            let waiting = manifest.entries.filter { entry in
                while let first = next.first, first.stream < entry.stream { next.removeFirst() }
                guard let descriptor = next.first, descriptor.lastDay(ofBucketAt: entry.day) >= today else { return false }
                return !here.contains(entry.root) && !held(entry.root)
            }
            return advance(fetch, manifest, waiting: waiting, asked: [])
        case .failure(.breaksRule):
            reject(fetch)
            return []
        case .failure:
            end(origin)
            return [.drop(fetch.session)]
        }
    }

    /// A bucket has come, been checked and staged.
    public mutating func bucketChecked(_ fetch: Fetch, _ entry: BucketEntry, _ result: Result<Void, BucketError>) -> [Action] {
        let origin = fetch.head.body.origin
        if case .success = result { staged[origin, default: []].insert(entry.root) }  // Useful, whatever has become of the attempt.
        guard let attempt = targets[origin]?.attempt, attempt.fetch == fetch, case .buckets(let manifest, let waiting, var asked) = attempt.phase,
            asked.remove(entry.root) != nil
        else { return [] }
        switch result {
        case .success: return advance(fetch, manifest, waiting: waiting, asked: asked)
        case .failure(.breaksRule):
            reject(fetch)
            return []
        case .failure:
            end(origin)
            return [.drop(fetch.session)]
        }
    }

    /// The neighbour does not hold it, or did not answer in time.
    public mutating func failed(_ fetch: Fetch) {
        let origin = fetch.head.body.origin
        guard let attempt = targets[origin]?.attempt, attempt.fetch == fetch else { return }
        targets[origin]?.holders.removeAll { $0 == fetch.session }
        end(origin)
    }

    /// The replica of the origin is what this head says. A newer head that has come meanwhile stays wanted.
    public mutating func adopted(_ head: Verified<Head>) {
        let origin = head.body.origin
        staged[origin] = nil
        guard let target = targets[origin] else { return }
        if target.wanted.body.position <= head.body.position {
            forget(origin)
        } else if target.attempt?.fetch.head.bytes == head.bytes {
            end(origin)
        }
    }

    /// The disk did not take it: what was staged is asked for again.
    public mutating func adoptionFailed(_ head: Verified<Head>, at now: Instant) {
        let origin = head.body.origin
        staged[origin] = nil
        end(origin)
        targets[origin]?.retryAt = now + Self.firstRetry
    }

    /// Nothing more is wanted of this origin.
    public mutating func forget(_ origin: OriginID) {
        end(origin)
        targets[origin] = nil
    }

    /// What was adopted of an origin does not count any more; its buckets are still here, should a later head name them.
    public mutating func setAside(_ origin: OriginID, roots: [Digest]) { staged[origin, default: []].formUnion(roots) }

    /// The attempt is over, if there is one.
    private mutating func end(_ origin: OriginID) {
        guard targets[origin]?.attempt != nil else { return }
        targets[origin]?.attempt = nil
        runningCount -= 1
    }

    private mutating func advance(_ fetch: Fetch, _ manifest: Manifest, waiting: [BucketEntry], asked: Set<Digest>) -> [Action] {
        let origin = fetch.head.body.origin
        if waiting.isEmpty, asked.isEmpty {
            targets[origin]?.attempt = (fetch, .adopting)
            return [.adopt(fetch.head, manifest)]
        }
        var asked = asked
        var actions: [Action] = []
        var rest = waiting[...]
        while asked.count < Self.bucketsInFlight, let entry = rest.popFirst() {
            guard let descriptor = manifest.descriptor(of: entry.stream), asked.insert(entry.root).inserted else { continue }
            actions.append(.requestBucket(fetch, entry, descriptor))
        }
        targets[origin]?.attempt = (fetch, .buckets(manifest, waiting: Array(rest), asked: asked))
        return actions
    }

    private mutating func reject(_ fetch: Fetch) {
        let origin = fetch.head.body.origin
        rejected[origin] = fetch.head.body.position
        if let wanted = targets[origin]?.wanted, wanted.body.position <= fetch.head.body.position {
            forget(origin)
        } else {
            end(origin)
        }
    }

    /// Whoever told us last and has not been tried; then anybody.
    private static func source(for target: Target, among sessions: [SessionID], using random: inout some RandomNumberGenerator) -> SessionID? {
        target.holders.last { !target.tried.contains($0) } ?? sessions.filter { !target.tried.contains($0) }.pick(using: &random)
    }
}
