import ArgumentParser
import Collecting
import Foundation

struct SimilarCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "similar", abstract: "Which of our own sessions are most like this one?",
        discussion: """
            Reads the collector's database alone. Ordered by the distance of the typing's features, in standard deviations of all our sessions, plus an eighth of the bits \
            in which the codes differ (of version 2 where both have one). Typing of one person, of one tool and of one keyboard all look alike.
            """)

    @OptionGroup var home: HomeOptions

    @Argument(help: "A session that was collected.")
    var sid: String

    @Option(help: "How many to show, 1 to 1,000.")
    var nearest = 20

    @Flag(help: "Print one JSON object.")
    var json = false

    private struct Entry: Encodable {
        var sid: String
        var score: Double
        var feature_distance: Double?
        var code_distance: Int?
        var schema_version: Int?
        var day: String?
        var service: String?
        var attacker: String?
    }

    func run() throws {
        guard (1...1_000).contains(nearest) else { throw Failure("the number of sessions is from 1 to 1000", hint: "--nearest 20") }
        guard FileManager.default.fileExists(atPath: home.collectorDirectory + "/profiles.db") else {
            throw Failure("there is no profiles.db in \(home.collectorDirectory)", hint: "hearsay collect SOURCE")
        }
        guard let similar = try ProfilesDatabase(directory: home.collectorDirectory).sessions(similarTo: sid, limit: nearest) else {
            throw Failure("session \(sid) was never collected here", hint: "hearsay collect SOURCE")
        }
        if json {
            let entries = similar.map { each in
                Entry(
                    sid: each.session.sid, score: each.score, feature_distance: each.featureDistance, code_distance: each.codeDistance,
                    schema_version: each.schemaVersion, day: each.session.day.map { "\($0)" }, service: each.session.service,
                    attacker: each.session.attackerUUID)
            }
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            return print(String(decoding: try encoder.encode(["similar": entries]), as: UTF8.self))
        }
        guard !similar.isEmpty else { return print("there is no other session to compare with") }
        var table = TextTable(["score", "features", "bits", "version", "session", "day", "service", "attacker"])
        for each in similar {
            table.add([
                String(format: "%.2f", each.score), each.featureDistance.map { String(format: "%.2f", $0) } ?? "-", each.codeDistance.map { "\($0)" } ?? "-",
                each.schemaVersion.map { "\($0)" } ?? "-", each.session.sid, each.session.day.map { "\($0)" } ?? "-", each.session.service ?? "-",
                each.session.attackerUUID ?? "-",
            ])
        }
        print(table.text)
    }
}
