import Ledger
import Primitives

/// The codes of one stream, kept so that near ones are found fast: a few large immutable runs, and the newest buckets beside them as they came.
/// A value, cheap to copy.
///
/// A bucket can be asked as soon as it is added. Settling moves what has gathered into runs; each is made at least four times as large as the next, so there
/// are few, and a code is moved a few times in its life. A settlement is made from a copy and installed later, so nobody waits for it.
struct CodeShelf: Sendable {
    /// More loose codes than this are made a run.
    static let looseLimit = 16_384

    struct Held: Sendable {
        let run: CodeRun
        /// By segment of the run: whether it is still held. What has gone stays in the run, unanswered, until a settlement makes a new one.
        var isLive: [Bool]
        var goneCount = 0

        var isWorn: Bool { goneCount > 0 && goneCount * 8 >= run.sightingCount }
        var liveCount: Int { run.sightingCount - goneCount }

        mutating func remove(where isGone: (SegmentLabel) -> Bool) {
            for (number, label) in run.labels.enumerated() where isLive[number] && isGone(label) {
                isLive[number] = false
                goneCount += label.count
            }
        }
    }

    private(set) var runs: [Held] = []
    /// What no run holds.
    private(set) var loose: [CodeSegment] = []

    var count: Int { runs.reduce(0) { $0 + $1.liveCount } + loose.reduce(0) { $0 + $1.count } }

    /// What it weighs, all in.
    var byteCount: Int {
        loose.reduce(runs.reduce(0) { $0 + $1.run.byteCount + $1.isLive.count }) { sum, segment in
            sum + segment.codes.count * 8 + segment.count * 3 + MemoryLayout<SegmentLabel>.stride
        }
    }

    mutating func add(_ segment: CodeSegment) { loose.append(segment) }

    mutating func remove(_ roots: Set<Digest>, of origin: OriginID) {
        loose.removeAll { $0.label.origin == origin && roots.contains($0.label.root) }
        for place in runs.indices { runs[place].remove { $0.origin == origin && roots.contains($0.root) } }
    }

    /// The same with some segments alone.
    func narrowed(to isWanted: (SegmentLabel) -> Bool) -> CodeShelf {
        var narrow = self
        narrow.loose.removeAll { !isWanted($0.label) }
        for place in narrow.runs.indices { narrow.runs[place].remove { !isWanted($0) } }
        return narrow
    }
}

// MARK: Settling

extension CodeShelf {
    /// A new run, and what it takes the place of.
    struct Settlement: Sendable {
        fileprivate let run: CodeRun
        /// Where the new run's segments were, in its order.
        fileprivate let segments: [CodeSegment]
        fileprivate let replaced: [Held]
    }

    /// Whether settling would do anything.
    func isUnsettled(looseLimit: Int = CodeShelf.looseLimit) -> Bool { looseCount > looseLimit || runs.contains { $0.isWorn } }

    /// Makes one new run: of what has gathered and the runs that are not large enough to stay beside it, or of a run that has lost an eighth.
    /// `nil` if there is nothing to do. O(codes moved).
    func settlement(looseLimit: Int = CodeShelf.looseLimit) -> Settlement? {
        if looseCount > looseLimit {
            var segments: [CodeSegment] = []
            var count = 0
            for segment in loose where Self.canBeMoved(segment) && count + segment.count <= CodeRun.codeLimit {
                segments.append(segment)
                count += segment.count
            }
            var replaced: [Held] = []
            for held in runs.reversed() {
                guard held.liveCount < 4 * count, count + held.liveCount <= CodeRun.codeLimit else { break }
                replaced.append(held)
                count += held.liveCount
            }
            return Settlement(segments, replaced)
        }
        return runs.first { $0.isWorn }.map { Settlement([], [$0]) }
    }

    /// Puts a settlement of an earlier state of this shelf in its place.
    mutating func install(_ settlement: Settlement) {
        let current = settlement.replaced.map { held in runs.first { $0.run === held.run } }
        let stillLoose = Set(loose.map { ObjectIdentifier($0) })
        var isLive = settlement.segments.map { stillLoose.contains(ObjectIdentifier($0)) }
        for (then, now) in zip(settlement.replaced, current) {
            for number in then.isLive.indices where then.isLive[number] { isLive.append(now?.isLive[number] ?? false) }
        }
        let moved = Set(settlement.segments.map { ObjectIdentifier($0) })
        loose.removeAll { moved.contains(ObjectIdentifier($0)) }
        runs.removeAll { held in settlement.replaced.contains { $0.run === held.run } }
        var held = Held(run: settlement.run, isLive: isLive)
        for (number, label) in settlement.run.labels.enumerated() where !isLive[number] { held.goneCount += label.count }
        guard held.liveCount > 0 else { return }
        runs.insert(held, at: runs.firstIndex { $0.liveCount < held.liveCount } ?? runs.count)
    }

    /// Settles until there is nothing to do.
    mutating func settle(looseLimit: Int = CodeShelf.looseLimit) {
        while let settlement = settlement(looseLimit: looseLimit) { install(settlement) }
    }

    private var looseCount: Int { loose.reduce(0) { $0 + (Self.canBeMoved($1) ? $1.count : 0) } }

    /// Wider codes are scanned.
    private static func canBeMoved(_ segment: CodeSegment) -> Bool { segment.wordsPerCode == 1 }
}

extension CodeShelf.Settlement {
    fileprivate init(_ segments: [CodeSegment], _ replaced: [CodeShelf.Held]) {
        self.segments = segments
        self.replaced = replaced
        run = CodeRun(RunParts(segments.map { .segment($0) } + replaced.map { .run($0.run, isLive: $0.isLive) }))
    }
}
