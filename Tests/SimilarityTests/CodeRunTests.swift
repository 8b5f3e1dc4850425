import Ledger
import Primitives
import Synchronization
import Testing

@testable import Similarity

@Suite struct CodeRunTests {
    private let selections: [SightingIndex.Selection] = [
        .within(0), .within(3), .within(6), .within(12), .within(24), .within(64), .nearest(1), .nearest(10), .nearest(300),
    ]

    /// A day's codes: uniform, or half of them around few centres, some being the centres themselves.
    private func codes(_ samples: inout Samples, _ count: Int, around centres: [[UInt64]]) -> [[UInt64]] {
        (0..<count).map { place in
            guard place % 2 == 0, let centre = centres.pick(using: &samples.random) else { return samples.code() }
            return samples.code(near: centre, turning: place % 4 == 0 ? 0 : 14)
        }
    }

    /// Costs under which tables are always used, or hardly ever, or as measured: the answer is the same.
    private var costs: [SearchCosts] {
        var cheap = SearchCosts()
        (cheap.bucket, cheap.code, cheap.walked, cheap.scanned) = (0.0001, 0.0001, 10_000, 10_000)
        var dear = SearchCosts()
        (dear.bucket, dear.code, dear.walked, dear.scanned) = (10_000, 10_000, 0.0001, 0.0001)
        return [SearchCosts(), cheap, dear]
    }

    @Test(arguments: seeds, [false, true]) func aRunGivesTheAnswersOfLookingAtEverything(seed: UInt64, isClustered: Bool) {
        var samples = Samples(seed: seed)
        let centres = isClustered ? (0..<6).map { _ in samples.code() } : []
        var index = SightingIndex(own: origin(2))
        var all: [Seen] = []
        for number: UInt8 in 1...3 {
            for day in 0..<3 {
                let day = Day(number: 20_000 + UInt32(day))
                let seen = samples.seen(codes(&samples, 250, around: centres), at: origin(number), on: day)
                index.add(samples.bucket(seen, on: day), of: origin(number))
                all += seen
            }
        }
        index.settle(looseLimit: 0)
        #expect(index.shelf(of: .sessionSimHash1).runs.map(\.run.tableCount) == [4] && index.shelf(of: .sessionSimHash1).loose.isEmpty)
        let known = all.pick(using: &samples.random)!.code
        for code in [known, samples.code(near: known, turning: 7), samples.code(), [0], [.max]] {
            let ranking = Ranking(all, from: code, own: origin(2))
            for selection in selections {
                for costs in costs {
                    index.costs = costs
                    #expect(index.ask(code, in: .sessionSimHash1, selection) == ranking.answer(selection), "\(selection), \(replay(seed))")
                }
            }
        }
    }

    /// Buckets come, go and are replaced while runs are made of them; every answer is that of what is held, and old copies stay what they were.
    @Test(arguments: seeds) func answersFollowEveryChangeOfTheRuns(seed: UInt64) {
        var samples = Samples(seed: seed)
        let centres = (0..<4).map { _ in samples.code() }
        var index = SightingIndex(own: origin(1))
        var held: [(seen: [Seen], bucket: Bucket)] = []
        for step in 0..<60 {
            let before = (index: index, seen: held.flatMap(\.seen))
            let who = origin(UInt8(1 + samples.random.number(below: 3)))
            let day = Day(number: 20_000 + UInt32(step))
            if !held.isEmpty, samples.random.number(below: 3) == 0 {
                let old = held.remove(at: Int(samples.random.number(below: UInt64(held.count))))
                index.remove([old.bucket.entry.root], of: old.seen[0].origin)
            } else {
                let seen = samples.seen(codes(&samples, 40, around: centres), at: who, on: day)
                held.append((seen, samples.bucket(seen, on: day)))
                index.add(held.last!.bucket, of: who)
            }
            if samples.random.number(below: 2) == 0 { index.settle(looseLimit: 60) }
            let code = samples.code(near: centres[step % 4], turning: 5)
            for selection in [SightingIndex.Selection.within(6), .within(14), .nearest(10)] {
                let expected = naive(code, selection, in: held.flatMap(\.seen), own: origin(1))
                #expect(index.ask(code, in: .sessionSimHash1, selection) == expected, "step \(step), \(replay(seed))")
                let old = before.index.ask(code, in: .sessionSimHash1, selection)
                #expect(old == naive(code, selection, in: before.seen, own: origin(1)), "before step \(step), \(replay(seed))")
            }
        }
        #expect(!index.shelf(of: .sessionSimHash1).runs.isEmpty)
    }

