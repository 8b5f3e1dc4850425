import Evaluation
import Foundation

/// Measurements in words and tables.
enum EvaluationText {
    static func report(_ collection: MeasuredCollection, _ streams: [StreamFigures], source: String, seed: UInt64, replicates: Int) -> String {
        var parts = [overview(collection, source: source, seed: seed, replicates: replicates)]
        for stream in streams {
            parts.append(
                "schema_version \(stream.schemaVersion): \(stream.sessionCount) sessions of \(stream.personCount) persons, "
                    + "\(stream.repeatedPersonCount) of them with two or more")
            parts.append(distances(stream))
            parts.append(radii(stream))
            if let ranking = stream.ranking { parts.append(self.ranking(ranking)) }
            parts.append(decibans(stream))
        }
        return parts.joined(separator: "\n\n")
    }

    private static func overview(_ collection: MeasuredCollection, source: String, seed: UInt64, replicates: Int) -> String {
        var table = TextTable(["measured", source])
        table.add(["sessions", "\(collection.sessionCount) of \(collection.personCount) persons"])
        for (version, count) in collection.codelessCounts.sorted(by: { $0.key < $1.key }) where count > 0 {
            table.add(["without a code", "\(count) in schema_version \(version)"])
        }
        if collection.problemCount + collection.duplicateCount > 0 {
            table.add(["skipped", "\(collection.problemCount) that could not be read, \(collection.duplicateCount) twice; named above"])
        }
        if collection.byteCount > 0 {
            let seconds = max(collection.readingTime / .seconds(1), 0.001)
            let megabytes = Double(collection.byteCount) / 1e6
            table.add(["read", String(format: "%.1f MB in %.2f s, %.0f MB a second on %d cores", megabytes, seconds, megabytes / seconds, coreCount)])
        }
        table.add(["intervals", replicates > 0 ? "95 %, from \(replicates) draws of persons, seed \(seed)" : "none"])
        return table.text
    }

    private static var coreCount: Int { ProcessInfo.processInfo.activeProcessorCount }

    private static func distances(_ stream: StreamFigures) -> String {
        var table = TextTable(["length", "pairs of keys", "persons", "same, pairs", "same, bits", "others, bits", "equal error %", "area under ROC"])
        for group in stream.groups {
            table.add([
                group.lengthClass?.letter ?? "all", group.lengthClass?.pairCounts ?? "any", "\(group.repeatedPersonCount)", "\(group.counts.samePairCount)",
                text(group.sameMean, "%.1f"), text(group.differentMean, "%.1f"), text(group.equalErrorRate, "%.1f", times: 100),
                text(group.areaUnderCurve, "%.3f"),
            ])
        }
        return table.text + "\n(length: class of the shorter session; persons: with two sessions of that length)"
    }

    private static func radii(_ stream: StreamFigures) -> String {
        var table = TextTable(["radius"] + StreamFigures.radii.map(String.init))
        for group in stream.groups {
            let name = group.lengthClass?.letter ?? "all"
            table.add(["\(name): found %"] + group.truePositiveRates.map { $0.map { percent($0.value) } ?? "-" })
            table.add(["\(name): false %"] + group.falsePositiveRates.map { $0.map { percent($0.value) } ?? "-" })
        }
        for count in StreamFigures.recordCounts {
            let hits = StreamFigures.radii.map { radius in
                stream.expectedFalseHits(radius: radius, recordCount: count).map { ($0.isUpperBound ? "<" : "") + short($0.count) } ?? "-"
            }
            table.add(["false hits among \(short(Double(count)))"] + hits)
        }
        return table.text
    }

    private static func ranking(_ ranking: Ranking) -> String {
        let rates = zip(Ranking.places, ranking.rates).map { place, rate in "\(place == 1 ? "first" : "among \(place)") \(text(rate, "%.1f", times: 100)) %" }
        return "the right one of \(ranking.collectionSize) persons, one session of each, is " + rates.joined(separator: ", ")
            + " (\(ranking.queryCount) questions)"
    }

    private static func decibans(_ stream: StreamFigures) -> String {
        var table = TextTable(["decibans at"] + DecibanRow.distances.map(String.init) + ["bits"])
        for group in stream.groups {
            let name = group.lengthClass?.letter ?? "all"
            guard let row = group.decibans else {
                let reason = "too few persons: \(group.repeatedPersonCount), of \(DecibanRow.smallestPersonCount)"
                table.add([name] + DecibanRow.distances.map { _ in "-" } + [reason])
                continue
            }
            let width = row.values.compactMap { $0.interval }.map { ($0.upperBound - $0.lowerBound) / 2 }.max()
            table.add([name] + row.values.map { "\(Int($0.value.rounded()))" } + [width.map { String(format: "give or take %.1f at most", $0) } ?? ""])
        }
        return table.text + "\n(10 log10 of how much likelier one person is than two: beta-binomial fits, "
            + "corrected by the counts around each distance, cut at +15 and -10)"
    }

    // MARK: Figures

    private static func text(_ estimate: Estimate?, _ format: String, times factor: Double = 1) -> String {
        guard let estimate else { return "-" }
        let value = String(format: format, estimate.value * factor)
        guard let interval = estimate.interval else { return value }
        return value + " [" + String(format: format, interval.lowerBound * factor) + "-" + String(format: format, interval.upperBound * factor) + "]"
    }

    /// Two digits that say something, however small.
    private static func percent(_ share: Double) -> String {
        let percent = share * 100
        if percent == 0 { return "0" }
        return String(format: percent < 0.001 ? "%.5f" : percent < 0.1 ? "%.3f" : percent < 10 ? "%.2f" : "%.1f", percent)
    }

    private static func short(_ count: Double) -> String {
        if count < 10 { return String(format: "%.1f", count) }
        if count < 10_000 { return String(format: "%.0f", count) }
        return count < 1e6 ? String(format: "%.0f k", count / 1e3) : String(format: count < 1e7 ? "%.1f M" : "%.0f M", count / 1e6)
    }
}
