import Noise
import Primitives
import Testing

@Suite struct ReplayWindowTests {
    /// Remembers everything, and says what a window of 1,024 has to.
    private struct SlowWindow {
        var taken: Set<UInt64> = []

        func verdict(on counter: UInt64) -> ReplayWindow.Verdict {
            if let highest = taken.max(), counter < highest, highest - counter >= 1_024 { return .tooOld }
            return taken.contains(counter) ? .replayed : .fresh
        }
    }

    @Test(arguments: [1, 2, 3, 4, 5, 6, 7, 8] as [UInt64]) func theRingAgreesWithASetThatForgetsNothing(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var fast = ReplayWindow()
        var slow = SlowWindow()
        var base: UInt64 = seed.isMultiple(of: 2) ? 0 : .max - 6_000
        var seen: Set<String> = []

        for step in 0..<3_000 {
            if random.next() % 16 == 0 { base += min(random.next() % 40, .max - 1 - base) }
            if random.next() % 500 == 0 { base += min(random.next() % 3_000, .max - 1 - base) }
            let behind = random.next() % 1_100, ahead = random.next() % 8
            let start = base > behind ? base - behind : 0
            let counter = start + min(ahead, .max - 1 - start)
            let verdict = fast.verdict(on: counter)
            #expect(verdict == slow.verdict(on: counter), "seed \(seed), step \(step), counter \(counter)")
            seen.insert("\(verdict)")
            if verdict == .fresh, random.next() % 4 != 0 {  // Some are forged: asked about, never recorded.
                fast.record(counter)
                slow.taken.insert(counter)
            }
        }
        #expect(seen.count == 3, "seed \(seed): not every verdict was met")
    }

    @Test func theEdgesOfTheWindowAreExact() {
        var window = ReplayWindow()
        #expect(window.verdict(on: 0) == .fresh && window.verdict(on: .max) == .fresh)

        window.record(5_000)

        #expect(window.verdict(on: 5_000) == .replayed)
        #expect(window.verdict(on: 5_000 - 1_023) == .fresh)
        #expect(window.verdict(on: 5_000 - 1_024) == .tooOld)
        window.record(5_000 - 1_023)
        window.record(5_001)
        #expect(window.verdict(on: 5_000 - 1_023) == .tooOld)
        #expect(window.verdict(on: 5_000) == .replayed)
        window.record(.max - 1)
        #expect(window.verdict(on: .max - 1) == .replayed && window.verdict(on: .max - 2) == .fresh && window.verdict(on: 5_001) == .tooOld)
    }
}
