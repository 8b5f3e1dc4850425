import Primitives
import Testing

@testable import Similarity

@Suite struct ConfidenceTests {
    private let table = ConfidenceTable.fingerprint2

    /// Each row of `Protocol/answers.md` §4.
    @Test func theTableIsTheOneOfTheSpecification() {
        let distances: [UInt16] = [6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 32]
        let rows: [[Double]] = [
            [14, 12, 10, 8, 6, 5, 3, 2, 1, 0, -1, -2, -4], [15, 12, 10, 8, 6, 5, 3, 1, 0, -2, -3, -5, -8],
            [15, 13, 11, 8, 6, 4, 2, 0, -2, -4, -6, -8, -10], [15, 14, 11, 9, 6, 4, 1, -1, -4, -7, -10, -10, -10],
        ]
        for (lengthClass, row) in rows.enumerated() {
            for (distance, decibans) in zip(distances, row) {
                #expect(table.evidence(at: distance, lengthClass: UInt8(lengthClass)).decibans == decibans, "\(distance) bits, class \(lengthClass)")
            }
        }
    }

    @Test func betweenTheColumnsItIsLinearAndBeyondThemItStays() {
        #expect(table.evidence(at: 7, lengthClass: 0).decibans == 13)
        #expect(table.evidence(at: 15, lengthClass: 0).decibans == 5.5)
        #expect(table.evidence(at: 23, lengthClass: 3).decibans == -5.5)
        #expect(table.evidence(at: 29, lengthClass: 1).decibans == -5.75)
        #expect(table.evidence(at: 30, lengthClass: 1).decibans == -6.5)
        for lengthClass: UInt8 in 0...3 {
            #expect(table.evidence(at: 0, lengthClass: lengthClass) == table.evidence(at: 6, lengthClass: lengthClass))
            #expect(table.evidence(at: 64, lengthClass: lengthClass) == table.evidence(at: 32, lengthClass: lengthClass))
            let all = (0...64).map { table.evidence(at: $0, lengthClass: lengthClass) }
            #expect(zip(all, all.dropFirst()).allSatisfy { $0 >= $1 }, "farther never says more")
        }
        // A record of an operator who says class 200 counts as the longest there is.
        #expect(table.evidence(at: 24, lengthClass: 200) == table.evidence(at: 24, lengthClass: 3))
    }

    @Test(arguments: [(0, 1.0), (40, 10), (80, 100), (-40, 0.1), (60, 31.6228), (12, 1.99526)] as [(Int, Double)])
    func aDecibanIsTenLogarithms(quarters: Int, ratio: Double) {
        #expect((WeightOfEvidence(quarters: quarters).likelihoodRatio / ratio - 1).magnitude < 1e-4)
    }

    @Test func aNearCodeAmongManyIsCalledChance() {
        let nearest = table.evidence(at: 0, lengthClass: 3)
        #expect(nearest.support == .weak, "one session says no more than that")
        #expect(
            nearest.words(candidates: 100_000)
                == "weak support: 1 candidate in 32 looks like this by chance, about 3200 of the 100000 searched; odds 1 to 3200 for the same typist, if among them at all"
        )
        #expect(WeightOfEvidence(quarters: 64).words(candidates: 1) == "weak support: 1 candidate in 40 looks like this by chance")
        #expect(table.evidence(at: 28, lengthClass: 0).words(candidates: 9).hasPrefix("speaks against"))
        #expect(WeightOfEvidence(quarters: 0).words(candidates: 9) == "no support: different persons look like this as often as the same one")
        for quarters in -60...200 {
            for candidates in [0, 1, 2, 20, 1_000_000_000] { #expect(!WeightOfEvidence(quarters: quarters).words(candidates: candidates).contains("match")) }
        }
    }

    /// What several sessions share is not counted once for each of them.
    @Test func sessionsTogetherSayMoreThanOneAndLessThanTheirSum() {
        let one = WeightOfEvidence(quarters: 40)
        #expect(WeightOfEvidence.together([one]) == one)
        #expect(WeightOfEvidence.together([]) == WeightOfEvidence(quarters: 0))
        let many = (1...64).map { WeightOfEvidence.together([WeightOfEvidence](repeating: one, count: $0)) }
        #expect(zip(many, many.dropFirst()).allSatisfy { $0 <= $1 })
        #expect(many[1].quarters == 53 && many[63].quarters < 80)
        #expect(WeightOfEvidence.together([one, WeightOfEvidence(quarters: -40)]).quarters == 0, "one that speaks against counts as much")
    }
}
