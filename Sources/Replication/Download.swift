import Ledger
import Primitives
import WireFormat

/// The buckets of one manifest on their way here, from everybody who holds them (`Protocol/replication.md` §4.2).
struct Download {
    let manifest: Manifest
    /// Not asked for yet, last first.
    private var waiting: [BucketEntry]
    private var underWay: [Digest: (entry: BucketEntry, session: SessionID)] = [:]
    /// Others are to have its place: nothing more is asked for, and it is stuck once what is under way has come.
    private var isGivingWay = false
    /// Sessions that are said to hold the buckets, in the order in which they said so.
    private(set) var sources: [SessionID]

    init(_ manifest: Manifest, missing: [BucketEntry], from sources: [SessionID]) {
        self.manifest = manifest
        self.sources = sources
        waiting = missing.reversed()
    }

    /// Every bucket that was missing is here.
    var isComplete: Bool { waiting.isEmpty && underWay.isEmpty }
    /// Nobody is left to be asked, and nothing is on its way.
    var isStuck: Bool { (sources.isEmpty || isGivingWay) && underWay.isEmpty && !waiting.isEmpty }
    /// The sessions of which something is under way.
    var asked: Set<SessionID> { Set(underWay.values.map(\.session)) }
    /// What is not here yet, in the order of the manifest.
    var missing: [BucketEntry] { (waiting + underWay.values.map(\.entry)).sorted() }

    mutating func add(source: SessionID) { if !sources.contains(source) { sources.append(source) } }

    mutating func giveWay() { isGivingWay = true }

    /// The next buckets to ask for, each of the source with the least under way that still has room.
    ///
    /// - Parameter isHere: whether a bucket of this root has come meanwhile.
    mutating func next(within budget: inout FetchBudget, isHere: (Digest) -> Bool) -> [(SessionID, BucketEntry, StreamDescriptor)] {
        var requests: [(SessionID, BucketEntry, StreamDescriptor)] = []
        while let entry = waiting.last {
            guard !isHere(entry.root), underWay[entry.root] == nil, let descriptor = manifest.descriptor(of: entry.stream) else {
                waiting.removeLast()
                continue
            }
            guard !isGivingWay, let source = budget.leastBusy(of: sources, for: Int(entry.byteCount)) else { break }
            waiting.removeLast()
            underWay[entry.root] = (entry, source)
            budget.take(Int(entry.byteCount), of: source)
            requests.append((source, entry, descriptor))
        }
        return requests
    }

    /// The bucket has come from this session; `false` if it was not asked for there.
    mutating func came(_ root: Digest, from session: SessionID, releasing budget: inout FetchBudget) -> Bool {
        guard let request = underWay[root], request.session == session else { return false }
        underWay[root] = nil
        budget.give(Int(request.entry.byteCount), of: session)
        return true
    }

    /// The session does not serve this bucket: it, and nothing more, is asked of others.
    mutating func failed(_ root: Digest, at session: SessionID, releasing budget: inout FetchBudget) {
        guard let entry = underWay[root]?.entry, came(root, from: session, releasing: &budget) else { return }
        waiting.append(entry)
        sources.removeAll { $0 == session }
    }

    /// The session has ended: all that was asked of it is asked of others.
    mutating func closed(_ session: SessionID, releasing budget: inout FetchBudget) {
        sources.removeAll { $0 == session }
        let lost = underWay.values.filter { $0.session == session }.map(\.entry).sorted()
        for entry in lost.reversed() {
            _ = came(entry.root, from: session, releasing: &budget)
            waiting.append(entry)
        }
    }

    /// The download is over; what is still to come counts for nothing.
    mutating func end(releasing budget: inout FetchBudget) {
        for (entry, session) in underWay.values { budget.give(Int(entry.byteCount), of: session) }  // The order does not matter.
        underWay = [:]
    }
}

/// What may be asked for at one time: of each session, so that what a kill makes a node ask for again stays small, and in all, so that nobody fills its memory.
struct FetchBudget {
    /// Bucket bytes under way from one session: asked for and not yet checked and on disk. One bucket of the longest, so that every bucket can be asked for;
    /// many of ordinary size, so that a long way to the neighbour does not matter.
    static let bytesPerSession = Limits.bucketByteCount
    /// Buckets under way from one session.
    static let bucketsPerSession = 64
    /// Bucket bytes under way in all.
    static let bytesInAll = 32 << 20

    private var load: [SessionID: (byteCount: Int, count: Int)] = [:]
    private var byteCount = 0

    func leastBusy(of sessions: [SessionID], for bytes: Int) -> SessionID? {
        guard byteCount == 0 || byteCount + bytes <= Self.bytesInAll else { return nil }
        var best: (session: SessionID, byteCount: Int)?
        for session in sessions {
            let (used, count) = load[session] ?? (0, 0)
            guard used + bytes <= Self.bytesPerSession, count < Self.bucketsPerSession, best.map({ used < $0.byteCount }) ?? true else { continue }
            best = (session, used)
        }
        return best?.session
    }

    mutating func take(_ bytes: Int, of session: SessionID) {
        let (used, count) = load[session] ?? (0, 0)
        load[session] = (used + bytes, count + 1)
        byteCount += bytes
    }

    mutating func give(_ bytes: Int, of session: SessionID) {
        guard let (used, count) = load[session] else { return }
        load[session] = count > 1 ? (used - bytes, count - 1) : nil
        byteCount -= bytes
    }
}
