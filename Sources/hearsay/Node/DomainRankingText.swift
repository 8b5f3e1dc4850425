import Foundation

/// A list of domains in words.
enum DomainRankingText {
    private struct Document: Decodable {
        struct Standing: Decodable {
            var domain: String
            var operators: Int
            var seen_by_own: Bool
            var noise: Bool
            var reported_count: UInt64
            var attacker_days: UInt64
            var days: Int
            var first_day: String
            var last_day: String
        }
        var under: String?
        var domains: [Standing]
        var freshness: [AnswerWords.FreshnessDocument]
    }

    static func text(_ text: String) throws -> String {
        let answer = try JSONDecoder().decode(Document.self, from: Data(text.utf8))
        guard !answer.domains.isEmpty else {
            return "no domain" + (answer.under.map { " under \($0)" } ?? "") + " was seen\n" + AnswerWords.footer(answer.freshness)
        }
        var table = TextTable(["domain", "operators", "days", "first", "last", "attacker-days", "reported", "remarks"])
        for each in answer.domains {
            let remarks = [each.seen_by_own ? "and ourselves" : nil, each.noise ? "noise" : nil].compactMap { $0 }
            table.add([
                each.domain, "\(each.operators)", "\(each.days)", each.first_day, each.last_day, "\(each.attacker_days)", "\(each.reported_count)",
                remarks.isEmpty ? "-" : remarks.joined(separator: ", "),
            ])
        }
        return table.text + "\nreported counts are what honeypots counted, no numbers of messages\n" + AnswerWords.footer(answer.freshness)
    }
}
