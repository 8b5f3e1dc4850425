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
public struct FetchScheduler: Sendable {
    /// Origins that are fetched from at one time.
    public static let concurrentOrigins = 16
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
        /// It sent bytes that do not match their root.
        case drop(SessionID)
    }

    private enum Phase {
        case changes(SessionID, isPushed: Bool)
        case manifest(SessionID)
        case buckets(Download)
        case adopting
    }

    private struct Target {
        /// Its place in the queue: the lower, the longer it has waited.
        let number: UInt64
        var wanted: Verified<Head>
        /// Sessions that have told us of `wanted`, latest last.
        var holders: [SessionID]
        var tried: Set<SessionID> = []
        /// What came with `wanted`.
        var pushed: (session: SessionID, change: PushedChange)?
        /// What an attempt that ended has left to be fetched of `wanted`.
        var rest: (manifest: Manifest, missing: [BucketEntry])?
        var attempt: (head: Verified<Head>, phase: Phase)?
        /// When the origin was first asked about, since it was last as it should be.
        var begunAt: Instant?
        var failureCount = 0
        var retryAt: Instant = .zero
    }

    private var targets: [OriginID: Target] = [:]
    /// Of targets, oldest first: whoever has waited longest goes first. Those whose target has gone, or come again, are skipped.
    private var order: [(origin: OriginID, number: UInt64)] = []
    private var nextNumber: UInt64 = 0
    /// Origins with an attempt, in the order in which they began.
    private var running: [OriginID] = []
    private var budget = FetchBudget()
    private var sessions: [SessionID] = []  // Ascending.
    /// Sessions whose other side does not know what changes are.
    private var withoutChanges: Set<SessionID> = []
    /// Heads whose content breaks the rules: not asked for again.
    private var rejected: [OriginID: HeadPosition] = [:]
    private var staged: [OriginID: Set<Digest>]

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

    public mutating func sessionOpened(_ session: SessionID) {
        guard !sessions.contains(session) else { return }
        sessions.insert(session, at: sessions.firstIndex { $0 > session } ?? sessions.endIndex)
        for origin in Array(targets.keys) { targets[origin]?.retryAt = .zero }  // Somebody new to ask; the order does not matter.
    }

    /// What was asked of it is asked of others.
    public mutating func sessionClosed(_ session: SessionID) {
        sessions.removeAll { $0 == session }
        withoutChanges.remove(session)
        for origin in Array(targets.keys) {  // The order does not matter: nothing is asked here.
            targets[origin]?.holders.removeAll { $0 == session }
            targets[origin]?.tried.remove(session)
            if targets[origin]?.pushed?.session == session { targets[origin]?.pushed = nil }
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
        if let target = targets[origin] {
            if target.wanted.bytes == head.bytes {
                if let session, !target.holders.contains(session) { targets[origin]?.holders.append(session) }
                if target.pushed == nil, target.attempt == nil, let pushed { targets[origin]?.pushed = pushed }
                if let session, target.attempt?.head.bytes == head.bytes, case .buckets(var download)? = target.attempt?.phase {
                    download.add(source: session)
                    targets[origin]?.attempt?.phase = .buckets(download)
                }
                return
            }
            guard head.body.position > target.wanted.body.position else { return }
            targets[origin]?.wanted = head
            targets[origin]?.holders = session.map { [$0] } ?? []
            targets[origin]?.tried = []
            targets[origin]?.pushed = pushed
            targets[origin]?.rest = nil
            targets[origin]?.retryAt = .zero
            targets[origin]?.failureCount = 0
        } else {
            targets[origin] = Target(number: nextNumber, wanted: head, holders: session.map { [$0] } ?? [], pushed: pushed)
            order.append((origin, nextNumber))
            nextNumber += 1
            if order.count > 2 * targets.count + 64 { order.removeAll { targets[$0.origin]?.number != $0.number } }
        }
    }

    /// Begins attempts that are due, and asks for what there is room for now. Call after everything that may have made one possible.
    ///
    /// - Parameter adopted: the manifest of an origin that has been adopted; a head that repeats it needs no question.
    public mutating func begin(
        at now: Instant, adopted: (OriginID) -> Manifest?, using random: inout some RandomNumberGenerator
    ) -> [Action] {
        var actions: [Action] = []
        for origin in running { actions += advance(origin) }
        guard running.count < min(Self.concurrentOrigins, targets.count) else { return actions }
        for (origin, number) in order {
            guard running.count < Self.concurrentOrigins else { break }
            guard var target = targets[origin], target.number == number, target.attempt == nil, target.retryAt <= now else { continue }
            let manifest = adopted(origin)
            let present = manifest ?? .empty
            if present.root == target.wanted.body.manifestRoot {
                // A heartbeat: the same content under a new head; or one that has published nothing yet. Nothing is asked.
                target.attempt = (target.wanted, .adopting)
                actions.append(.adopt(target.wanted, present))
            } else if let session = Self.source(for: target, among: sessions, using: &random) {
                target.tried.insert(session)
                actions += start(&target, of: session, since: manifest)
            } else if !sessions.isEmpty {
                target.tried = []
                target.failureCount = min(target.failureCount + 1, 16)
                target.retryAt = now + min(Self.longestRetry, Self.firstRetry * (1 << min(target.failureCount - 1, 6)))
            }
            target.begunAt = target.begunAt ?? now
            targets[origin] = target
            if target.attempt != nil { running.append(origin) }
            if case .buckets = target.attempt?.phase { actions += advance(origin) }
        }
        return actions
    }

    private func start(_ target: inout Target, of session: SessionID, since manifest: Manifest?) -> [Action] {
        if let (manifest, missing) = target.rest {
            target.attempt = (target.wanted, .buckets(Download(manifest, missing: missing, from: [session])))
            target.rest = nil
            return []
        }
        let fetch = Fetch(session: session, head: target.wanted)
        let present = manifest ?? .empty
        if let (deliverer, change) = target.pushed, change.base == present.root.raw.prefix {
            target.pushed = nil
            target.attempt = (target.wanted, .changes(deliverer, isPushed: true))
            return [.checkChanges(Fetch(session: deliverer, head: target.wanted), since: present, change.bytes)]
        }
        if let manifest, !withoutChanges.contains(session) {
            target.attempt = (target.wanted, .changes(session, isPushed: false))
            return [.requestChanges(fetch, since: manifest)]
        }
        target.attempt = (target.wanted, .manifest(session))
        return [.requestManifest(fetch)]
    }

    // MARK: Answers

    /// The neighbour does not hold the changes, or does not know what they are: the whole manifest is asked of it.
    public mutating func changesRefused(_ fetch: Fetch, isUnknown: Bool = false) -> [Action] {
        if isUnknown, sessions.contains(fetch.session) { withoutChanges.insert(fetch.session) }
        let origin = fetch.head.body.origin
        guard case .changes(fetch.session, _) = phase(of: fetch) else { return [] }
        targets[origin]?.attempt?.phase = .manifest(fetch.session)
        return [.requestManifest(fetch)]
    }

    /// The changes have been applied to what is here, and checked: the buckets with these roots are staged.
    ///
    /// - Parameters:
    ///   - held: whether a bucket of this root is in the replica of this origin.
    ///   - today: buckets whose retention has ended are not asked for.
    public mutating func changesChecked(
        _ fetch: Fetch, _ result: Result<AppliedChanges, ContentChangeError>, held: (Digest) -> Bool, today: Day
    ) -> [Action] {
        let origin = fetch.head.body.origin
        if case .success(let applied) = result { staged[origin, default: []].formUnion(applied.roots) }
        guard case .changes(fetch.session, let isPushed) = phase(of: fetch) else { return [] }
        switch result {
        case .success(let applied): return download(applied.manifest, for: fetch, held: held, today: today)
        case .failure(.breaksRule):
            reject(fetch)
            return []
        case .failure(.baseMissing): return changesRefused(fetch)
        case .failure(.malformed), .failure(.wrongRoot):
            // What nobody asked for may have been made for another head before: it is not held against the teller.
            if isPushed { return changesRefused(fetch) }
            end(origin)
            return [.drop(fetch.session)]
        }
    }

    /// The manifest has come and been checked.
    public mutating func manifestChecked(
        _ fetch: Fetch, _ result: Result<Manifest, ManifestError>, held: (Digest) -> Bool, today: Day
    ) -> [Action] {
        guard case .manifest(fetch.session) = phase(of: fetch) else { return [] }
        switch result {
        case .success(let manifest): return download(manifest, for: fetch, held: held, today: today)
        case .failure(.breaksRule):
            reject(fetch)
            return []
        case .failure:
            end(fetch.head.body.origin)
            return [.drop(fetch.session)]
        }
    }

    /// A bucket has come, been checked and staged.
    public mutating func bucketChecked(_ fetch: Fetch, _ entry: BucketEntry, _ result: Result<Void, BucketError>) -> [Action] {
        let origin = fetch.head.body.origin
        if case .success = result { staged[origin, default: []].insert(entry.root) }  // Useful, whatever has become of the attempt.
        guard case .buckets(var download) = phase(of: fetch) else { return [] }
        switch result {
        case .success:
            guard download.came(entry.root, from: fetch.session, releasing: &budget) else { return [] }
            targets[origin]?.attempt?.phase = .buckets(download)
            return advance(origin)
        case .failure(.breaksRule):
            reject(fetch)
            return []
        case .failure:
            bucketFailed(fetch, entry)
            return [.drop(fetch.session)]
        }
    }

    /// The neighbour does not hold the bucket, or did not answer in time, or our disk did not take it.
    public mutating func bucketFailed(_ fetch: Fetch, _ entry: BucketEntry) {
        guard case .buckets(var download) = phase(of: fetch) else { return }
        download.failed(entry.root, at: fetch.session, releasing: &budget)
        targets[fetch.head.body.origin]?.attempt?.phase = .buckets(download)
        if download.isStuck { end(fetch.head.body.origin) }
    }

    /// The neighbour does not hold the manifest, or did not answer in time.
    public mutating func failed(_ fetch: Fetch) {
        switch phase(of: fetch) {
        case .manifest(fetch.session), .changes(fetch.session, _):
            targets[fetch.head.body.origin]?.holders.removeAll { $0 == fetch.session }
            end(fetch.head.body.origin)
        default: break
        }
    }

    /// The replica of the origin is what this head says. A newer head that has come meanwhile stays wanted.
    public mutating func adopted(_ head: Verified<Head>) {
        let origin = head.body.origin
        staged[origin] = nil
        guard let target = targets[origin] else { return }
        if target.wanted.body.position <= head.body.position {
            forget(origin)
        } else if target.attempt?.head.bytes == head.bytes {
            end(origin)
        }
    }

    /// The disk did not take it: what was staged is asked for again.
    public mutating func adoptionFailed(_ head: Verified<Head>, at now: Instant) {
        let origin = head.body.origin
        staged[origin] = nil
        end(origin)
        targets[origin]?.rest = nil
        targets[origin]?.retryAt = now + Self.firstRetry
    }

    /// Nothing more is wanted of this origin.
    public mutating func forget(_ origin: OriginID) {
        end(origin)
        targets[origin] = nil
    }

    /// What was adopted of an origin does not count any more; its buckets are still here, should a later head name them.
    public mutating func setAside(_ origin: OriginID, roots: [Digest]) { staged[origin, default: []].formUnion(roots) }

    // MARK: One attempt

    /// What the attempt for this head does, if it is under way.
    private func phase(of fetch: Fetch) -> Phase? {
        guard let attempt = targets[fetch.head.body.origin]?.attempt, attempt.head.bytes == fetch.head.bytes else { return nil }
        return attempt.phase
    }

    /// The attempt is over, if there is one. What it has found out is kept for the next one, if that is for the same head.
    private mutating func end(_ origin: OriginID) {
        guard let target = targets[origin], let attempt = target.attempt else { return }
        if case .buckets(var download) = attempt.phase {
            if attempt.head.bytes == target.wanted.bytes { targets[origin]?.rest = (download.manifest, download.missing) }
            download.end(releasing: &budget)
        }
        targets[origin]?.attempt = nil
        running.removeAll { $0 == origin }
    }

    private mutating func download(_ manifest: Manifest, for fetch: Fetch, held: (Digest) -> Bool, today: Day) -> [Action] {
        let origin = fetch.head.body.origin
        let here = staged[origin] ?? []
        var next = manifest.descriptors[...]
        let missing = manifest.entries.filter { entry in
            while let first = next.first, first.stream < entry.stream { next.removeFirst() }
            guard let descriptor = next.first, descriptor.lastDay(ofBucketAt: entry.day) >= today else { return false }
            return !here.contains(entry.root) && !held(entry.root)
        }
        var sources = [fetch.session]
        if let target = targets[origin], target.wanted.bytes == fetch.head.bytes { sources += target.holders.filter { $0 != fetch.session } }
        targets[origin]?.attempt?.phase = .buckets(Download(manifest, missing: missing, from: sources))
        return advance(origin)
    }

    /// Asks for the next buckets; adopts when there are none left.
    private mutating func advance(_ origin: OriginID) -> [Action] {
        guard let attempt = targets[origin]?.attempt, case .buckets(var download) = attempt.phase else { return [] }
        targets[origin]?.attempt?.phase = .adopting  // Given up for a moment, so that the lists in it are not copied.
        let here = staged[origin] ?? []
        let requests = download.next(within: &budget) { here.contains($0) }
        guard !download.isComplete else { return [.adopt(attempt.head, download.manifest)] }
        targets[origin]?.attempt?.phase = .buckets(download)
        // The last that was under way has come, and whoever was left to be asked has refused before: another attempt asks others.
        if download.isStuck { end(origin) }
        return requests.map { .requestBucket(Fetch(session: $0, head: attempt.head), $1, $2) }
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
