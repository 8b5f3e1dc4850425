import Primitives
import Testing

@Suite struct BoundedQueueTests {
    /// Every operation gives what a plain array would give.
    @Test(arguments: [1, 2, 3, 4, 5] as [UInt64]) func aQueueIsAnArrayWithALimit(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let capacity = 1 + Int(random.number(below: 40))
        var queue = BoundedQueue<UInt64>(capacity: capacity)
        var plain: [UInt64] = []
        for _ in 0..<5_000 {
            if random.number(below: 100) < 55 {
                let element = random.next()
                let fits = plain.count < capacity
                #expect(queue.append(element) == fits, "seed \(seed)")
                if fits { plain.append(element) }
            } else {
                #expect(queue.popFirst() == (plain.isEmpty ? nil : plain.removeFirst()), "seed \(seed)")
            }
            #expect(queue.count == plain.count && queue.isEmpty == plain.isEmpty && queue.isFull == (plain.count == capacity), "seed \(seed)")
        }
    }
}

@Suite struct SeededGeneratorTests {
    /// SplitMix64 as published by Vigna, from seed 1234567.
    @Test func theNumbersAreThoseOfSplitMix64() {
        var random = SeededGenerator(seed: 1_234_567)
        let numbers = (0..<5).map { _ in random.next() }
        #expect(
            numbers == [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423, 4_593_380_528_125_082_431, 16_408_922_859_458_223_821])
    }

    @Test(arguments: [1, 2, 3, 10, 255, 1 << 63, UInt64.max] as [UInt64]) func aNumberIsBelowItsBound(bound: UInt64) {
        var random = SeededGenerator(seed: bound)
        for _ in 0..<1_000 { #expect(random.number(below: bound) < bound) }
    }

    @Test func allNumbersBelowAreEquallyLikely() {
        var random = SeededGenerator(seed: 99)
        var counts = [Int](repeating: 0, count: 6)
        for _ in 0..<60_000 { counts[Int(random.number(below: 6))] += 1 }
        for count in counts { #expect((9_500...10_500).contains(count)) }
    }

    @Test func reorderingKeepsAllElements() {
        var random = SeededGenerator(seed: 4)
        var elements = Array(0..<100)
        elements.reorder(using: &random)
        #expect(elements != Array(0..<100))
        #expect(elements.sorted() == Array(0..<100))
        let sample = elements.sample(10, using: &random)
        #expect(Set(sample).count == 10)
        #expect(elements.sample(1_000, using: &random).count == 100)
        #expect(elements.sample(-1, using: &random).isEmpty)
        #expect([Int]().pick(using: &random) == nil)
        #expect([7].pick(using: &random) == 7)
    }

    @Test(arguments: 0...17) func asManyBytesAsAskedFor(count: Int) {
        var (one, two) = (SeededGenerator(seed: 8), SeededGenerator(seed: 8))
        #expect(one.bytes(count: count) == Array(two.bytes(count: 24).prefix(count)))
    }

    @Test func durationsStayWithin() {
        var random = SeededGenerator(seed: 3)
        for _ in 0..<1_000 { #expect((.zero ... .milliseconds(5)).contains(random.duration(upTo: .milliseconds(5)))) }
        #expect(random.duration(upTo: .zero) == .zero)
        #expect(random.duration(upTo: .seconds(-1)) == .zero)
    }
}
