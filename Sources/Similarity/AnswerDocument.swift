import Ledger
import Primitives

/// A JSON text in the making: fixed order, no white space, nothing that depends on the machine.
struct JSONText {
    private(set) var text = ""
    private var needsComma = false

    mutating func object(_ key: String? = nil, _ body: (inout JSONText) -> Void) { nested(key, "{", "}", body) }
    mutating func array(_ key: String? = nil, _ body: (inout JSONText) -> Void) { nested(key, "[", "]", body) }
    mutating func value(_ key: String? = nil, _ value: String) { put(key, "\"" + Self.escaped(value) + "\"") }
    mutating func value(_ key: String? = nil, _ value: some BinaryInteger) { put(key, "\(value)") }
    mutating func value(_ key: String? = nil, _ value: Bool) { put(key, value ? "true" : "false") }
    mutating func null(_ key: String? = nil) { put(key, "null") }
    /// A number already written as JSON has it.
    mutating func raw(_ key: String?, _ number: String) { put(key, number) }

    mutating func value(_ key: String, _ day: Day?) { if let day { value(key, "\(day)") } else { null(key) } }

    private mutating func nested(_ key: String?, _ open: String, _ close: String, _ body: (inout JSONText) -> Void) {
        put(key, open)
        needsComma = false
        body(&self)
        text += close
        needsComma = true
    }

    private mutating func put(_ key: String?, _ value: String) {
        if needsComma { text += "," }
        if let key { text += "\"" + Self.escaped(key) + "\":" }
        text += value
        needsComma = true
    }

    private static func escaped(_ text: String) -> String {
        var escaped = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": escaped += "\\\""
            case "\\": escaped += "\\\\"
            case _ where scalar.value < 0x20 || scalar.value == 0x7F:
                let digits = String(scalar.value, radix: 16)
                escaped += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }
}

extension SimHashAnswer {
    static func put(_ stream: StreamID, into json: inout JSONText) {
        json.object("stream") { json in
            json.value("kind", stream.kind)
            json.value("schema_version", stream.schemaVersion)
        }
    }

    static func put(_ freshness: [Freshness], at now: Timestamp, into json: inout JSONText) {
        json.array("freshness") { json in
            for each in freshness {
                json.object { json in
                    json.value("origin", "\(each.origin)")
                    json.value("generation", each.position.generation)
                    json.value("sequence", each.position.sequence)
                    json.value("issued_at_ms", each.issuedAt.milliseconds)
                    json.value("current", now < each.currentUntil)
                }
            }
        }
    }
}

extension DomainAnswer {
    /// The answer as one JSON object (`Protocol/answers.md` §3).
    ///
    /// - Parameter noisePerMille: from which share of all operators on it tells nothing that they have seen it.
    public func document(at now: Timestamp, noisePerMille: Int = Commonness.standardPerMille) -> String {
        var json = JSONText()
        json.object { json in
            json.value("domain", domain.text)
            json.value("seen", seen)
            json.value("operators", operators)
            json.value("seen_by_own", seenByOwn)
            json.value("noise", Commonness.isNoise(seenBy: operators + (seenByOwn ? 1 : 0), of: freshness.count, perMille: noisePerMille))
            json.value("reported_count", reportedCount)
            json.value("own_reported_count", ownReportedCount)
            json.value("attacker_days", attackerDays)
            json.value("own_attacker_days", ownAttackerDays)
            json.value("days", days)
            json.value("first_day", firstDay)
            json.value("last_day", lastDay)
            json.array("matches") { json in
                for match in matches {
                    json.object { json in
                        json.value("origin", "\(match.origin)")
                        json.value("day", match.day)
                        json.value("reported_count", match.reportedCount)
                        json.value("attackers", match.attackers)
                        json.value("own", match.isOwn)
                    }
                }
            }
            SimHashAnswer.put(stream, into: &json)
            SimHashAnswer.put(freshness, at: now, into: &json)
        }
        return json.text
    }
}

extension Hex {
    /// 16 digits.
    static func encode(_ word: UInt64) -> String {
        let digits = String(word, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
