import ArgumentParser
import Collecting
import Foundation

struct SeenCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "seen", abstract: "Have our own honeypots seen this domain aimed at?",
        discussion: "Reads the collector's database alone. For what other operators have seen: hearsay query domain.")

    @OptionGroup var home: HomeOptions

    @Argument(help: "A domain as the honeypots stored it, such as mail.example.com.")
    var domain: String

    @Flag(help: "Our own honeypots only; the only kind there is, and said so that nobody takes it for the mesh's answer.")
    var local = false

    @Flag(help: "Print one JSON object.")
    var json = false

    func run() throws {
        guard local else {
            throw Failure("hearsay seen answers for our own honeypots", hint: "hearsay seen \(domain) --local, or hearsay query domain \(domain)")
        }
        guard FileManager.default.fileExists(atPath: home.collectorDirectory + "/profiles.db") else {
            throw Failure("there is no profiles.db in \(home.collectorDirectory)", hint: "hearsay collect SOURCE")
        }
        let answer = try ProfilesDatabase(directory: home.collectorDirectory).smtpTargetSeen(domain)
        func time(_ milliseconds: Int64?) -> String? {
            milliseconds.map { ISO8601DateFormatter().string(from: Date(timeIntervalSince1970: Double($0) / 1_000)) }
        }
        if json {
            func quoted(_ text: String?) -> String { text.map { "\"\($0)\"" } ?? "null" }
            print(
                "{\"seen\":\(answer.seen),\"count\":\(answer.count),\"first_seen\":\(quoted(time(answer.firstSeen))),\"last_seen\":\(quoted(time(answer.lastSeen)))}"
            )
        } else if answer.seen, let first = time(answer.firstSeen), let last = time(answer.lastSeen) {
            print("seen by our own honeypots from \(first) to \(last), reported count \(answer.count) (no number of messages)")
        } else {
            print("not seen by our own honeypots")
        }
    }
}
