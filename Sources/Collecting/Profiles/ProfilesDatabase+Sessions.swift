import Foundation
import GRDB
import Keystrokes
import Primitives

/// A session of our own, as the operator's side knows it. Never leaves it.
public struct OwnSession: Sendable, Hashable {
    public let sid: String
    public let day: Day?
    public let attackerUUID: String?
    public let attackerAddress: String?
    public let service: String?
    /// By schema_version, ascending.
    public let codes: [SessionCode]

    public init(sid: String, day: Day?, attackerUUID: String?, attackerAddress: String?, service: String?, codes: [SessionCode]) {
        self.sid = sid
        self.day = day
        self.attackerUUID = attackerUUID
        self.attackerAddress = attackerAddress
        self.service = service
        self.codes = codes
    }

    /// Its code of a schema_version that can be asked for; `nil` if it has none.
    public func code(of version: Int) -> SessionCode? { codes.first { $0.version == version && ($0.code ?? 0) != 0 } }
}

extension OwnSession {
    /// A session that a source has just given, and that need not be kept.
    public init(_ session: SourceSession) {
        var codes: [SessionCode] = []
        if let simHash = session.profile?.digraphSimHash ?? session.simHash { codes.append(SessionCode(version: SessionProfile.schemaVersion, code: simHash)) }
        if let fingerprint = session.fingerprint {
            codes.append(
                SessionCode(
                    version: Fingerprint2.schemaVersion, code: fingerprint.code, lengthClass: fingerprint.lengthClass, keptPairs: fingerprint.keptPairCount))
        }
        self.init(
            sid: session.sid, day: session.startedAt.map { Timestamp(milliseconds: UInt64(max(0, $0))).day }, attackerUUID: session.attackerUUID,
            attackerAddress: session.attackerIP, service: session.service, codes: codes)
    }
}

extension ProfilesDatabase {
    static let sessionColumns = """
        SELECT s.sid, s.started_at, s.attacker_uuid, a.ip, s.service FROM session_source s LEFT JOIN attackers a ON a.uuid = s.attacker_uuid
        """

    /// One of our own sessions; `nil` if it was never collected.
    public func session(_ sid: String) throws -> OwnSession? {
        try read("look up a session") { database in
            try Row.fetchOne(database, sql: Self.sessionColumns + " WHERE s.sid = ?", arguments: [sid]).map { try Self.session($0, database) }
        }
    }

    /// All sessions of an attacker, by session id.
    public func sessions(ofAttacker uuid: String) throws -> [OwnSession] {
        try read("look up an attacker") { database in
            try Row.fetchAll(database, sql: Self.sessionColumns + " WHERE s.attacker_uuid = ? ORDER BY s.sid", arguments: [uuid])
                .map { try Self.session($0, database) }
        }
    }

    /// Our own sessions whose code is within so many bits of one of these, nearest first.
    public func sessions(near codes: [UInt64], of version: Int, within bits: Int, limit: Int) throws -> [(session: OwnSession, distance: Int)] {
        try read("look up codes") { database in
            var near: [(sid: String, distance: Int)] = []
            let rows = try Row.fetchCursor(
                database, sql: "SELECT sid, code FROM session_code WHERE schema_version = ? AND code IS NOT NULL", arguments: [version])
            while let row = try rows.next() {
                guard let code = SessionCode.number(row["code"]), code != 0 else { continue }
                guard let distance = codes.map({ ($0 ^ code).nonzeroBitCount }).min(), distance <= bits else { continue }
                near.append((row["sid"], distance))
            }
            near.sort { ($0.distance, $0.sid) < ($1.distance, $1.sid) }
            return try near.prefix(limit).compactMap { entry in
                try Row.fetchOne(database, sql: Self.sessionColumns + " WHERE s.sid = ?", arguments: [entry.sid]).map {
                    (try Self.session($0, database), entry.distance)
                }
            }
        }
    }

    /// The newest of our own sessions that have a code of a schema_version, with that code alone.
    public func sessions(withCodeOf version: Int, limit: Int) throws -> [OwnSession] {
        try read("list codes") { database in
            let rows = try Row.fetchCursor(
                database,
                sql: """
                    SELECT s.sid, s.started_at, s.attacker_uuid, a.ip, s.service, c.schema_version, c.code, c.strength, c.kept_pairs
                    FROM session_code c JOIN session_source s ON s.sid = c.sid LEFT JOIN attackers a ON a.uuid = s.attacker_uuid
                    WHERE c.schema_version = ? AND c.code IS NOT NULL ORDER BY s.started_at DESC, s.sid LIMIT ?
                    """, arguments: [version, limit])
            var sessions: [OwnSession] = []
            while let row = try rows.next() {
                let session = OwnSession(
                    sid: row["sid"], day: (row["started_at"] as Int64?).map { Timestamp(milliseconds: UInt64(max(0, $0))).day },
                    attackerUUID: row["attacker_uuid"], attackerAddress: row["ip"], service: row["service"], codes: [SessionCode(row)])
                if session.code(of: version) != nil { sessions.append(session) }
            }
            return sessions
        }
    }

    static func session(_ row: Row, _ database: Database) throws -> OwnSession {
        let sid: String = row["sid"]
        let codes = try Row.fetchAll(
            database, sql: "SELECT schema_version, code, strength, kept_pairs FROM session_code WHERE sid = ? ORDER BY schema_version", arguments: [sid])
        return OwnSession(
            sid: sid, day: (row["started_at"] as Int64?).map { Timestamp(milliseconds: UInt64(max(0, $0))).day }, attackerUUID: row["attacker_uuid"],
            attackerAddress: row["ip"], service: row["service"], codes: codes.map { SessionCode($0) })
    }
}
