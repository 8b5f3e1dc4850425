import Foundation

/// What a distance says, for one class of lengths: ten times the decimal logarithm of how much likelier it is for one person than for two.
///
/// **The estimator.** For the pairs of one person, and likewise for those of two, a beta-binomial distribution is fitted to the counts of distances
/// (`BetaBinomial`). Each of its probabilities is then corrected by how many pairs were counted thereabouts for each that it expects, over five
/// distances with the weights 1 2 3 2 1; "as expected" weighs in this as much as `priorPersonCount` persons. So a distance that was seen often says
/// what was counted, and one that was seen hardly ever what the shape of the whole suggests. The deciban is the ratio of the two; it is cut at +15
/// and -10, beyond what some dozens of persons can show, and a smaller distance never says less than a larger one.
public struct DecibanRow: Sendable, Equatable {
    /// The distances of the table; between them lies a straight line.
    public static let distances = [6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 32]
    public static let highest = 15.0
    public static let lowest = -10.0
    /// Persons with two sessions in the class, fewer than which nothing is fitted.
    public static let smallestPersonCount = 10
    /// How many persons' counts the fitted distribution weighs as much as. A guess: enough to keep single pairs from making a figure, little
    /// against a hundred persons.
    static let priorPersonCount = 10.0
    private static let window = [1.0, 2, 3, 2, 1]

    /// In the order of `distances`.
    public let values: [Estimate]
    /// What the fitted distributions alone would say, for comparison.
    public let fitted: [Double]

    /// - Parameter personCount: persons with two sessions of the class, in the replicates too.
    init?(_ counts: DistanceCounts, replicates: [DistanceCounts], personCount: Int) {
        let share = Self.priorPersonCount / (Double(personCount) + Self.priorPersonCount)
        guard let mixed = Self.row(counts, shareOfFit: share), let fitted = Self.row(counts, shareOfFit: 1) else { return nil }
        let others = replicates.map { Self.row($0, shareOfFit: share) }
        values = mixed.enumerated().compactMap { place, value in Estimate(value, replicates: others.map { $0?[place] }) }
        self.fitted = fitted
    }

    private static func row(_ counts: DistanceCounts, shareOfFit: Double) -> [Double]? {
        let (same, different) = (distribution(counts.same, shareOfFit: shareOfFit), distribution(counts.different, shareOfFit: shareOfFit))
        guard let same, let different else { return nil }
        var values = distances.map { min(highest, max(lowest, 10 * log10(same[$0] / different[$0]))) }
        for place in values.indices.dropLast().reversed() { values[place] = max(values[place], values[place + 1]) }
        return values
    }

    /// The probability of each distance; above 0 for all.
    private static func distribution(_ counts: [UInt64], shareOfFit: Double) -> [Double]? {
        guard let fit = BetaBinomial(fitting: counts)?.probabilities else { return nil }
        let total = Double(counts.reduce(0, +))
        return counts.indices.map { distance in
            var (found, expected) = (0.0, 0.0)
            for (offset, weight) in window.enumerated() where counts.indices.contains(distance + offset - 2) {
                found += weight * Double(counts[distance + offset - 2])
                expected += weight * total * fit[distance + offset - 2]
            }
            let correction = shareOfFit + (1 - shareOfFit) * found / max(expected, .leastNormalMagnitude)
            return max(fit[distance] * correction, .leastNormalMagnitude)
        }
    }
}
