import Foundation

/// What answers of all kinds say alike.
enum AnswerWords {
    struct FreshnessDocument: Decodable {
        var origin: String
        var current: Bool
    }

    static func seenBy(_ operators: Int, own: Bool) -> String {
        switch (operators, own) {
        case (0, true): "seen by ourselves only"
        case (let count, true): "seen by \(counted(count, "other operator")) and ourselves"
        case (let count, false): "seen by \(counted(count, "operator"))"
        }
    }

    static func days(_ first: String?, _ last: String?) -> String {
        guard let first, let last else { return "no day" }
        return first == last ? "on \(first)" : "\(first) to \(last)"
    }

    static func footer(_ freshness: [FreshnessDocument]) -> String {
        "from the replica of \(counted(freshness.count, "operator")), \(freshness.count { $0.current }) of them current"
    }

    static func counted(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }
}

/// An answer about a domain, as the node gives it.
struct DomainDocument: Decodable {
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
    var noise: Bool
    var reported_count: Int
    var attacker_days: Int
    var days: Int
    var first_day: String?
    var last_day: String?
    var matches: [Match]
    var freshness: [AnswerWords.FreshnessDocument]
}

/// An answer about a domain in words.
enum DomainText {
    static func text(_ text: String) throws -> String {
        let answer = try JSONDecoder().decode(DomainDocument.self, from: Data(text.utf8))
        guard answer.seen else { return "\(answer.domain): not seen\n" + AnswerWords.footer(answer.freshness) }
        var lines = [
            "\(answer.domain): " + AnswerWords.seenBy(answer.operators, own: answer.seen_by_own) + " on \(AnswerWords.counted(answer.days, "day")), "
                + AnswerWords.days(answer.first_day, answer.last_day)
                + "; \(AnswerWords.counted(answer.attacker_days, "attacker-day")), reported count \(answer.reported_count) (no number of messages)"
        ]
        if answer.noise { lines.append("noise: so many operators have seen it that it tells little about any one of them") }
        var table = TextTable(["day", "operator", "attackers", "reported"])
        for match in answer.matches.prefix(20) {
            table.add([match.day, String(match.origin.prefix(16)), "\(match.attackers)", "\(match.reported_count)"])
        }
        return (lines + [table.text, AnswerWords.footer(answer.freshness)]).joined(separator: "\n")
    }
}
