import Foundation

/// An answer about a typist, as the node gives it.
struct TypistDocument: Decodable {
    struct Candidate: Decodable {
        var code: String
        var distance: Int
        var origin: String
        var day: String
        var sessions: Int
        var own: Bool
        var as_near: Int
        var decibans: Double?
        var posterior_odds: Double?
        var words: String
    }
    struct Part: Decodable {
        var code: String
        var length_class: Int?
        var seen: Bool
        var operators: Int
        var seen_by_own: Bool
        var sessions: Int
        var first_day: String?
        var last_day: String?
        var radius: Int
        var nearest_distance: Int?
        var noise: Bool
        var candidates: [Candidate]
    }
    struct Together: Decodable {
        var code: String
        var distances: [Int]
        var origin: String
        var day: String
        var sessions: Int
        var own: Bool
        var decibans: Double
        var words: String
    }
    struct Stream: Decodable {
        var schema_version: Int
    }
    struct Confidence: Decodable {
        var table: String
        var source: String
    }
    struct Prior: Decodable {
        var origins: [String]?
        var first_day: String?
        var last_day: String?
    }
    var stream: Stream
    var candidates_searched: Int
    var prior: Prior?
    var confidence: Confidence?
    var sessions_asked: [Part]
    var together: [Together]
    var freshness: [AnswerWords.FreshnessDocument]
}

/// An answer about a typist in words.
enum TypistText {
    static func text(_ text: String) throws -> String { lines(try JSONDecoder().decode(TypistDocument.self, from: Data(text.utf8))).joined(separator: "\n") }

    static func lines(_ answer: TypistDocument) -> [String] {
        var lines: [String] = []
        for (number, part) in answer.sessions_asked.enumerated() {
            if answer.sessions_asked.count > 1 { lines.append("session \(number + 1), code \(part.code):") }
            lines += self.lines(part, hasTable: answer.confidence != nil)
        }
        if !answer.together.isEmpty {
            lines.append(
                "all \(answer.sessions_asked.count) sessions together, best first (as if of one person; what they share counts less than once for each):")
            var table = TextTable(["decibans", "bits", "code", "operator", "day", "what it says"])
            for each in answer.together {
                table.add([
                    decibans(each.decibans), each.distances.map { "\($0)" }.joined(separator: ","), each.code, named(each.origin, each.own), each.day,
                    each.words,
                ])
            }
            lines.append(table.text)
        }
        if let confidence = answer.confidence {
            lines.append("decibans by the table \(confidence.table): \(confidence.source)")
        } else {
            lines.append("a near code of schema_version 1 is a weak hint: it tells what was typed as much as who typed it, so it has no decibans")
        }
        if let prior = answer.prior {
            let origins = prior.origins.map { AnswerWords.counted($0.count, "operator") } ?? "all operators"
            lines.append("candidates narrowed to \(origins)" + (prior.first_day == nil ? "" : ", " + AnswerWords.days(prior.first_day, prior.last_day)))
        }
        lines.append(AnswerWords.footer(answer.freshness) + ", \(AnswerWords.counted(answer.candidates_searched, "candidate")) searched")
        return lines
    }

    private static func lines(_ part: TypistDocument.Part, hasTable: Bool) -> [String] {
        var lines: [String] = []
        if part.seen {
            lines.append(
                "a code within \(part.radius) bits was " + AnswerWords.seenBy(part.operators, own: part.seen_by_own)
                    + ": \(AnswerWords.counted(part.sessions, "session")), " + AnswerWords.days(part.first_day, part.last_day))
        } else {
            lines.append("no code within \(part.radius) bits" + (part.nearest_distance.map { "; the nearest is \($0) bits away" } ?? ""))
        }
        if part.noise { lines.append("noise: so many operators have seen such a code that it is more likely a tool's than a person's") }
        guard !part.candidates.isEmpty else { return lines }
        if hasTable {
            var table = TextTable(["decibans", "bits", "code", "operator", "day", "sessions", "as near", "what it says"])
            for each in part.candidates {
                table.add([
                    each.decibans.map(decibans) ?? "-", "\(each.distance)", each.code, named(each.origin, each.own), each.day, "\(each.sessions)",
                    "\(each.as_near)",
                    each.words,
                ])
            }
            lines.append(table.text)
        } else {
            var table = TextTable(["bits", "code", "operator", "day", "sessions", "as near"])
            for each in part.candidates {
                table.add(["\(each.distance)", each.code, named(each.origin, each.own), each.day, "\(each.sessions)", "\(each.as_near)"])
            }
            lines.append(table.text)
        }
        return lines
    }

    static func decibans(_ value: Double) -> String {
        (value > 0 ? "+" : "") + (value == value.rounded() ? "\(Int(value))" : "\(value)")
    }

    private static func named(_ origin: String, _ isOwn: Bool) -> String { isOwn ? "ourselves" : String(origin.prefix(16)) }
}
