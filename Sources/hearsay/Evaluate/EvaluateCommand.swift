import ArgumentParser
import Evaluation
import Foundation

struct EvaluateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate", abstract: "Measure how well fingerprints tell persons apart, on recordings of known persons or on synthetic ones.",
        discussion: """
            The folder holds one for each person, with that person's recordings in any form that hearsay collect reads. Nothing is kept, and nothing is \
            sent. Intervals are of 95 %, by drawing other persons. With --synthetic the typists are made up from --seed: that shows how the figures come \
            about, and says nothing about real people.
            """)

    @Argument(help: "A folder with a folder of recordings for each person.") var directory: String?

    @Flag(help: "Measure synthetic typists instead.") var synthetic = false
    @Option(help: "With --synthetic: how many typists.") var persons = 100
    @Option(help: "With --synthetic: sessions of each, one a day.") var sessions = 8
    @Option(
        help: ArgumentHelp(
            "With --synthetic: keys in each session.",
            discussion: "Default: drawn for each, \(SyntheticCollection.keyCounts.lowerBound) to \(SyntheticCollection.keyCounts.upperBound)."))
    var keys: Int?
    @Option(help: "With --synthetic: also write the recordings to this folder, which must not exist yet.") var write: String?

    @Option(help: "Where all dice begin.") var seed: UInt64 = 1
    @Option(help: "Draws of persons for the intervals; 0 for none.") var replicates = 200
    @Option(help: "Write a plot to this file: distances, and what is found for how many false hits.") var svg: String?
    @Flag(help: "Print one JSON object.") var json = false

    func validate() throws {
        guard (directory != nil) != synthetic else { throw ValidationError("give a folder, or --synthetic") }
        guard write == nil || synthetic else { throw ValidationError("--write needs --synthetic") }
        guard (2...SpecimenSet.personLimit).contains(persons) else { throw ValidationError("--persons must be 2 to \(SpecimenSet.personLimit)") }
        guard sessions >= 2, sessions <= SpecimenSet.sessionLimit / persons else {
            throw ValidationError("--sessions must be 2 to \(SpecimenSet.sessionLimit / persons) with \(persons) persons")
        }
        guard (1...100_000).contains(keys ?? 1) else { throw ValidationError("--keys must be 1 to 100000") }
        guard (0...2_000).contains(replicates) else { throw ValidationError("--replicates must be 0 to 2000") }
    }

    func run() throws {
        let collection = try directory.map { try RecordedPersons(in: $0).read() } ?? synthesize()
        var streams: [StreamFigures] = []
        var refusals: [String] = []
        for (schemaVersion, specimens) in collection.specimens.sorted(by: { $0.key < $1.key }) {
            do throws(SpecimenSet.Refusal) {
                streams.append(StreamFigures(try SpecimenSet(schemaVersion: schemaVersion, specimens), replicateCount: replicates, seed: seed))
            } catch { refusals.append("schema_version \(schemaVersion): \(error)") }
        }
        guard !streams.isEmpty else {
            throw Failure(
                "nothing can be measured: \(refusals.isEmpty ? "no session has a code" : refusals.joined(separator: "; "))",
                hint: "\(directory ?? "DIR")/<person>/<recording>: two persons or more with two long enough recordings each")
        }
        for refusal in refusals { printError("not measured: \(refusal)") }
        if let svg {
            let title = synthetic ? "synthetic typists, seed \(seed)" : "recordings"
            do { try Data(EvaluationPlot(of: streams, title: title).svg.utf8).write(to: URL(fileURLWithPath: svg)) } catch {
                throw Failure("cannot write \(svg): \(error.localizedDescription)")
            }
        }
        let source = synthetic ? "synthetic typists, seed \(seed): they say nothing about real people" : directory ?? ""
        print(
            try json
                ? EvaluationDocument(collection, streams, seed: seed, replicates: replicates, isSynthetic: synthetic).text
                : EvaluationText.report(collection, streams, source: source, seed: seed, replicates: replicates))
    }

    private func synthesize() throws -> MeasuredCollection {
        let collection = SyntheticCollection(personCount: persons, sessionCount: sessions, keyCount: keys, seed: seed)
        guard let write else { return SyntheticPersons(collection).make() }
        // Read back from the files: what is measured is what was written.
        try SyntheticPersons(collection).write(to: write)
        return try RecordedPersons(in: write).read()
    }
}
