import Foundation
import GRDB
import Keystrokes

/// A session's code of one schema_version, as `profiles.db` keeps it; without a code, why there is none.
public struct SessionCode: Sendable, Hashable {
    public let version: Int
    /// `nil`: too few pairs of keys, or nothing to filter by (schema_version 2).
    public let code: UInt64?
    /// Of schema_version 2 only.
    public let lengthClass: UInt8?
    /// Of schema_version 2 only; `nil` if the recording holds no output.
    public let keptPairs: Int?

    init(version: Int, code: UInt64?, lengthClass: UInt8? = nil, keptPairs: Int? = nil) {
        self.version = version
        self.code = code
        self.lengthClass = lengthClass
        self.keptPairs = keptPairs
    }

    init(_ row: Row) {
        self.init(version: row["schema_version"], code: Self.number(row["code"]), lengthClass: row["strength"], keptPairs: row["kept_pairs"])
    }

    /// Keeps the codes of a session; gives how many were new or have changed.
    @discardableResult static func keep(_ codes: [SessionCode], of sid: String, in database: Database) throws -> Int {
        var changed = 0
        for code in codes {
            let old = try Row.fetchOne(
                database, sql: "SELECT schema_version, code, strength, kept_pairs FROM session_code WHERE sid = ? AND schema_version = ?",
                arguments: [sid, code.version])
            guard old.map({ SessionCode($0) }) != code else { continue }
            try database.execute(
                sql: "INSERT OR REPLACE INTO session_code (sid, schema_version, code, strength, kept_pairs) VALUES (?, ?, ?, ?, ?)",
                arguments: [sid, code.version, code.code.map { Data(ProfilesDatabase.bytes(of: $0)) }, code.lengthClass, code.keptPairs])
            changed += 1
        }
        return changed
    }

    /// Eight bytes, the most significant first.
    static func number(_ data: Data?) -> UInt64? { data.map { $0.reduce(0) { $0 << 8 | UInt64($1) } } }
}
