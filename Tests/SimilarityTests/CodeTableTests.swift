import CHamming
import Ledger
import Primitives
import Testing

@testable import Similarity

/// The tables themselves, of either layout, with every kernel this processor runs.
@Suite struct CodeTableTests {
    /// How codes lie: what each makes hard for sorting and grouping.
    enum Shape: CaseIterable {
        case uniform
        /// Around a few centres, which come again and again.
        case clustered
        /// Alike in their upper 40 bits: one slice, one bucket, one long sort.
        case crowded
        /// One code in every bucket.
        case single
    }

    private func code(_ shape: Shape, _ centres: [UInt64], _ samples: inout Samples) -> [UInt64] {
        switch shape {
        case .uniform: samples.code()
        case .clustered: samples.code(near: [centres.pick(using: &samples.random)!], turning: samples.random.number(below: 3) == 0 ? 0 : 9)
        case .crowded: [centres[0] & ~0xFF_FFFF | samples.random.number(below: 1 << 24)]
        case .single: [centres[0]]
        }
    }

    private func segments(_ shape: Shape, _ samples: inout Samples) -> [CodeSegment] {
        let centres = (0..<4).map { _ in samples.random.next() }
        return (0..<6).map { number in
            let day = Day(number: UInt32(20_000 + number))
            let seen = samples.seen((0..<300).map { _ in code(shape, centres, &samples) }, at: origin(UInt8(number + 1)), on: day)
            return CodeSegment(samples.bucket(seen, on: day), of: origin(UInt8(number + 1)))!
        }
    }

    private struct Sighting: Hashable, Comparable {
        let code: UInt64
        let segment: Int
        let sessions: UInt16
        static func < (left: Sighting, right: Sighting) -> Bool { (left.code, left.segment, left.sessions) < (right.code, right.segment, right.sessions) }
    }

    private func sightings(_ segments: [CodeSegment]) -> [Sighting] {
        segments.enumerated().flatMap { number, segment in
            segment.codes.indices.map { Sighting(code: segment.codes[$0], segment: number, sessions: segment.sessions[$0]) }
        }.sorted()
    }

    private func sightings(_ run: CodeRun) -> [Sighting] {
        var all: [Sighting] = []
        run.forEachCode { place, code in
            run.forEachPosting(of: place) { all.append(Sighting(code: code, segment: Int($0.segment), sessions: $0.sessions)) }
        }
        return all.sorted()
    }

    /// The slow answer, by looking at everything, is also that of two runs merged with some segments left out.
    @Test(arguments: seeds, Shape.allCases) func aRunHoldsEverySightingOnceAlsoWhenItIsMerged(seed: UInt64, shape: Shape) {
        var samples = Samples(seed: seed)
        let segments = segments(shape, &samples)
        for threeTableMinimum in [0, .max] {
            let run = CodeRun(RunParts(segments.map { .segment($0) }, threeTableMinimum: threeTableMinimum))
            #expect(sightings(run) == sightings(segments), "\(shape), \(replay(seed))")
            #expect(run.sightingCount == segments.reduce(0) { $0 + $1.count } && run.codeCount == Set(segments.flatMap(\.codes)).count)
            let first = CodeRun(RunParts(segments[..<3].map { .segment($0) }, threeTableMinimum: threeTableMinimum))
            let merged = CodeRun(RunParts([.segment(segments[3]), .run(first, isLive: [true, false, true]), .segment(segments[5])]))
            #expect(sightings(merged) == sightings([segments[3], segments[0], segments[2], segments[5]]), "\(shape), \(replay(seed))")
        }
    }

