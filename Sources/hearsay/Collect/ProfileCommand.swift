import ArgumentParser
import Collecting
import Foundation
import Keystrokes

struct ProfileCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "profile", abstract: "Show the session profiles in recordings, and keep nothing.",
        discussion: """
            With --json one object per session and line, keys as in DECNET's session_profile table, the SimHash as 16 hex digits; then the code of schema_version 2 \
            with its length class, as fingerprint, null if there is none.
            """)

    @Argument(help: "Files and folders, as for hearsay collect.")
    var sources: [String]

    @Flag(help: "Print one JSON object per session.")
    var json = false

    func run() throws {
        var table = TextTable(["sid", "keys", "seconds", "mean", "p50", "p95", "burst", "think", "simhash", "version 2", "class"])
        var problemCount = 0
        let set = try SourceSet(sources)
        try set.read(
            position: { _ in 0 }, isUnchanged: { _ in false },
            { item in
                switch item {
                case .session(let session):
                    if json { print(Self.object(session)) } else { table.add(Self.row(session)) }
                case .problem(let problem):
                    problemCount += 1
                    printError("skipped: \(problem)")
                case .smtpTarget, .attacker, .progress, .position: break
                }
            },
            finished: { _ in })
        if !json { print(table.text) }
    }

    private static func value(_ session: SourceSession, _ column: String) -> ColumnValue {
        let value = session.profile?.value(of: column) ?? session.storedColumns[column] ?? .null
        // A database of observations tells the SimHash alone.
        guard column == "kd_digraph_simhash", value == .null, let hash = session.simHash else { return value }
        return .blob(stride(from: 56, through: 0, by: -8).map { UInt8(truncatingIfNeeded: hash >> UInt64($0)) })
    }

    private static func row(_ session: SourceSession) -> [String] {
        func number(_ column: String) -> String {
            switch value(session, column) {
            case .real(let number): String(format: "%.3f", number)
            case .integer(let number): "\(number)"
            default: "-"
            }
        }
        var hash = "-"
        if case .blob(let bytes) = value(session, "kd_digraph_simhash") { hash = hex(bytes) }
        return [session.sid, number("total_keystrokes"), number("session_duration_s")]
            + ["kd_iki_mean", "kd_iki_p50", "kd_iki_p95", "kd_burst_ratio", "kd_think_ratio"].map(number) + [hash] + fingerprint(session)
    }

    private static func fingerprint(_ session: SourceSession) -> [String] {
        guard let fingerprint = session.fingerprint, let code = fingerprint.code, let lengthClass = fingerprint.lengthClass else { return ["-", "-"] }
        return [PublishedCode.text(code), "\(lengthClass)"]
    }

    private static func hex(_ bytes: [UInt8]) -> String { bytes.map { String(format: "%02x", $0) }.joined() }

    private static func object(_ session: SourceSession) -> String {
        var parts = ["\"sid\":\"\(session.sid)\"", "\"schema_version\":\(SessionProfile.schemaVersion)"]
        for column in SessionProfile.columnNames {
            switch value(session, column) {
            case .null: parts.append("\"\(column)\":null")
            case .integer(let number): parts.append("\"\(column)\":\(number)")
            case .real(let number): parts.append("\"\(column)\":\(number)")
            case .text(let text): parts.append("\"\(column)\":\(text)")  // kd_top_bigrams is JSON already.
            case .blob(let bytes): parts.append("\"\(column)\":\"\(hex(bytes))\"")
            }
        }
        if let fingerprint = session.fingerprint {
            let code = fingerprint.code.map { "\"\(PublishedCode.text($0))\"" } ?? "null"
            let lengthClass = fingerprint.lengthClass.map { "\($0)" } ?? "null"
            parts.append(
                "\"fingerprint\":{\"schema_version\":\(Fingerprint2.schemaVersion),\"code\":\(code),\"length_class\":\(lengthClass),"
                    + "\"kept_pairs\":\(fingerprint.keptPairCount)}")
        } else {
            parts.append("\"fingerprint\":null")
        }
        return "{" + parts.joined(separator: ",") + "}"
    }
}
