import Primitives

/// How the codes of one schema_version tell persons apart: all that `hearsay evaluate` reports of a stream.
public struct StreamFigures: Sendable {
    /// Radii for which rates are told.
    public static let radii = [4, 6, 8, 10, 12, 14, 16, 20]
    /// Numbers of records for which false hits are told.
    public static let recordCounts = [100_000, 1_000_000, 10_000_000]

    /// The figures for pairs whose shorter session is of one class, or for all.
    public struct Group: Sendable {
        /// `nil`: all pairs.
        public let lengthClass: LengthClass?
        public let counts: DistanceCounts
        /// Persons with two sessions of at least this class.
        public let repeatedPersonCount: Int
        public let sameMean: Estimate?
        public let differentMean: Estimate?
        public let equalErrorRate: Estimate?
        public let areaUnderCurve: Estimate?
        /// In the order of `radii`.
        public let truePositiveRates: [Estimate?]
        public let falsePositiveRates: [Estimate?]
        /// `nil` with fewer persons than a fit can rest on.
        public let decibans: DecibanRow?
    }

    public let schemaVersion: Int
    public let personCount: Int
    public let repeatedPersonCount: Int
    public let sessionCount: Int
    /// All pairs first, then the classes that have pairs of both kinds.
    public let groups: [Group]
    public let ranking: Ranking?

    /// - Parameters:
    ///   - replicateCount: draws of the bootstrap; 0 gives no intervals.
    ///   - seed: the same gives the same intervals and rankings.
    public init(_ set: SpecimenSet, replicateCount: Int, seed: UInt64) {
        let weights = BootstrapWeights(personCount: set.personCount, replicateCount: replicateCount, seed: seed)
        let counting = PairCounting(set, weights: weights)
        schemaVersion = set.schemaVersion
        personCount = set.personCount
        repeatedPersonCount = set.repeatedPersonCount
        sessionCount = set.sessionCount
        ranking = Ranking(set, weights: weights, seed: seed)
        let all = Group(
            lengthClass: nil, PairCounting.sum(counting.counts), replicates: counting.replicates.map { PairCounting.sum($0) },
            repeatedPersonCount: set.repeatedPersonCount)
        let classes = LengthClass.allCases.compactMap { lengthClass -> Group? in
            let counts = counting.counts[lengthClass.rawValue]
            guard counts.samePairCount > 0, counts.differentPairCount > 0 else { return nil }
            let persons = set.persons.count { sessions in sessions.count { session in session.lengthClass.map { $0 >= lengthClass } ?? false } >= 2 }
            return Group(
                lengthClass: lengthClass, counts, replicates: counting.replicates.map { $0[lengthClass.rawValue] }, repeatedPersonCount: persons)
        }
        groups = [all] + classes
    }

    /// How many of so many records of other persons are expected within the radius of a question.
    ///
    /// Where no pair was within the radius the rate is not 0, it is only below what these persons could show: then the bound is that of three in
    /// the number of pairs of *persons* (95 %: the rule of three), because pairs of sessions are not independent.
    public func expectedFalseHits(radius: Int, recordCount: Int) -> (count: Double, isUpperBound: Bool)? {
        guard let rate = groups[0].counts.falsePositiveRate(radius: radius) else { return nil }
        if rate > 0 { return (rate * Double(recordCount), false) }
        let personPairCount = Double(personCount) * Double(personCount - 1) / 2
        return (min(1, 3 / personPairCount) * Double(recordCount), true)
    }
}

extension StreamFigures.Group {
    init(lengthClass: LengthClass?, _ counts: DistanceCounts, replicates: [DistanceCounts], repeatedPersonCount: Int) {
        func estimate(_ figure: (DistanceCounts) -> Double?) -> Estimate? { Estimate(figure(counts), replicates: replicates.map(figure)) }
        self.lengthClass = lengthClass
        self.counts = counts
        self.repeatedPersonCount = repeatedPersonCount
        sameMean = estimate { DistanceCounts.mean($0.same) }
        differentMean = estimate { DistanceCounts.mean($0.different) }
        equalErrorRate = estimate { $0.equalErrorRate }
        areaUnderCurve = estimate { $0.areaUnderCurve }
        truePositiveRates = StreamFigures.radii.map { radius in estimate { $0.truePositiveRate(radius: radius) } }
        falsePositiveRates = StreamFigures.radii.map { radius in estimate { $0.falsePositiveRate(radius: radius) } }
        let isFitted = repeatedPersonCount >= DecibanRow.smallestPersonCount
        decibans = isFitted ? DecibanRow(counts, replicates: replicates, personCount: repeatedPersonCount) : nil
    }
}
