import Ledger
import Primitives
import Testing

@testable import Similarity

@Suite struct SettlementTests {
    private let stream = StreamID.sessionSimHash1

    private struct Kept {
        let seen: [Seen]
        let bucket: Bucket
        var origin: OriginID { seen[0].origin }
    }

    private func kept(_ number: Int, _ centre: [UInt64], _ samples: inout Samples) -> Kept {
        let day = Day(number: UInt32(20_000 + number))
        let seen = samples.seen((0..<50).map { _ in samples.code(near: centre, turning: 24) } + [centre], at: origin(UInt8(1 + number % 3)), on: day)
        return Kept(seen: seen, bucket: samples.bucket(seen, on: day))
    }

    /// A settlement is made of an earlier state: what was added meanwhile stays, what was removed meanwhile stays removed.
    @Test(arguments: seeds) func whatChangesWhileRunsAreMadeIsKept(seed: UInt64) {
        var samples = Samples(seed: seed)
        let centre = samples.code()
        var index = SightingIndex(own: origin(9))
        var all: [Kept] = []
        for round in 0..<12 {
            for _ in 0..<4 {
                all.append(kept(round * 10 + all.count, centre, &samples))
                index.add(all.last!.bucket, of: all.last!.origin)
            }
            let made = index.shelf(of: stream).settlement(looseLimit: 100)
            // Some of what the settlement holds goes, of the loose and of the older runs alike, and something new comes.
            for _ in 0..<2 {
                let gone = all.remove(at: Int(samples.random.number(below: UInt64(all.count))))
                index.remove([gone.bucket.entry.root], of: gone.origin)
            }
            all.append(kept(round * 10 + 9 + 500, centre, &samples))
            index.add(all.last!.bucket, of: all.last!.origin)
            if let made { index.install(SightingIndex.Settlement(stream: stream, shelf: made)) }
            #expect(made != nil && index.count(of: stream) == all.reduce(0) { $0 + $1.seen.count }, "round \(round), \(replay(seed))")
            for selection in [SightingIndex.Selection.within(8), .nearest(20)] {
                let answer = index.ask(centre, in: stream, selection)
                #expect(answer == naive(centre, selection, in: all.flatMap(\.seen), own: origin(9)), "round \(round), \(selection), \(replay(seed))")
            }
        }
        #expect(index.shelf(of: stream).runs.contains { $0.goneCount > 0 })
    }

    /// All that a settlement holds has gone when it is installed: no run is left of it.
    @Test func aSettlementOfWhatHasGoneIsNoRun() {
        var samples = Samples(seed: 5)
        let centre = samples.code()
        var index = SightingIndex(own: origin(9))
        let all = (0..<4).map { kept($0, centre, &samples) }
        for each in all { index.add(each.bucket, of: each.origin) }
        let made = index.shelf(of: stream).settlement(looseLimit: 10)!
        for each in all { index.remove([each.bucket.entry.root], of: each.origin) }
        index.install(SightingIndex.Settlement(stream: stream, shelf: made))
        #expect(index.shelf(of: stream).runs.isEmpty && index.count(of: stream) == 0 && !index.ask(centre, in: stream, .within(64)).seen)
    }

    /// Many codes at once are answered as one by one, of every width, whatever is in runs and whatever is loose.
    @Test(arguments: seeds, [1, 2, 4]) func togetherCodesAreAnsweredAsAlone(seed: UInt64, words: Int) {
        var samples = Samples(seed: seed, wordsPerCode: words)
        let centre = samples.code()
        var index = SightingIndex(own: origin(9))
        for number in 0..<9 {
            let day = Day(number: UInt32(20_000 + number))
            let codes = (0..<200).map { $0 % 2 == 0 ? samples.code(near: centre, turning: 20) : samples.code() }
            index.add(samples.bucket(samples.seen(codes, at: origin(2), on: day), on: day), of: origin(2))
            if number == 6 { index.settle(looseLimit: 0) }
        }
        #expect(index.shelf(of: stream).runs.isEmpty == (words > 1) && !index.shelf(of: stream).loose.isEmpty)
        let asked = (0..<70).map { $0 % 3 == 0 ? samples.code() : samples.code(near: centre, turning: 12) } + [centre, centre]
        for selection in [SightingIndex.Selection.within(6), .within(40), .nearest(10), .nearest(0)] {
            for background in [SightingIndex.Background.exact, .none] {
                let together = index.ask(asked, in: stream, selection, background: background)
                let alone = asked.map { code -> SimHashAnswer in index.ask(code, in: stream, selection, background: background) }
                #expect(together == alone, "\(selection), \(replay(seed))")
            }
        }
        #expect((index.ask([[UInt64]](), in: stream, .within(3)) as [SimHashAnswer]).isEmpty)
    }

    /// Whatever a clock says, costs are positive numbers, and small runs are no measure.
    @Test func costsAreUsableWhateverTheClockSays() {
        var samples = Samples(seed: 6)
        var index = SightingIndex(own: origin(9))
        #expect(index.measuredCosts { 0 } == SearchCosts())
        for number in 0..<17 {
            let day = Day(number: UInt32(20_000 + number))
            index.add(samples.bucket(samples.seen((0..<8_000).map { _ in samples.code() }, at: origin(2), on: day), on: day), of: origin(2))
        }
        index.settle(looseLimit: 0)
        #expect(index.shelf(of: stream).runs[0].run.codeCount >= SearchCosts.leastCodes)
        var ticks: UInt64 = 0
        let clocks: [() -> UInt64] = [{ 0 }, { ticks &-= 1_000; return ticks }, { ticks &+= 1_000_000; return ticks }, { .max }]
        for clock in clocks {
            let costs = index.measuredCosts(nanoseconds: clock)
            for each in [costs.bucket, costs.code, costs.walked, costs.scanned] { #expect(each > 0 && each.isFinite, "\(costs)") }
        }
        index.costs = index.measuredCosts { ticks &+= 50_000; return ticks }
        #expect(index.costs != SearchCosts())
    }
}
