import Ledger
import Primitives

/// The codes of one stream, kept so that near ones are found fast: a few large immutable runs, and the newest buckets beside them as they came.
/// A value, cheap to copy.
///
/// A bucket can be asked as soon as it is added. `settle` moves what has gathered into runs; each is made at least four times as large as the next, so there
/// are few, and a code is moved a few times in its life.
struct CodeShelf: Sendable {
    /// More loose codes than this are made a run.
    static let looseLimit = 16_384

    struct Held: Sendable {
        let run: CodeRun
        /// By segment of the run: whether it is still held. What has gone stays in the run, unanswered, until `settle` makes a new one.
        var isLive: [Bool]
        var goneCount = 0
    }

    private(set) var runs: [Held] = []
    /// What no run holds.
    private(set) var loose: [CodeSegment] = []

    mutating func add(_ segment: CodeSegment) { loose.append(segment) }

    mutating func remove(_ roots: Set<Digest>, of origin: OriginID) {
        loose.removeAll { $0.origin == origin && roots.contains($0.root) }
        for place in runs.indices {
            for (number, segment) in runs[place].run.segments.enumerated()
            where runs[place].isLive[number] && segment.origin == origin && roots.contains(segment.root) {
                runs[place].isLive[number] = false
                runs[place].goneCount += segment.count
            }
        }
    }

    /// Whether `settle` would do anything.
    func isUnsettled(looseLimit: Int = CodeShelf.looseLimit) -> Bool {
        looseWordCount > looseLimit || runs.contains { Self.isWorn($0) }
    }

    /// Makes runs of what has gathered, and new ones of those that have lost an eighth. O(codes moved).
    mutating func settle(looseLimit: Int = CodeShelf.looseLimit, tableMinimum: Int = CodeRun.tableMinimum) {
        for place in runs.indices where Self.isWorn(runs[place]) { runs[place] = Self.held(live(runs[place]), tableMinimum) }
        runs.removeAll { $0.run.segments.isEmpty }
        guard looseWordCount > looseLimit else { return }
        var gathered = loose.filter { $0.wordsPerCode == 1 && $0.count <= 1 << 16 }
        var count = gathered.reduce(0) { $0 + $1.count }
        while let last = runs.last, last.run.codes.count < 4 * count {
            gathered += live(last)
            count += last.run.codes.count
            runs.removeLast()
        }
        loose.removeAll { $0.wordsPerCode == 1 && $0.count <= 1 << 16 }
        runs.append(Self.held(gathered, tableMinimum))
    }

    private var looseWordCount: Int { loose.reduce(0) { $0 + ($1.wordsPerCode == 1 && $1.count <= 1 << 16 ? $1.count : 0) } }

    private func live(_ held: Held) -> [CodeSegment] { held.run.segments.enumerated().filter { held.isLive[$0.offset] }.map(\.element) }

    private static func isWorn(_ held: Held) -> Bool { held.goneCount > 0 && held.goneCount * 8 >= held.run.segments.reduce(0) { $0 + $1.count } }

    private static func held(_ segments: [CodeSegment], _ tableMinimum: Int) -> Held {
        Held(run: CodeRun(segments, tableMinimum: tableMinimum), isLive: [Bool](repeating: true, count: segments.count))
    }
}
