import Primitives

/// How often each replicate draws each person: as many as there are, with replacement.
///
/// Persons are drawn, not pairs: the pairs of one person are alike, and intervals from pairs would be far too narrow.
struct BootstrapWeights {
    let replicateCount: Int
    private var weights: [UInt16]

    init(personCount: Int, replicateCount: Int, seed: UInt64) {
        self.replicateCount = replicateCount
        weights = Array(repeating: 0, count: personCount * replicateCount)
        for replicate in 0..<replicateCount {
            var dice = SeededGenerator(of: seed, 0x626F_6F74, UInt64(replicate))
            for _ in 0..<personCount { weights[Int(dice.number(below: UInt64(personCount))) * replicateCount + replicate] += 1 }
        }
    }

    /// The replicates of one person stand together.
    subscript(person: Int, replicate: Int) -> UInt64 { UInt64(weights[person * replicateCount + replicate]) }
}

/// A figure with the middle 95 % of what other draws of persons would have given.
public struct Estimate: Sendable, Equatable {
    public var value: Double
    /// `nil` without replicates that have the figure.
    public var interval: ClosedRange<Double>?

    /// The percentile interval (Efron), between order statistics on the straight line.
    init?(_ value: Double?, replicates: [Double?]) {
        guard let value else { return nil }
        self.value = value
        let sorted = replicates.compactMap { $0 }.sorted()
        guard sorted.count >= 20 else { return }  // Of fewer there is no 2.5th percentile to speak of.
        func quantile(_ share: Double) -> Double {
            let place = Double(sorted.count - 1) * share
            let below = Int(place)
            guard below + 1 < sorted.count else { return sorted[sorted.count - 1] }
            return sorted[below] + (place - Double(below)) * (sorted[below + 1] - sorted[below])
        }
        interval = quantile(0.025)...quantile(0.975)
    }
}
