import Foundation
import GRDB
import Keystrokes

/// A DECNET database of any of its shapes: 22 or 27 profile columns, or release 1.0's observations instead.
///
/// DECNET may be running: its files are only copied, and the copy is read. Nothing beside the database is made, locked or changed.
struct DecnetDatabaseReader {
    /// How often the files are copied anew if DECNET writes meanwhile.
    static let copyAttempts = 5

    let path: String

    func read(_ emit: (SourceItem) throws -> Void) throws {
        let folder = NSTemporaryDirectory() + "/hearsay-\(UUID().uuidString)"
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch { throw SourceError.unreadable(path: path, reason: "no temporary folder for a copy (\(error.localizedDescription))") }
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let queue = try open(copyTo: folder)
        // What the receiver throws goes on as it is; all else is this database's fault.
        var failure: (any Error)?
        do {
            try read(queue) { item in
                do { try emit(item) } catch {
                    failure = error
                    throw error
                }
            }
        } catch {
            if let failure { throw failure }
            throw error as? SourceError ?? SourceError.unreadable(path: path, reason: "a damaged database (\(Self.reason(error)))")
        }
    }

    private func read(_ queue: DatabaseQueue, _ emit: (SourceItem) throws -> Void) throws {
        // Nobody else knows the copy: no transaction is needed for all tables to be of one moment.
        try queue.writeWithoutTransaction { database in
            let tables: Set<String>
            do {
                try database.execute(sql: "PRAGMA query_only = ON")
                tables = Set(try String.fetchAll(database, sql: "SELECT name FROM sqlite_master WHERE type = 'table'"))
            } catch { throw SourceError.unreadable(path: path, reason: "not a readable database (\(error))") }
            guard tables.contains("attackers") || tables.contains("session_profile") || tables.contains("observations") else {
                throw SourceError.unrecognised(path: path)
            }
            if tables.contains("attackers") { try readAttackers(database, emit) }
            let sessions = tables.contains("logs") ? try sessionLogs(database, emit) : SessionLogs()
            if tables.contains("session_profile") { try readProfiles(database, sessions, emit) }
            if tables.contains("observations") { try readObservations(database, sessions, emit) }
            if tables.contains("smtp_targets") { try readTargets(database, emit) }
        }
    }

    /// A copy in which nothing has been written between its two files.
    private func open(copyTo folder: String) throws -> DatabaseQueue {
        let copy = folder + "/decnet.db"
        for _ in 0..<Self.copyAttempts {
            let before = (Self.stamp(path), Self.stamp(path + "-wal"))
            for suffix in ["", "-wal"] {
                try? FileManager.default.removeItem(atPath: copy + suffix)
                if suffix.isEmpty || before.1 != nil {
                    do { try FileManager.default.copyItem(atPath: path + suffix, toPath: copy + suffix) } catch {
                        throw SourceError.unreadable(path: path + suffix, reason: error.localizedDescription)
                    }
                }
            }
            guard before == (Self.stamp(path), Self.stamp(path + "-wal")) else { continue }
            do {
                return try DatabaseQueue(path: copy)
            } catch { throw SourceError.unreadable(path: path, reason: "not a readable database (\(error))") }
        }
        throw SourceError.unreadable(path: path, reason: "it was being written to each of \(Self.copyAttempts) times; try again")
    }

    private struct Stamp: Equatable {
        let size: Int
        let seconds: Int
        let nanoseconds: Int
    }

