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

    private enum Phase {
        case changes(SessionID, isPushed: Bool)
        case manifest(SessionID)
        case buckets(Download)
        case adopting
    }

    private struct Attempt {
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

    private struct Target {
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

    private var targets: [OriginID: Target] = [:]
    /// Of targets, oldest first: whoever has waited longest goes first. Those whose target has gone, or has another number by now, are skipped.
    private var order: [(origin: OriginID, number: UInt64)] = []
    private var nextNumber: UInt64 = 0
    /// Of targets whose `isFresh` is set.
    private var fresh: [OriginID] = []
    /// Origins with an attempt, in the order in which they began; but for those in `repeating`.
    private var running: [OriginID] = []
    private var repeating: Set<OriginID> = []  // Looked up and counted, never iterated.
    private var budget = FetchBudget()
    private var sessions: [SessionID] = []  // Ascending.
    private var operators: [SessionID: OriginID] = [:]
    /// Operators whose sessions were late, and until when they are asked last: a new session does not make it good. At most one for each member.
    private var lateUntil: [OriginID: Instant] = [:]
    private var reviewedAt = Instant.zero
    /// Sessions whose other side does not know what changes are.
    private var withoutChanges: Set<SessionID> = []
    /// Heads whose content breaks the rules: not asked for again.
    private var rejected: [OriginID: HeadPosition] = [:]
    /// What an origin has staged is of one manifest, so within what one head may have; only late answers to earlier questions may be there too, until the next.
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
    private mutating func queue(_ origin: OriginID) {
        targets[origin]?.number = nextNumber
        order.append((origin, nextNumber))
        nextNumber += 1
        if order.count > 2 * targets.count + 64 { order.removeAll { targets[$0.origin]?.number != $0.number } }
    }

    private mutating func lookAgain(at origin: OriginID) {
        guard let target = targets[origin], !target.isFresh else { return }
        targets[origin]?.isFresh = true
        fresh.append(origin)
    }

    /// Begins attempts that are due, and asks for what there is room for now. Call after everything that may have made one possible.
    ///
    /// - Parameter adopted: the manifest of an origin that has been adopted; a head that repeats it needs no question.
    public mutating func begin(
        at now: Instant, adopted: (OriginID) -> Manifest?, using random: inout some RandomNumberGenerator
    ) -> [Action] {
        var actions: [Action] = []
        if now - reviewedAt >= Self.reviewInterval { review(at: now) }
        for origin in running { actions += advance(origin) }
        actions += adoptRepeats(at: now, adopted: adopted)
        guard running.count < min(Self.concurrentOrigins, targets.count - repeating.count) else { return actions }
        var places = Places(sessions: sessions, late: sessions.filter { isLate($0) })
        for origin in running { if let session = targets[origin]?.attempt?.waitsOn { places.take(session) } }
        for (origin, number) in order {
            guard running.count < Self.concurrentOrigins, places.areLeft else { break }
            guard var target = targets[origin], target.number == number, target.attempt == nil, !target.isFresh, target.retryAt <= now else { continue }
            let manifest = adopted(origin)
            target.begunAt = target.begunAt ?? now
            switch Self.choice(for: target, present: manifest ?? .empty, places, using: &random) {
            case .ask(let session):
                target.tried.insert(session)
                actions += start(&target, of: session, since: manifest, at: now)
                places.take(session)
                running.append(origin)
            case .nobody where !sessions.isEmpty:
                target.tried = []
                target.failureCount = min(target.failureCount + 1, 16)
                target.retryAt = now + min(Self.longestRetry, Self.firstRetry * (1 << min(target.failureCount - 1, 6)))
            case .wait, .nobody: break
            }
            targets[origin] = target
            if case .buckets = target.attempt?.phase { actions += advance(origin) }
        }
        return actions
    }

    /// A heartbeat is the same content under a new head; or the head of an origin that has published nothing yet. Nothing is asked, and nobody waited for.
    private mutating func adoptRepeats(at now: Instant, adopted: (OriginID) -> Manifest?) -> [Action] {
        var actions: [Action] = []
        var rest: [OriginID] = []
        for origin in fresh {
            guard let target = targets[origin], target.isFresh else { continue }
            let present = adopted(origin) ?? .empty
            guard target.attempt == nil, present.root == target.wanted.body.manifestRoot else {
                targets[origin]?.isFresh = false
                continue
            }
            guard repeating.count < Self.concurrentRepeats, target.retryAt <= now else {
                rest.append(origin)
                continue
            }
            targets[origin]?.isFresh = false
            // Adopted, it would stand here, and be refused by everybody who has to ask for the manifest.
            guard present.hasTotals(of: target.wanted.body) else {
                reject(target.wanted)
                continue
            }
            targets[origin]?.begunAt = target.begunAt ?? now
            targets[origin]?.attempt = Attempt(target.wanted, .adopting, at: now)
            repeating.insert(origin)
            actions.append(.adopt(target.wanted, present))
        }
        fresh = rest
        return actions
    }

    private mutating func review(at now: Instant) {
        let hasPaused = now - reviewedAt > Self.longestPause
        reviewedAt = now
        if !lateUntil.isEmpty { lateUntil = lateUntil.filter { $0.value > now } }
        for origin in running {
            if hasPaused {
                targets[origin]?.attempt?.begunAt = now
                targets[origin]?.attempt?.gotOnAt = now
            }
            review(origin, at: now)
        }
    }

    /// Whether those on whom an attempt waits are late, and whether it has had its turn.
    private mutating func review(_ origin: OriginID, at now: Instant) {
        guard let target = targets[origin], var attempt = target.attempt else { return }
        if attempt.hasGotOn { (attempt.gotOnAt, attempt.hasGotOn) = (now, false) }
        let isStanding = now - attempt.gotOnAt >= Self.patience
        let isOver = now - attempt.begunAt >= Self.turn
        switch attempt.phase {
        case .changes(let session, isPushed: false), .manifest(let session):
            if isStanding { noteLate(session, at: now) }
            if isLate(session), target.holders.contains(where: { !target.tried.contains($0) && !isLate($0) }) { return end(origin) }
        case .buckets(var download):
            if isStanding || isOver && attempt.byteCount < Self.leastOfTurn {
                for session in download.asked { noteLate(session, at: now) }
            }
            guard isOver else { break }
            (attempt.begunAt, attempt.byteCount) = (now, 0)
            if targets.count > running.count + repeating.count {
                download.giveWay()
                attempt.phase = .buckets(download)
            }
        case .changes, .adopting: break
        }
        targets[origin]?.attempt = attempt
    }

    private mutating func noteLate(_ session: SessionID, at now: Instant) {
        guard let operatorID = operators[session] else { return }
        lateUntil[operatorID] = now + Self.lateSpan
    }

    private func isLate(_ session: SessionID) -> Bool {
        guard !lateUntil.isEmpty, let operatorID = operators[session] else { return false }
        return lateUntil[operatorID] != nil
    }

    private func start(_ target: inout Target, of session: SessionID, since manifest: Manifest?, at now: Instant) -> [Action] {
        if let (manifest, missing) = target.rest {
            target.attempt = Attempt(target.wanted, .buckets(Download(manifest, missing: missing, from: [session])), at: now)
            target.rest = nil
            return []
        }
        let fetch = Fetch(session: session, head: target.wanted)
        let present = manifest ?? .empty
        if let (deliverer, change) = target.pushed, deliverer == session, change.base == present.root.raw.prefix {
            target.pushed = nil
            target.attempt = Attempt(target.wanted, .changes(session, isPushed: true), at: now)
            return [.checkChanges(fetch, since: present, change.bytes)]
        }
        if let manifest, !withoutChanges.contains(session) {
            target.attempt = Attempt(target.wanted, .changes(session, isPushed: false), at: now)
            return [.requestChanges(fetch, since: manifest)]
        }
        target.attempt = Attempt(target.wanted, .manifest(session), at: now)
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
        // Whatever has become of the attempt. Not dropped here if it has ended: the same buckets may be on their way to the disk for another.
        if case .success(let applied) = result { staged[origin, default: []].formUnion(applied.roots) }
        guard case .changes(fetch.session, let isPushed) = phase(of: fetch) else { return [] }
        switch result {
        case .success(let applied): return download(applied.manifest, for: fetch, held: held, today: today)
        case .failure(.breaksRule):
            reject(fetch.head)
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
            reject(fetch.head)
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
            targets[origin]?.attempt?.hasGotOn = true
            targets[origin]?.attempt?.byteCount += Int(entry.byteCount)
            return advance(origin)
        case .failure(.breaksRule):
            reject(fetch.head)
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
            targets[origin]?.failureCount = 0
            targets[origin]?.retryAt = .zero
        }
    }

    /// The disk did not take it: what was staged is asked for again.
    public mutating func adoptionFailed(_ head: Verified<Head>, at now: Instant) {
        let origin = head.body.origin
        staged[origin] = nil
        end(origin)
        lookAgain(at: origin)
        targets[origin]?.rest = nil
        targets[origin]?.retryAt = now + Self.firstRetry
    }

    /// Nothing more is wanted of this origin.
    public mutating func forget(_ origin: OriginID) {
        _ = stop(origin)
        targets[origin] = nil
    }

    /// Nothing of this origin is wanted any more, nor what was fetched of it. Whether there was any of that.
    public mutating func forgetAll(_ origin: OriginID) -> Bool {
        forget(origin)
        return staged.removeValue(forKey: origin)?.isEmpty == false
    }

    /// What was adopted of an origin does not count any more; its buckets are still here, should a later head name them.
    public mutating func setAside(_ origin: OriginID, roots: [Digest]) { staged[origin, default: []].formUnion(roots) }

    // MARK: One attempt

    /// What the attempt for this head does, if it is under way.
    private func phase(of fetch: Fetch) -> Phase? {
        guard let attempt = targets[fetch.head.body.origin]?.attempt, attempt.head.bytes == fetch.head.bytes else { return nil }
        return attempt.phase
    }

    /// The attempt is over, if there is one. What it has found out is kept for the next one, if that is for the same head; others come before that.
    private mutating func end(_ origin: OriginID) {
        guard let head = stop(origin), let target = targets[origin] else { return }
        queue(origin)
        if head.bytes != target.wanted.bytes { lookAgain(at: origin) }
    }

    /// Gives the head that the attempt was for.
    private mutating func stop(_ origin: OriginID) -> Verified<Head>? {
        guard let target = targets[origin], let attempt = target.attempt else { return nil }
        if case .buckets(var download) = attempt.phase {
            if attempt.head.bytes == target.wanted.bytes { targets[origin]?.rest = (download.manifest, download.missing) }
            download.end(releasing: &budget)
        }
        targets[origin]?.attempt = nil
        if repeating.remove(origin) == nil { running.removeAll { $0 == origin } }
        return attempt.head
    }

    private mutating func download(_ manifest: Manifest, for fetch: Fetch, held: (Digest) -> Bool, today: Day) -> [Action] {
        let origin = fetch.head.body.origin
        let actions = unstage(exceptFor: manifest, of: origin)
        let here = staged[origin] ?? []
        var next = manifest.descriptors[...]
        let missing = manifest.entries.filter { entry in
            while let first = next.first, first.stream < entry.stream { next.removeFirst() }
            guard let descriptor = next.first, descriptor.lastDay(ofBucketAt: entry.day) >= today else { return false }
            return !here.contains(entry.root) && !held(entry.root)
        }
        var sources = [fetch.session]
        if let target = targets[origin], target.wanted.bytes == fetch.head.bytes {
            sources += target.holders.filter { $0 != fetch.session && !isLate($0) }
        }
        targets[origin]?.attempt?.phase = .buckets(Download(manifest, missing: missing, from: sources))
        targets[origin]?.attempt?.hasGotOn = true
        return actions + advance(origin)
    }

    /// What earlier heads have left staged, and this manifest does not name, is no use to anybody.
    private mutating func unstage(exceptFor manifest: Manifest, of origin: OriginID) -> [Action] {
        guard let here = staged[origin], !here.isEmpty else { return [] }
        let stale = here.subtracting(manifest.entries.map(\.root))
        guard !stale.isEmpty else { return [] }
        staged[origin] = here.subtracting(stale)
        return [.unstage(origin, stale.sorted())]
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

    private mutating func reject(_ head: Verified<Head>) {
        let origin = head.body.origin
        rejected[origin] = head.body.position
        if let wanted = targets[origin]?.wanted, wanted.body.position <= head.body.position {
            forget(origin)
        } else {
            end(origin)
        }
    }

    private enum Choice {
        case ask(SessionID)
        /// Until there is a place with somebody that has not been tried.
        case wait
        case nobody
    }

    /// Whoever told us last and has not been tried; then anybody; then, in the same order, whoever was late.
    private static func choice(
        for target: Target, present: Manifest, _ places: Places, using random: inout some RandomNumberGenerator
    ) -> Choice {
        // What came with the head may save the question.
        if let (deliverer, change) = target.pushed, change.base == present.root.raw.prefix, places.areLeft(with: deliverer) { return .ask(deliverer) }
        for isLate in [false, true] {
            func isOpen(_ session: SessionID) -> Bool { !target.tried.contains(session) && places.isLate(session) == isLate }
            let holders = target.holders.filter(isOpen)
            if !holders.isEmpty { return holders.last(where: places.areLeft).map { .ask($0) } ?? .wait }
            let others = places.sessions.filter(isOpen)
            if !others.isEmpty { return others.filter(places.areLeft).pick(using: &random).map { .ask($0) } ?? .wait }
        }
        return .nobody
    }
}

/// How many attempts wait on each session, and how many more may.
private struct Places {
    let sessions: [SessionID]
    /// Those that were late, unless all were: then it says nothing.
    private let late: [SessionID]
    private let share: Int
    private var taken: [SessionID: Int] = [:]
    private var takenByLate = 0
    /// Sessions that have had their share.
    private var fullCount = 0

    init(sessions: [SessionID], late: [SessionID]) {
        self.sessions = sessions
        self.late = late.count < sessions.count ? late : []
        share = max(FetchScheduler.leastShare, FetchScheduler.concurrentOrigins / max(1, sessions.count))
    }

    /// Whether anybody may be asked at all.
    var areLeft: Bool { sessions.isEmpty || fullCount < sessions.count }

    func isLate(_ session: SessionID) -> Bool { late.contains(session) }

    func areLeft(with session: SessionID) -> Bool {
        (taken[session] ?? 0) < share && (!late.contains(session) || takenByLate < FetchScheduler.lateOrigins)
    }

    mutating func take(_ session: SessionID) {
        taken[session, default: 0] += 1
        if taken[session] == share { fullCount += 1 }
        if late.contains(session) { takenByLate += 1 }
    }
}