    @Test(arguments: seeds, Shape.allCases) func everyNearCodeIsGivenOnceWhateverIsThoughtToBeCheap(seed: UInt64, shape: Shape) {
        var samples = Samples(seed: seed)
        let segments = segments(shape, &samples)
        var tablesOnly = SearchCosts()
        (tablesOnly.walked, tablesOnly.scanned) = (1e9, 1e9)
        var scanOnly = SearchCosts()
        (scanOnly.bucket, scanOnly.code) = (1e9, 1e9)
        let known = segments[0].codes[segments[0].count / 2]
        let queries = [known, samples.code(near: [known], turning: 6)[0], samples.random.next(), 0, .max]
        let all = Set(segments.flatMap(\.codes))
        for threeTableMinimum in [0, .max] {
            let run = CodeRun(RunParts(segments.map { .segment($0) }, threeTableMinimum: threeTableMinimum))
            var codes = [UInt64](repeating: 0, count: run.codeCount)
            run.forEachCode { place, code in codes[place] = code }
            // Going through four million nearly empty buckets takes its time.
            let scanLimits: [UInt16] = threeTableMinimum == 0 ? [8, 64] : [0, 6, 8, 24, 64]
            for kernel in HammingKernel.supported {
                for (costs, limits) in [(tablesOnly, [0, 3, 7]), (SearchCosts(), [0, 6, 12]), (scanOnly, scanLimits)] as [(SearchCosts, [UInt16])] {
                    for limit in limits {
                        var found = [[UInt64]](repeating: [], count: queries.count)
                        var wrongCount = 0
                        run.search(queries, costs: costs, kernel: kernel) { _ in limit } report: { query, place, code, distance in
                            if Int(distance) != (code ^ queries[query]).nonzeroBitCount || codes[place] != code { wrongCount += 1 }
                            if distance <= limit { found[query].append(code) }
                        }
                        let expected = queries.map { query in all.filter { ($0 ^ query).nonzeroBitCount <= Int(limit) }.sorted() }
                        #expect(
                            wrongCount == 0 && found.map { $0.sorted() } == expected,
                            "\(shape), \(kernel.name), within \(limit), \(run.tableCount) tables, \(replay(seed))")
                    }
                }
            }
        }
    }

    @Test(arguments: seeds, Shape.allCases) func theHistogramCountsWhatIsLive(seed: UInt64, shape: Shape) {
        var samples = Samples(seed: seed)
        let segments = segments(shape, &samples)
        let run = CodeRun(RunParts(segments.map { .segment($0) }))
        let query = samples.code(near: [segments[1].codes[0]], turning: 8)[0]
        for isLive in [nil, [true, false, true, true, false, true], [Bool](repeating: false, count: 6)] as [[Bool]?] {
            var expected = [UInt64](repeating: 0, count: 65)
            for (number, segment) in segments.enumerated() where isLive?[number] ?? true {
                for code in segment.codes { expected[(code ^ query).nonzeroBitCount] += 1 }
            }
            for kernel in HammingKernel.supported {
                var counts = [UInt64](repeating: 0, count: 65)
                run.count(distancesFrom: query, isLive: isLive, kernel: kernel, in: &counts)
                #expect(counts == expected, "\(shape), \(kernel.name), \(replay(seed))")
            }
        }
    }

    /// Equal codes keep their order, whichever bits are known to be shared.
    @Test(arguments: seeds, [0, 1, 12, 47, 48, 63]) func sortingIsThatOfTheStandardLibrary(seed: UInt64, shared: UInt64) {
        var samples = Samples(seed: seed)
        for (count, bits) in [(0, 64), (1, 64), (24, 64), (25, 64), (3_000, 64), (3_000, 9), (3_000, 0), (70_000, 64)] as [(Int, UInt64)] {
            let upper = shared == 0 ? 0 : (samples.random.next() >> (64 - shared)) << (64 - shared)
            var entries = (0..<count).map { place in
                let lower = min(bits, 64 - shared)
                let code = lower == 0 ? upper : upper | samples.random.next() >> (64 - lower)
                return hamming_entry(code: code, posting: hamming_posting(segment: UInt32(place), sessions: 1, strength: 0))
            }
            let expected = entries.sorted { ($0.code, $0.posting.segment) < ($1.code, $1.posting.segment) }
            var scratch = [hamming_entry](repeating: hamming_entry(), count: count)
            hamming_sort(&entries, &scratch, count, UInt32(shared))
            #expect(
                entries.map(\.code) == expected.map(\.code) && entries.map(\.posting.segment) == expected.map(\.posting.segment),
                "\(count) codes of \(bits) bits, \(shared) shared, \(replay(seed))")
        }
    }
}
