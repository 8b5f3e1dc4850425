import Foundation
import Primitives
import Testing

@testable import Evaluation

@Suite struct DecibanTests {
    /// So many pairs as a distribution says, rounded.
    static func counts(_ probabilities: [Double], total: Double) -> [UInt64] { probabilities.map { UInt64(($0 * total).rounded()) } }

    /// The probabilities by their definition, with the gamma function.
    static func betaBinomial(alpha: Double, beta: Double) -> [Double] {
        func choose(_ k: Int) -> Double { lgamma(65) - lgamma(Double(k) + 1) - lgamma(Double(64 - k) + 1) }
        func logBeta(_ a: Double, _ b: Double) -> Double { lgamma(a) + lgamma(b) - lgamma(a + b) }
        return (0...64).map { exp(choose($0) + logBeta(Double($0) + alpha, Double(64 - $0) + beta) - logBeta(alpha, beta)) }
    }

    @Test(arguments: [(4.0, 12.0), (20, 22), (1, 1), (0.6, 3)]) func aFitFindsWhatTheCountsWereMadeOf(alpha: Double, beta: Double) throws {
        let wanted = Self.betaBinomial(alpha: alpha, beta: beta)
        let fit = try #require(BetaBinomial(fitting: Self.counts(wanted, total: 1e9)))
        #expect(abs(fit.alpha / alpha - 1) < 0.01)
        #expect(abs(fit.beta / beta - 1) < 0.01)
        #expect(abs(fit.probabilities.reduce(0, +) - 1) < 1e-9)
        for (probability, wanted) in zip(fit.probabilities, wanted) { #expect(abs(probability - wanted) < 0.001) }
    }

    @Test func countsAtOneEndAreFittedToo() throws {
        var counts = [UInt64](repeating: 0, count: 65)
        #expect(BetaBinomial(fitting: counts) == nil)
        counts[0] = 12
        let fit = try #require(BetaBinomial(fitting: counts))
        #expect(fit.probabilities.allSatisfy { $0.isFinite })
        #expect(fit.probabilities[0] > 0.9)
    }

    /// Tens of thousands of pairs of many persons: the figures are the ratio that the counts were made with.
    @Test func withManyPersonsARowSaysWhatIsTrue() throws {
        let (same, different) = (Self.betaBinomial(alpha: 6, beta: 15), Self.betaBinomial(alpha: 60, beta: 62))
        let counts = DistanceCounts(same: Self.counts(same, total: 1e6), different: Self.counts(different, total: 1e8))
        let row = try #require(DecibanRow(counts, replicates: [], personCount: 1_000))
        for (place, distance) in DecibanRow.distances.enumerated() {
            let wanted = min(15, max(-10, 10 * log10(same[distance] / different[distance])))
            #expect(abs(row.values[place].value - wanted) < 0.5, "distance \(distance)")
        }
    }

    @Test(arguments: [1, 2, 3] as [UInt64]) func aRowFallsAndStaysWithinItsLimits(seed: UInt64) throws {
        let specimens = FiguresTests.specimens(persons: 15, sessions: 4, flips: 24, seed: seed)
        let group = StreamFigures(try SpecimenSet(schemaVersion: 2, specimens), replicateCount: 30, seed: seed).groups[0]
        let values = try #require(group.decibans?.values.map(\.value))
        #expect(values.count == DecibanRow.distances.count)
        #expect(zip(values, values.dropFirst()).allSatisfy { $0 >= $1 }, "seed \(seed)")
        #expect(values.allSatisfy { (-10...15).contains($0) }, "seed \(seed)")
        #expect(values[0] > 3, "seed \(seed)")
    }

    @Test func nothingIsFittedToAFewPersons() throws {
        for (persons, isFitted) in [(9, false), (10, true)] {
            let set = try SpecimenSet(schemaVersion: 2, FiguresTests.specimens(persons: persons, sessions: 4, flips: 24, seed: 1))
            #expect((StreamFigures(set, replicateCount: 0, seed: 1).groups[0].decibans != nil) == isFitted)
        }
    }
}
