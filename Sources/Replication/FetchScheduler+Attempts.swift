import Ledger
import Primitives

/// Attempts: whose turn it is, whom to ask, and whether they get anywhere.
extension FetchScheduler {
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
        var places = FetchPlaces(sessions: sessions, late: sessions.filter { isLate($0) })
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
    mutating func adoptRepeats(at now: Instant, adopted: (OriginID) -> Manifest?) -> [Action] {
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

    mutating func review(at now: Instant) {
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
    mutating func review(_ origin: OriginID, at now: Instant) {
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

    mutating func noteLate(_ session: SessionID, at now: Instant) {
        guard let operatorID = operators[session] else { return }
        lateUntil[operatorID] = now + Self.lateSpan
    }

    func isLate(_ session: SessionID) -> Bool {
        guard !lateUntil.isEmpty, let operatorID = operators[session] else { return false }
        return lateUntil[operatorID] != nil
    }

    func start(_ target: inout Target, of session: SessionID, since manifest: Manifest?, at now: Instant) -> [Action] {
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

    // MARK: One attempt

    /// What the attempt for this head does, if it is under way.
    func phase(of fetch: Fetch) -> Phase? {
        guard let attempt = targets[fetch.head.body.origin]?.attempt, attempt.head.bytes == fetch.head.bytes else { return nil }
        return attempt.phase
    }

    /// The attempt is over, if there is one. What it has found out is kept for the next one, if that is for the same head; others come before that.
    mutating func end(_ origin: OriginID) {
        guard let head = stop(origin), let target = targets[origin] else { return }
        queue(origin)
        if head.bytes != target.wanted.bytes { lookAgain(at: origin) }
    }

    /// Gives the head that the attempt was for.
    mutating func stop(_ origin: OriginID) -> Verified<Head>? {
        guard let target = targets[origin], let attempt = target.attempt else { return nil }
        if case .buckets(var download) = attempt.phase {
            if attempt.head.bytes == target.wanted.bytes { targets[origin]?.rest = (download.manifest, download.missing) }
            download.end(releasing: &budget)
        }
        targets[origin]?.attempt = nil
        if repeating.remove(origin) == nil { running.removeAll { $0 == origin } }
        return attempt.head
    }

    mutating func download(_ manifest: Manifest, for fetch: Fetch, held: (Digest) -> Bool, today: Day) -> [Action] {
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
    mutating func unstage(exceptFor manifest: Manifest, of origin: OriginID) -> [Action] {
        guard let here = staged[origin], !here.isEmpty else { return [] }
        let stale = here.subtracting(manifest.entries.map(\.root))
        guard !stale.isEmpty else { return [] }
        staged[origin] = here.subtracting(stale)
        return [.unstage(origin, stale.sorted())]
    }

    /// Asks for the next buckets; adopts when there are none left.
    mutating func advance(_ origin: OriginID) -> [Action] {
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

    mutating func reject(_ head: Verified<Head>) {
        let origin = head.body.origin
        rejected[origin] = head.body.position
        if let wanted = targets[origin]?.wanted, wanted.body.position <= head.body.position {
            forget(origin)
        } else {
            end(origin)
        }
    }

    enum Choice {
        case ask(SessionID)
        /// Until there is a place with somebody that has not been tried.
        case wait
        case nobody
    }

    /// Whoever told us last and has not been tried; then anybody; then, in the same order, whoever was late.
    static func choice(
        for target: Target, present: Manifest, _ places: FetchPlaces, using random: inout some RandomNumberGenerator
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
