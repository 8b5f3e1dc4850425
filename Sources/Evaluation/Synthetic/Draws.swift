import Foundation
import Primitives

extension SeededGenerator {
    /// A generator of its own for whatever these numbers name: what one thing draws changes nothing of what another draws.
    init(of names: UInt64...) {
        var state: UInt64 = 0
        for name in names {
            var mixer = SeededGenerator(seed: state ^ name)
            state = mixer.next()
        }
        self.init(seed: state)
    }
}

extension RandomNumberGenerator {
    /// From 0 up to, but not including, 1.
    mutating func unit() -> Double { Double(next() >> 11) * 0x1p-53 }

    mutating func happens(_ probability: Double) -> Bool { unit() < probability }

    mutating func real(_ range: ClosedRange<Double>) -> Double { range.lowerBound + unit() * (range.upperBound - range.lowerBound) }

    mutating func integer(_ range: ClosedRange<Int>) -> Int { range.lowerBound + Int(number(below: UInt64(range.count))) }

    /// Normally distributed (Box and Muller).
    mutating func normal(_ mean: Double = 0, _ deviation: Double) -> Double {
        mean + deviation * (-2 * log(1 - unit())).squareRoot() * cos(2 * .pi * unit())
    }

    mutating func exponential(mean: Double) -> Double { -mean * log(1 - unit()) }

    /// From `low` to `high`, every octave as likely as any other.
    mutating func octaves(from low: Double, to high: Double) -> Double { low * exp(unit() * log(high / low)) }

    /// An element; those at the front more often, as words are in a language (Zipf: the n-th in proportion to 1/n).
    mutating func pickByRank<Element>(_ elements: [Element]) -> Element {
        precondition(!elements.isEmpty, "there is something to pick from")
        // Of a rank x from 1 to n + 1 with density 1/x, the logarithm is uniform.
        let rank = exp(unit() * log(Double(elements.count + 1)))
        return elements[min(elements.count, Int(rank)) - 1]
    }

    mutating func pick<Element>(_ elements: [Element]) -> Element {
        precondition(!elements.isEmpty, "there is something to pick from")
        return elements[Int(number(below: UInt64(elements.count)))]
    }
}