    /// Without the histogram everything else is the same, apart from the nearest distance of codes that are not looked at.
    @Test(arguments: seeds) func withoutTheBackgroundTheMatchesAreTheSame(seed: UInt64) {
        var samples = Samples(seed: seed)
        let day = Day(number: 20_000)
        var index = SightingIndex(own: origin(1))
        let seen = samples.seen(codes(&samples, 900, around: [samples.code()]), at: origin(2), on: day)
        index.add(samples.bucket(seen, on: day), of: origin(2))
        index.settle(looseLimit: 0)
        for selection in selections {
            let whole = index.ask(seen[7].code, in: .sessionSimHash1, selection)
            let alone = index.ask(seen[7].code, in: .sessionSimHash1, selection, background: .none)
            #expect(alone.histogram.isEmpty && alone.nearestDistance == 0, replay(seed))
            #expect(alone.matches == whole.matches && alone.sessions == whole.sessions && alone.operators == whole.operators, "\(selection), \(replay(seed))")
        }
    }

    /// Readers take a copy while a writer adds, removes and settles: what they see is one whole state.
    @Test(arguments: seeds) func readersSeeWholeStatesWhileBucketsChange(seed: UInt64) async {
        var samples = Samples(seed: seed)
        let day = Day(number: 20_000)
        let centre = samples.code()
        var states: [[Seen]] = []
        let buckets = (0..<20).map { number in
            let seen = samples.seen((0..<100).map { _ in samples.code(near: centre, turning: 20) }, at: origin(UInt8(number + 1)), on: day)
            states.append((states.last ?? []) + seen)
            return samples.bucket(seen, on: day)
        }
        let expected = Set(states.map { naive(centre, .nearest(25), in: $0, own: origin(200)) } + [naive(centre, .nearest(25), in: [], own: origin(200))])
        let published = Published(SightingIndex(own: origin(200)))
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<3 {
                group.addTask {
                    for _ in 0..<60 {
                        let copy = published.index.withLock { $0 }
                        #expect(expected.contains(copy.ask(centre, in: .sessionSimHash1, .nearest(25))), replay(seed))
                    }
                }
            }
            group.addTask {
                for (number, bucket) in buckets.enumerated() {
                    var next = published.index.withLock { $0 }
                    next.add(bucket, of: origin(UInt8(number + 1)))
                    next.settle(looseLimit: 150)
                    published.index.withLock { $0 = next }
                }
            }
        }
    }

    @Test func eachRunIsMuchLargerThanTheNext() {
        var samples = Samples(seed: 3)
        var shelf = CodeShelf()
        for number in 0..<200 {
            let day = Day(number: UInt32(20_000 + number))
            shelf.add(CodeSegment(samples.bucket(samples.seen((0..<20).map { _ in samples.code() }, at: origin(1), on: day), on: day), of: origin(1))!)
            if shelf.isUnsettled(looseLimit: 50) { shelf.settle(looseLimit: 50) }
            let sizes = shelf.runs.map(\.run.codeCount)
            for (larger, next) in zip(sizes, sizes.dropFirst()) { #expect(larger >= 4 * next, "\(sizes)") }
        }
        #expect(shelf.runs.count <= 4 && shelf.loose.count <= 3)
    }
}

/// The newest index, for readers and a writer.
private final class Published: Sendable {
    let index: Mutex<SightingIndex>
    init(_ index: SightingIndex) { self.index = Mutex(index) }
}
