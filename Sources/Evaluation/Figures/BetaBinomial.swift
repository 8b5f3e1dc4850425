import Foundation

/// A distribution of distances whose bits fall alike but not independently: each pair has a probability of its own, drawn from a beta distribution.
///
/// Fitted to counts: the mean is that of the counts, the spread the most likely one.
struct BetaBinomial: Equatable {
    /// The two parameters of the beta distribution.
    let alpha: Double
    let beta: Double

    /// `nil` without counts.
    init?(fitting counts: [UInt64]) {
        let bitCount = DistanceCounts.bitCount
        guard let mean = DistanceCounts.mean(counts) else { return nil }
        // All at one end would put the whole distribution there.
        let share = min(max(mean / Double(bitCount), 0.001), 0.999)
        var above: [Double] = []  // How many pairs are more than i bits apart, and how many have more than i bits in common.
        var below: [Double] = []
        for distance in 0..<bitCount {
            above.append(Double(counts[(distance + 1)...].reduce(0, +)))
            below.append(Double(counts[..<(bitCount - distance)].reduce(0, +)))
        }
        let total = Double(counts.reduce(0, +))
        func logLikelihood(_ logConcentration: Double) -> Double {
            let concentration = exp(logConcentration)
            let (alpha, beta) = (share * concentration, (1 - share) * concentration)
            var sum = 0.0
            for place in 0..<bitCount {
                let step = Double(place)
                sum += above[place] * log(alpha + step) + below[place] * log(beta + step) - total * log(concentration + step)
            }
            return sum
        }
        let best = Self.maximum(of: logLikelihood, from: 0, through: log(1e6))
        (alpha, beta) = (share * exp(best), (1 - share) * exp(best))
    }

    /// By golden section, which wants a single peak.
    private static func maximum(of function: (Double) -> Double, from start: Double, through end: Double) -> Double {
        let ratio = (5.0.squareRoot() - 1) / 2
        var (low, high) = (start, end)
        var (left, right) = (high - ratio * (high - low), low + ratio * (high - low))
        var (leftValue, rightValue) = (function(left), function(right))
        while high - low > 1e-4 {
            if leftValue < rightValue {
                (low, left, leftValue) = (left, right, rightValue)
                right = low + ratio * (high - low)
                rightValue = function(right)
            } else {
                (high, right, rightValue) = (right, left, leftValue)
                left = high - ratio * (high - low)
                leftValue = function(left)
            }
        }
        return (low + high) / 2
    }

    /// Of each distance.
    var probabilities: [Double] {
        let bitCount = DistanceCounts.bitCount
        var logarithms = [0.0]  // Of distance 0 to begin with; each next one by what changes.
        for place in 0..<bitCount { logarithms[0] += log((beta + Double(place)) / (alpha + beta + Double(place))) }
        for distance in 0..<bitCount {
            let rest = Double(bitCount - distance)
            logarithms.append(logarithms[distance] + log(rest / Double(distance + 1) * (alpha + Double(distance)) / (beta + rest - 1)))
        }
        return logarithms.map { exp($0) }
    }
}
