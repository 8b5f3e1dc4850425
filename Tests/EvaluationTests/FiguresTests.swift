import Primitives
import Testing

@testable import Evaluation

/// The figures beside slow, obvious ways to get them.
@Suite struct FiguresTests {
    /// Persons with a code of their own each, some bits of which every session flips.
    static func specimens(persons: Int, sessions: Int, flips: Int, seed: UInt64) -> [Specimen] {
        var dice = SeededGenerator(seed: seed)
        return (0..<persons).flatMap { person in
            let own = dice.next()
            return (0..<sessions).map { _ in
                let code = (0..<flips).reduce(own) { code, _ in code ^ 1 << dice.number(below: 64) }
                return Specimen(person: person, code: code, lengthClass: LengthClass(rawValue: Int(dice.number(below: 5))))
            }
        }
    }

    /// Every pair, one after the other; persons drawn more than once stand there more than once.
    static func naiveCounts(_ specimens: [Specimen], weights: [UInt64]) -> [DistanceCounts] {
        var rows = [DistanceCounts](repeating: DistanceCounts(), count: PairCounting.rowCount)
        for (place, one) in specimens.enumerated() {
            for other in specimens[(place + 1)...] {
                let row = [one.lengthClass, other.lengthClass].contains(nil) ? 4 : min(one.lengthClass!.rawValue, other.lengthClass!.rawValue)
                let distance = (one.code ^ other.code).nonzeroBitCount
                if one.person == other.person { rows[row].same[distance] += weights[one.person] } else {
                    rows[row].different[distance] += weights[one.person] * weights[other.person]
                }
            }
        }
        return rows
    }

    @Test(arguments: [1, 2, 3] as [UInt64]) func countsAndReplicatesAreThoseOfAllPairs(seed: UInt64) throws {
        let specimens = Self.specimens(persons: 12, sessions: 5, flips: 9, seed: seed)
        let weights = BootstrapWeights(personCount: 12, replicateCount: 7, seed: seed)

        let counting = PairCounting(try SpecimenSet(schemaVersion: 2, specimens), weights: weights)

        #expect(counting.counts == Self.naiveCounts(specimens, weights: Array(repeating: 1, count: 12)), "seed \(seed)")
        for replicate in 0..<7 {
            let drawn = (0..<12).map { weights[$0, replicate] }
            #expect(drawn.reduce(0, +) == 12)
            #expect(counting.replicates[replicate] == Self.naiveCounts(specimens, weights: drawn), "replicate \(replicate), seed \(seed)")
        }
    }

    @Test func ratesOfAHandfulOfPairs() {
        var counts = DistanceCounts()
        counts.same[2] = 3
        counts.same[10] = 1
        counts.different[8] = 1
        counts.different[30] = 3
        #expect(counts.truePositiveRate(radius: 2) == 0.75)
        #expect(counts.truePositiveRate(radius: 1) == 0)
        #expect(counts.falsePositiveRate(radius: 8) == 0.25)
        #expect(counts.falsePositiveRate(radius: 7) == 0)
        // At a radius of 8 one of four is missed and one of four is hit.
        #expect(counts.equalErrorRate == 0.25)
        // Of the sixteen pairs of a same one and a different one only 10 and 8 stand the wrong way round.
        #expect(counts.areaUnderCurve == 15.0 / 16)
        #expect(DistanceCounts.mean(counts.same) == 4)
    }

    @Test func equalErrorRatesAtTheEnds() {
        var apart = DistanceCounts()
        (apart.same[0], apart.different[64]) = (5, 5)
        #expect(apart.equalErrorRate == 0)
        #expect(apart.areaUnderCurve == 1)
        var alike = DistanceCounts()
        (alike.same[20], alike.different[20]) = (5, 9)
        #expect(alike.equalErrorRate == 0.5)
        #expect(alike.areaUnderCurve == 0.5)
        #expect(DistanceCounts().equalErrorRate == nil)
        #expect(DistanceCounts().truePositiveRate(radius: 8) == nil)
        #expect(DistanceCounts().areaUnderCurve == nil)
    }

