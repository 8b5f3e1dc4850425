import ArgumentParser
import Foundation
import NodeRuntime
import Similarity

struct QueryCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "query", abstract: "Ask whether anybody has seen a typist or a domain. No packet is sent: the answer comes from the node's own replica.",
        subcommands: [SimHash.self, Domain.self])

    struct Options: ParsableArguments {
        @OptionGroup var home: HomeOptions

        @Flag(help: "Print one JSON object.")
        var json = false

        @Flag(help: "Read the node's files; it need not be running.")
        var local = false
    }

    struct SimHash: ParsableCommand {
        static let configuration = CommandConfiguration(commandName: "simhash", abstract: "Has anyone seen this typist?")

        @OptionGroup var options: Options

        @Argument(help: "A keystroke SimHash, 16 hex digits.")
        var code: String

        @Option(help: "Show all codes at most this many bits away.")
        var radius: Int?

        @Option(help: "Show this many nearest codes, however far (default 10).")
        var nearest: Int?

        func run() throws {
            guard radius == nil || nearest == nil else { throw Failure("give --radius or --nearest, not both") }
            let text: String
            if options.local {
                text = try document(Questions.simHash(code, radius: radius, nearest: nearest, in: LocalAnswers.index(of: options.home.node)))
            } else {
                text = try options.home.ask(.simHash(code: code, radius: radius, nearest: nearest)) ?? "{}"
            }
            print(options.json ? text : try AnswerText.simHash(text))
        }
    }

    struct Domain: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "domain", abstract: "Has anyone seen this domain targeted?",
            discussion: "Takes a domain or an address, and asks for the registrable domain, as it is published.")

        @OptionGroup var options: Options

        @Argument(help: "Such as example.com.")
        var name: String

        func run() throws {
            let domain = try PublishedDomain.of(name)
            let text: String
            if options.local {
                text = try document(Questions.domain(domain, in: LocalAnswers.index(of: options.home.node)))
            } else {
                text = try options.home.ask(.domain(domain)) ?? "{}"
            }
            print(options.json ? text : try AnswerText.domain(text))
        }
    }
}

private func document(_ answer: ControlAnswer) throws -> String {
    switch answer {
    case .document(let text): return text
    case .done: return "{}"
    case .failure(let error, let hint): throw Failure(error, hint: hint)
    }
}

/// Answers in words.
enum AnswerText {
    private struct SimHashDocument: Decodable {
        struct Match: Decodable {
            var code: String
            var distance: Int
            var origin: String
            var day: String
            var sessions: Int
        }
        var seen: Bool
        var operators: Int
        var seen_by_own: Bool
        var sessions: Int
        var first_day: String?
        var last_day: String?
        var radius: Int
        var nearest_distance: Int?
        var matches: [Match]
        var histogram: [Int]
        var freshness: [FreshnessDocument]
    }

    private struct DomainDocument: Decodable {
        struct Match: Decodable {
            var origin: String
            var day: String
            var reported_count: Int
            var attackers: Int
        }
        var domain: String
        var seen: Bool
        var operators: Int
        var seen_by_own: Bool
        var reported_count: Int
        var attacker_days: Int
        var days: Int
        var first_day: String?
        var last_day: String?
        var matches: [Match]
        var freshness: [FreshnessDocument]
    }

    private struct FreshnessDocument: Decodable {
        var origin: String
        var current: Bool
    }

    static func simHash(_ text: String) throws -> String {
        let answer = try JSONDecoder().decode(SimHashDocument.self, from: Data(text.utf8))
        var lines: [String] = []
        if answer.seen {
            lines.append(
                seenBy(answer.operators, own: answer.seen_by_own) + ": \(counted(answer.sessions, "session")) within \(answer.radius) bits, "
                    + days(answer.first_day, answer.last_day))
        } else {
            lines.append("not seen within \(answer.radius) bits" + (answer.nearest_distance.map { "; the nearest code is \($0) bits away" } ?? ""))
        }
        lines.append("a near code is a weak hint: schema_version 1 tells what was typed as much as who typed it")
        if !answer.matches.isEmpty {
            var table = TextTable(["bits", "code", "operator", "day", "sessions"])
            for match in answer.matches {
                table.add(["\(match.distance)", match.code, String(match.origin.prefix(16)), match.day, "\(match.sessions)"])
            }
            lines.append(table.text)
        }
        lines.append(footer(answer.freshness) + ", \(answer.histogram.reduce(0, +)) codes")
        return lines.joined(separator: "\n")
    }

    static func domain(_ text: String) throws -> String {
        let answer = try JSONDecoder().decode(DomainDocument.self, from: Data(text.utf8))
        var lines: [String] = []
        if answer.seen {
            lines.append(
                "\(answer.domain): " + seenBy(answer.operators, own: answer.seen_by_own) + " on \(counted(answer.days, "day")), "
                    + days(answer.first_day, answer.last_day)
                    + "; \(counted(answer.attacker_days, "attacker-day")), reported count \(answer.reported_count) (no number of messages)")
            var table = TextTable(["day", "operator", "attackers", "reported"])
            for match in answer.matches.prefix(20) {
                table.add([match.day, String(match.origin.prefix(16)), "\(match.attackers)", "\(match.reported_count)"])
            }
            lines.append(table.text)
        } else {
            lines.append("\(answer.domain): not seen")
        }
        lines.append(footer(answer.freshness))
        return lines.joined(separator: "\n")
    }

    private static func seenBy(_ operators: Int, own: Bool) -> String {
        switch (operators, own) {
        case (0, true): "seen by ourselves only"
        case (let count, true): "seen by \(counted(count, "other operator")) and ourselves"
        case (let count, false): "seen by \(counted(count, "operator"))"
        }
    }

    private static func days(_ first: String?, _ last: String?) -> String {
        guard let first, let last else { return "no day" }
        return first == last ? "on \(first)" : "\(first) to \(last)"
    }

    private static func footer(_ freshness: [FreshnessDocument]) -> String {
        "from the replica of \(counted(freshness.count, "operator")), \(freshness.count { $0.current }) of them current"
    }

    private static func counted(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }
}