    private static func stamp(_ path: String) -> Stamp? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        return Stamp(size: Int(status.st_size), seconds: status.st_mtim.tv_sec, nanoseconds: status.st_mtim.tv_nsec)
    }

    // MARK: Tables

    private struct Log {
        let id: Int64
        let time: Int64?
        let address: String?
        let service: String?
    }

    private struct SessionLogs {
        var bySession: [String: Log] = [:]
        var byID: [Int64: Log] = [:]
    }

    /// Calls `body` with every row; a row it throws for, and a table that is damaged, is reported, and all else goes on.
    private func forEachRow(
        of table: String, _ database: Database, sql: String, _ emit: (SourceItem) throws -> Void, _ body: (Row) throws -> Void
    ) throws {
        var number: Int64 = 0
        func problem(_ reason: String) throws {
            try emit(.problem(SourceProblem(file: "\(path) table \(table) row", offset: number, reason: reason)))
        }
        // What the receiver throws is not this table's fault, so the two are kept apart.
        let cursor: RowCursor
        do { cursor = try Row.fetchCursor(database, sql: sql) } catch { return try problem("the table cannot be read: \(Self.reason(error))") }
        while true {
            let next: Row?
            do { next = try cursor.next() } catch { return try problem("the table cannot be read on: \(Self.reason(error))") }
            guard let row = next else { return }
            number = Self.integer(row, "hearsay_row") ?? number &+ 1
            do { try body(row) } catch let error as RowError { try problem(error.reason) }
        }
    }

    private static func reason(_ error: any Error) -> String { (error as? DatabaseError)?.message ?? "damaged" }

    private struct RowError: Error { let reason: String }

    private func readAttackers(_ database: Database, _ emit: (SourceItem) throws -> Void) throws {
        try forEachRow(of: "attackers", database, sql: "SELECT rowid AS hearsay_row, uuid, ip, first_seen, last_seen FROM attackers", emit) { row in
            guard let uuid = Self.text(row, "uuid"), let ip = Self.text(row, "ip"), let first = Self.time(row, "first_seen"),
                let last = Self.time(row, "last_seen")
            else {
                throw RowError(reason: "an attacker without uuid, ip or times")
            }
            try emit(.attacker(SourceAttacker(uuid: uuid, ip: ip, firstSeen: first, lastSeen: last)))
        }
    }

    /// What the log says about recorded sessions, by session id.
    private func sessionLogs(_ database: Database, _ emit: (SourceItem) throws -> Void) throws -> SessionLogs {
        var logs = SessionLogs()
        let query = """
            SELECT rowid AS hearsay_row, id, timestamp, attacker_ip, fields FROM logs WHERE service = 'sessrec' AND event_type = 'session_recorded'
            """
        try forEachRow(of: "logs", database, sql: query, emit) { row in
            guard let id = Self.integer(row, "id"), let fields = Self.text(row, "fields").flatMap({ LogFields(Array($0.utf8)[...]) }) else {
                throw RowError(reason: "a recorded session without a valid session id")
            }
            let address = fields.address ?? Self.text(row, "attacker_ip").flatMap { SourceName.address(Array($0.utf8)) }
            let log = Log(id: id, time: Self.time(row, "timestamp"), address: address, service: fields.service)
            logs.bySession[fields.sid] = log
            logs.byID[id] = log
        }
        return logs
    }

    private func readProfiles(_ database: Database, _ logs: SessionLogs, _ emit: (SourceItem) throws -> Void) throws {
        // By name: columns came at the end in migrated databases, and in the middle in new ones.
        try forEachRow(of: "session_profile", database, sql: "SELECT rowid AS hearsay_row, * FROM session_profile", emit) { row in
            guard let sid = Self.text(row, "sid").flatMap({ SourceName.sid(Array($0.utf8)) }) else { throw RowError(reason: "no valid session id") }
            guard Self.integer(row, "schema_version") == Int64(SessionProfile.schemaVersion) else {
                throw RowError(reason: "schema_version \(Self.integer(row, "schema_version").map { "\($0)" } ?? "missing") is not known here")
            }
            var columns: [String: ColumnValue] = [:]
            for name in SessionProfile.columnNames where row.hasColumn(name) { columns[name] = Self.value(row, name) }
            var hash: UInt64?
            switch columns["kd_digraph_simhash"] {
            case .blob(let bytes)?:
                guard bytes.count == 8 else { throw RowError(reason: "a SimHash of \(bytes.count) bytes instead of 8") }
                hash = bytes.reduce(0) { $0 << 8 | UInt64($1) }
            case .null?, nil: break
            default: throw RowError(reason: "a SimHash that is no blob")
            }
            // The row names its line of the log in so many words; the session id is the second way.
            let log = Self.integer(row, "log_id").flatMap { logs.byID[$0] } ?? logs.bySession[sid]
            try emit(
                .session(
                    SourceSession(
                        sid: sid, storedColumns: columns, simHash: hash, startedAt: log?.time ?? Self.time(row, "created_at"), attackerIP: log?.address,
                        service: log?.service, logID: log?.id ?? Self.integer(row, "log_id"))))
        }
    }

    private func readObservations(_ database: Database, _ logs: SessionLogs, _ emit: (SourceItem) throws -> Void) throws {
        let query = """
            SELECT rowid AS hearsay_row, value, evidence_ref, ts, attacker_uuid FROM observations WHERE primitive = 'motor.digraph_simhash'
            """
        try forEachRow(of: "observations", database, sql: query, emit) { row in
            guard let reference = Self.text(row, "evidence_ref"), let mark = reference.lastIndex(of: "#"),
                let sid = SourceName.sid(Array(reference[reference.index(after: mark)...].utf8))
            else { throw RowError(reason: "an observation of no session") }
            guard let text = Self.text(row, "value"), text.utf8.count == 18, text.hasPrefix("\""), text.hasSuffix("\""),
                text.utf8.dropFirst().dropLast().allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }),
                let hash = UInt64(text.dropFirst().dropLast(), radix: 16)
            else { throw RowError(reason: "the SimHash is not 16 hex digits in quotes") }
            let log = logs.bySession[sid]
            let profiledAt = Self.real(row, "ts").flatMap { Int64(exactly: ($0 * 1_000).rounded()) }
            try emit(
                .session(
                    SourceSession(
                        sid: sid, simHash: hash, startedAt: log?.time ?? profiledAt, attackerUUID: Self.text(row, "attacker_uuid"), attackerIP: log?.address,
                        service: log?.service, logID: log?.id)))
        }
    }

    private func readTargets(_ database: Database, _ emit: (SourceItem) throws -> Void) throws {
        let query = "SELECT rowid AS hearsay_row, attacker_uuid, domain, first_seen, last_seen, count FROM smtp_targets"
        try forEachRow(of: "smtp_targets", database, sql: query, emit) { row in
            guard let uuid = Self.text(row, "attacker_uuid"), let domain = Self.text(row, "domain"), !domain.isEmpty else {
                throw RowError(reason: "a target without attacker or domain")
            }
            guard let first = Self.time(row, "first_seen"), let last = Self.time(row, "last_seen"), let count = Self.integer(row, "count"), count >= 0 else {
                throw RowError(reason: "a target without valid times or count")
            }
            try emit(
                .smtpTarget(
                    SourceSmtpTarget(attackerUUID: uuid, attackerIP: nil, domain: domain, firstSeen: first, lastSeen: last, counting: .total(count))))
        }
    }

    // MARK: Values, whatever type a damaged or foreign row holds

    private static func value(_ row: Row, _ name: String) -> ColumnValue {
        switch (row[name] as DatabaseValue).storage {
        case .null: .null
        case .int64(let number): .integer(number)
        case .double(let number): .real(number)
        case .string(let text): .text(text)
        case .blob(let data): .blob(Array(data))
        }
    }

    private static func real(_ row: Row, _ name: String) -> Double? {
        if row.hasColumn(name), case .double(let number) = (row[name] as DatabaseValue).storage { number } else { integer(row, name).map(Double.init) }
    }

    private static func text(_ row: Row, _ name: String) -> String? {
        if row.hasColumn(name), case .string(let text) = (row[name] as DatabaseValue).storage { text } else { nil }
    }

    private static func integer(_ row: Row, _ name: String) -> Int64? {
        if row.hasColumn(name), case .int64(let number) = (row[name] as DatabaseValue).storage { number } else { nil }
    }

    private static func time(_ row: Row, _ name: String) -> Int64? { row.hasColumn(name) ? text(row, name).flatMap { SourceTime.milliseconds($0) } : nil }
}

/// What of a session's line in the `logs` table is looked at: the values of its `fields`, which are JSON.
private struct LogFields {
    private(set) var sid = ""
    private(set) var address: String?
    private(set) var service: String?

    init?(_ json: ArraySlice<UInt8>) {
        do throws(JSONCursor.Malformed) {
            var cursor = JSONCursor(json)
            try cursor.object { cursor, key throws(JSONCursor.Malformed) in
                switch key {
                case Array("sid".utf8): sid = try cursor.scalarText().flatMap(SourceName.sid) ?? ""
                case Array("src_ip".utf8): address = try cursor.scalarText().flatMap(SourceName.address)
                case Array("service".utf8): service = try cursor.scalarText().flatMap(SourceName.sid)
                default: try cursor.skip()
                }
            }
            try cursor.finish()
        } catch { return nil }
        guard !sid.isEmpty else { return nil }
    }
}
