import Ledger
import Primitives
import WireFormat

/// What came of what was asked for.
extension FetchScheduler {
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
}