    @Test(arguments: [4] as [UInt64]) func peopleWhoAreFarApartAreAlwaysFirst(seed: UInt64) throws {
        let figures = StreamFigures(
            try SpecimenSet(schemaVersion: 2, Self.specimens(persons: 30, sessions: 3, flips: 2, seed: seed)), replicateCount: 50, seed: seed)
        #expect(figures.groups[0].equalErrorRate?.value == 0)
        #expect(figures.ranking?.rates.map(\.value) == [1, 1, 1])
        #expect(figures.ranking?.collectionSize == 30)
        #expect(figures.ranking?.queryCount == 90)
    }

    /// Where everybody has the same code, being among the first k of n is chance.
    @Test func tiesAreChance() throws {
        let specimens = (0..<40).flatMap { person in (0..<2).map { _ in Specimen(person: person, code: 7, lengthClass: .medium) } }
        let figures = StreamFigures(try SpecimenSet(schemaVersion: 2, specimens), replicateCount: 0, seed: 1)
        let rates = try #require(figures.ranking?.rates.map(\.value))
        for (rate, chance) in zip(rates, [1.0 / 40, 10.0 / 40, 20.0 / 40]) { #expect(abs(rate - chance) < 1e-9) }
        #expect(figures.groups[0].equalErrorRate?.value == 0.5)
    }

    @Test func whereNobodyWasHitTheFalseHitsAreABound() throws {
        let figures = StreamFigures(
            try SpecimenSet(schemaVersion: 2, Self.specimens(persons: 30, sessions: 3, flips: 2, seed: 5)), replicateCount: 0, seed: 5)
        let none = try #require(figures.expectedFalseHits(radius: 4, recordCount: 1_000_000))
        #expect(none.isUpperBound)
        #expect(abs(none.count - 3 / (30 * 29 / 2.0) * 1e6) < 1e-3)
        let all = try #require(figures.expectedFalseHits(radius: 64, recordCount: 1_000_000))
        #expect(all == (1_000_000, false))
    }

    @Test func intervalsHoldTheValueAndNarrowWithPersons() throws {
        let widths = try [20, 200].map { persons in
            let specimens = Self.specimens(persons: persons, sessions: 4, flips: 30, seed: 6)
            let rate = try #require(StreamFigures(SpecimenSet(schemaVersion: 2, specimens), replicateCount: 100, seed: 6).groups[0].equalErrorRate)
            let interval = try #require(rate.interval)
            #expect(interval.contains(rate.value))
            return interval.upperBound - interval.lowerBound
        }
        #expect(widths[1] < widths[0] / 2)
    }

    @Test func tooFewAndTooManyAreRefused() throws {
        let alone = (0..<5).map { Specimen(person: $0 / 4, code: 1, lengthClass: nil) }
        #expect(throws: SpecimenSet.Refusal.tooFewPersons(found: 1, need: 2)) { try SpecimenSet(schemaVersion: 1, alone) }
        #expect(throws: SpecimenSet.Refusal.tooFewPersons(found: 0, need: 2)) { try SpecimenSet(schemaVersion: 1, []) }
        let sessions = Array(repeating: Specimen(person: 0, code: 1, lengthClass: nil), count: SpecimenSet.sessionLimit + 1)
        #expect(throws: SpecimenSet.Refusal.tooManySessions(found: sessions.count, limit: SpecimenSet.sessionLimit)) {
            try SpecimenSet(schemaVersion: 1, sessions)
        }
        let persons = (0...SpecimenSet.personLimit).map { Specimen(person: $0, code: 1, lengthClass: nil) }
        #expect(throws: SpecimenSet.Refusal.tooManyPersons(found: persons.count, limit: SpecimenSet.personLimit)) {
            try SpecimenSet(schemaVersion: 1, persons)
        }
    }

    @Test func classesBeginWhereTheProtocolSays() {
        let classes = [39, 40, 149, 150, 399, 400, 999, 1_000].map { LengthClass(pairCount: $0) }
        #expect(classes == [nil, .short, .short, .medium, .medium, .long, .long, .longest])
    }
}
