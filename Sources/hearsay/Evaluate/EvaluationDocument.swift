import Evaluation
import Foundation

/// Measurements for programs.
struct EvaluationDocument: Encodable {
    var isSynthetic: Bool
    var seed: UInt64
    var replicates: Int
    var persons: Int
    var sessions: Int
    var skipped: Int
    var duplicates: Int
    /// By schema_version.
    var withoutCode: [String: Int]
    var bytes: Int64
    var streams: [Stream]

    struct Stream: Encodable {
        var schemaVersion: Int
        var persons: Int
        var repeatedPersons: Int
        var sessions: Int
        var groups: [Group]
        var ranking: Ranks?
        var falseHits: [FalseHits]
    }

    /// All pairs, or those whose shorter session is of a class.
    struct Group: Encodable {
        var length: String
        var repeatedPersons: Int
        /// Pairs at each distance from 0 on.
        var sameCounts: [UInt64]
        var differentCounts: [UInt64]
        var sameBits: Figure?
        var differentBits: Figure?
        var equalErrorRate: Figure?
        var areaUnderCurve: Figure?
        /// From a radius of 0 on.
        var roc: [Point]
        var radii: [Radius]
        var decibans: [Deciban]?
    }

    struct Figure: Encodable {
        var value: Double
        var low: Double?
        var high: Double?

        init?(_ estimate: Estimate?) {
            guard let estimate else { return nil }
            (value, low, high) = (estimate.value, estimate.interval?.lowerBound, estimate.interval?.upperBound)
        }
    }

    struct Point: Encodable {
        var radius: Int
        var falsePositiveRate: Double
        var truePositiveRate: Double
    }

    struct Radius: Encodable {
        var radius: Int
        var truePositiveRate: Figure?
        var falsePositiveRate: Figure?
    }

    struct Deciban: Encodable {
        var distance: Int
        var value: Figure?
        /// What the fitted distribution alone would say.
        var fitted: Double
    }

    struct Ranks: Encodable {
        var collectionSize: Int
        var questions: Int
        var first: Figure?
        var amongTen: Figure?
        var amongTwenty: Figure?
    }

    struct FalseHits: Encodable {
        var radius: Int
        var records: Int
        var expected: Double
        var isUpperBound: Bool
    }

    init(_ collection: MeasuredCollection, _ streams: [StreamFigures], seed: UInt64, replicates: Int, isSynthetic: Bool) {
        (self.isSynthetic, self.seed, self.replicates) = (isSynthetic, seed, replicates)
        (persons, sessions) = (collection.personCount, collection.sessionCount)
        (skipped, duplicates, bytes) = (collection.problemCount, collection.duplicateCount, collection.byteCount)
        withoutCode = Dictionary(uniqueKeysWithValues: collection.codelessCounts.map { ("\($0.key)", $0.value) })
        self.streams = streams.map(Stream.init)
    }

    var text: String {
        get throws {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys]
            encoder.keyEncodingStrategy = .convertToSnakeCase
            return String(decoding: try encoder.encode(self), as: UTF8.self)
        }
    }
}

extension EvaluationDocument.Stream {
    init(_ figures: StreamFigures) {
        schemaVersion = figures.schemaVersion
        (persons, repeatedPersons, sessions) = (figures.personCount, figures.repeatedPersonCount, figures.sessionCount)
        groups = figures.groups.map(EvaluationDocument.Group.init)
        ranking = figures.ranking.map { ranking in
            func rate(_ place: Int) -> EvaluationDocument.Figure? {
                Ranking.places.firstIndex(of: place).flatMap { EvaluationDocument.Figure(ranking.rates[$0]) }
            }
            return EvaluationDocument.Ranks(
                collectionSize: ranking.collectionSize, questions: ranking.queryCount, first: rate(1), amongTen: rate(10), amongTwenty: rate(20))
        }
        falseHits = StreamFigures.radii.flatMap { radius in
            StreamFigures.recordCounts.compactMap { count in
                figures.expectedFalseHits(radius: radius, recordCount: count).map {
                    EvaluationDocument.FalseHits(radius: radius, records: count, expected: $0.count, isUpperBound: $0.isUpperBound)
                }
            }
        }
    }
}

extension EvaluationDocument.Group {
    init(_ group: StreamFigures.Group) {
        length = group.lengthClass?.letter ?? "all"
        repeatedPersons = group.repeatedPersonCount
        (sameCounts, differentCounts) = (group.counts.same, group.counts.different)
        sameBits = EvaluationDocument.Figure(group.sameMean)
        differentBits = EvaluationDocument.Figure(group.differentMean)
        equalErrorRate = EvaluationDocument.Figure(group.equalErrorRate)
        areaUnderCurve = EvaluationDocument.Figure(group.areaUnderCurve)
        roc = (0...DistanceCounts.bitCount).compactMap { radius in
            guard let hit = group.counts.falsePositiveRate(radius: radius), let found = group.counts.truePositiveRate(radius: radius) else { return nil }
            return EvaluationDocument.Point(radius: radius, falsePositiveRate: hit, truePositiveRate: found)
        }
        radii = StreamFigures.radii.enumerated().map { place, radius in
            EvaluationDocument.Radius(
                radius: radius, truePositiveRate: EvaluationDocument.Figure(group.truePositiveRates[place]),
                falsePositiveRate: EvaluationDocument.Figure(group.falsePositiveRates[place]))
        }
        decibans = group.decibans.map { row in
            DecibanRow.distances.enumerated().map { place, distance in
                EvaluationDocument.Deciban(distance: distance, value: EvaluationDocument.Figure(row.values[place]), fitted: row.fitted[place])
            }
        }
    }
}
