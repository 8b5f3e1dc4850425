import Foundation
import Primitives
import Watching

/// An alert in words.
enum AlertText {
    static func text(_ alert: Alert) -> String {
        var lines = ["alert \(alert.alert) (\(time(alert.created_at_ms)))" + (alert.test ? ", a test" : "")]
        lines.append("  \(alert.watch.label): " + what(alert.watch) + ", " + AnswerWords.seenBy(alert.operators, own: false) + " so far")
        if let figures = alert.domain_figures {
            let seen = [AnswerWords.counted(figures.days, "day"), AnswerWords.counted(figures.attacker_days, "attacker-day")].joined(separator: ", ")
            lines.append("  \(seen), reported count \(figures.reported_count) (no number of messages)")
        }
        if alert.noise { lines.append("  noise: so many operators have seen it that it is more likely a tool, or a provider") }
        let names = Dictionary(alert.operator_names.map { ($0.key, $0.name) }, uniquingKeysWith: { first, _ in first })
        func named(_ key: String) -> String { String(key.prefix(16)) + ((names[key] ?? nil).map { " (\($0))" } ?? "") }
        let isDomain = alert.watch.kind == "domain"
        var table = TextTable(
            isDomain
                ? ["day", "operator", "attackers", "reported"]
                : ["decibans", "bits", "code", "operator", "day", "sessions", "own session", "what it says"])
        for each in alert.sightings {
            if isDomain {
                table.add([each.day, named(each.operator), "\(each.attackers ?? 0)", "\(each.reported_count ?? 0)"])
            } else {
                let own = each.own_session.map { $0 + (each.own_attacker.map { " of attacker \($0)" } ?? "") }
                table.add([
                    each.decibans.map(TypistText.decibans) ?? "-", "\(each.distance ?? 0)", each.code ?? "-", named(each.operator), each.day,
                    "\(each.sessions ?? 0)", own ?? "-", each.words ?? "",
                ])
            }
        }
        lines += table.text.split(separator: "\n").map { "  " + $0 }
        if alert.more > 0 { lines.append("  and \(alert.more) more") }
        return lines.joined(separator: "\n")
    }

    private static func what(_ watch: Alert.Subject) -> String {
        if let domain = watch.domain { return domain }
        let within = "within \(watch.within ?? 0) bits of "
        return within + (watch.code ?? "our own sessions") + " (schema_version \(watch.schema_version))"
    }

    private static func time(_ milliseconds: UInt64) -> String {
        ISO8601DateFormatter().string(from: Date(timeIntervalSince1970: Double(milliseconds) / 1_000))
    }
}
