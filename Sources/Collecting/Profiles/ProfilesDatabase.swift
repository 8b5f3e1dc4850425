import Foundation
import GRDB
import Keystrokes
import Primitives
import PrivateDatabase

/// Why the collector's database cannot be used. Nothing was changed.
public enum ProfilesError: Error, Sendable, CustomStringConvertible {
    case failed(action: String, path: String, cause: String)
    /// Another collector is at work here.
    case inUse(path: String)

    public var description: String {
        switch self {
        case .failed(let action, let path, let cause): "cannot \(action) in \(path): \(cause)"
        case .inUse(let path): "another collector is at work in \(path)"
        }
    }
}

/// The collector's memory, `profiles.db`: tables named and shaped as DECNET's, and what the release of sightings needs.
///
/// Holds attackers, session ids and domains as they were seen: it never leaves the operator, and the node process has no path to it (mode 0600 in a
/// directory of mode 0700).
public final class ProfilesDatabase: Sendable {
    /// On every row of the DECNET tables.
    public static let schemaVersion = SessionProfile.schemaVersion

    public let path: String
    let queue: DatabaseQueue

    /// Opens the database, making it if there is none, and adds the columns an older one lacks.
    public init(directory: String) throws(ProfilesError) {
        path = directory + "/profiles.db"
        var configuration = Configuration()
        // An older database's references point to tables that are not ours and may not be there.
        configuration.foreignKeysEnabled = false
        do {
            queue = try PrivateDatabase.open("profiles.db", in: directory, configuration: configuration)
            try queue.write { try ProfilesSchema.migrate($0) }
        } catch { throw .failed(action: "open the database", path: path, cause: "\(error)") }
    }

    func write<Value>(_ action: String, _ body: (Database) throws -> Value) throws -> Value {
        do {
            return try queue.write(body)
        } catch let error as DatabaseError { throw ProfilesError.failed(action: action, path: path, cause: "\(error)") }
    }

    func read<Value>(_ action: String, _ body: (Database) throws -> Value) throws -> Value {
        do {
            return try queue.read(body)
        } catch let error as DatabaseError { throw ProfilesError.failed(action: action, path: path, cause: "\(error)") }
    }

    /// What we have seen of a victim domain ourselves, as DECNET's `smtp_target_seen` has it.
    public struct TargetSeen: Hashable, Sendable {
        public let seen: Bool
        /// A weak figure: as reported.
        public let count: Int64
        /// UTC milliseconds since 1970.
        public let firstSeen: Int64?
        public let lastSeen: Int64?
    }

    /// Whether our own honeypots have seen a domain aimed at. Matches the stored spelling, which is lower case.
    public func smtpTargetSeen(_ domain: String) throws -> TargetSeen {
        try read("look up a domain") { database in
            let row = try Row.fetchOne(
                database,
                sql:
                    "SELECT COUNT(*) AS n, COALESCE(SUM(count), 0) AS total, MIN(first_seen) AS first, MAX(last_seen) AS last FROM smtp_targets WHERE domain = ?",
                arguments: [domain.lowercased()])
            guard let row, row["n"] as Int64 > 0 else { return TargetSeen(seen: false, count: 0, firstSeen: nil, lastSeen: nil) }
            return TargetSeen(
                seen: true, count: row["total"], firstSeen: (row["first"] as String?).flatMap { SourceTime.milliseconds($0) },
                lastSeen: (row["last"] as String?).flatMap { SourceTime.milliseconds($0) })
        }
    }
}

/// Times as DECNET writes them.
enum StoredTime {
    /// `YYYY-MM-DD HH:MM:SS.ffffff`, UTC.
    static func text(_ milliseconds: Int64) -> String {
        let milliseconds = UInt64(max(0, milliseconds))
        let second = milliseconds / 1_000 % 86_400
        func padded(_ value: UInt64, _ width: Int) -> String { String(repeating: "0", count: max(0, width - "\(value)".count)) + "\(value)" }
        return "\(Timestamp(milliseconds: milliseconds).day) \(padded(second / 3_600, 2)):\(padded(second / 60 % 60, 2)):\(padded(second % 60, 2))."
            + "\(padded(milliseconds % 1_000, 3))000"
    }
}
