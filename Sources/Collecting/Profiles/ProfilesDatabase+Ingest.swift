import Foundation
import GRDB
import Keystrokes
import Primitives

extension ProfilesDatabase {
    /// What taking items has changed.
    struct IngestCount {
        var newSessions = 0
        var changedSessions = 0
        var newTargets = 0
        var changedTargets = 0
        var attackers = 0
    }

    /// Takes items in one transaction. Again is the same as once: sessions by id, totals by their growth, events by their place in the file.
    func ingest(_ items: [SourceItem], into count: inout IngestCount) throws {
        let result = try write("take what was collected") { database in
            var count = IngestCount()
            for item in items {
                switch item {
                case .session(let session): try take(session, database, &count)
                case .attacker(let attacker): try take(attacker, database, &count)
                case .smtpTarget(let target): try take(target, database, &count)
                case .position(let position):
                    try database.execute(
                        sql: "INSERT INTO source_position (file_key, offset) VALUES (?, ?) ON CONFLICT (file_key) DO UPDATE SET offset = excluded.offset",
                        arguments: [position.fileKey, position.offset])
                case .problem, .progress: break
                }
            }
            return count
        }
        count.newSessions += result.newSessions
        count.changedSessions += result.changedSessions
        count.newTargets += result.newTargets
        count.changedTargets += result.changedTargets
        count.attackers += result.attackers
    }

    func position(of fileKey: String) throws -> Int64 {
        try read("look up a file") { try Int64.fetchOne($0, sql: "SELECT offset FROM source_position WHERE file_key = ?", arguments: [fileKey]) ?? 0 }
    }

    func isUnchanged(_ state: FileState) throws -> Bool {
        try read("look up a file") { try String.fetchOne($0, sql: "SELECT stamp FROM source_file WHERE path = ?", arguments: [state.path]) == state.stamp }
    }

    func finished(_ state: FileState) throws {
        try write("note a file") { database in
            try database.execute(
                sql: "INSERT INTO source_file (path, stamp) VALUES (?, ?) ON CONFLICT (path) DO UPDATE SET stamp = excluded.stamp",
                arguments: [state.path, state.stamp])
        }
    }

    private func take(_ session: SourceSession, _ database: Database, _ count: inout IngestCount) throws {
        var columns: [(String, DatabaseValue)] = SessionProfile.columnNames.map { name in
            (name, (session.profile?.value(of: name) ?? session.storedColumns[name] ?? .null).databaseValue)
        }
        if session.profile == nil, session.storedColumns.isEmpty, let hash = session.simHash {
            columns = columns.map { $0.0 == "kd_digraph_simhash" ? ($0.0, Data(Self.bytes(of: hash)).databaseValue) : $0 }
        }
        let rank = session.profile != nil ? SourceRank.recording : session.storedColumns.isEmpty ? .hash : .row
        let names = columns.map(\.0)
        if let old = try Int.fetchOne(database, sql: "SELECT rank FROM session_source WHERE sid = ?", arguments: [session.sid]) {
            guard old <= rank.rawValue,
                let current = try Row.fetchOne(
                    database, sql: "SELECT \(names.joined(separator: ", ")) FROM session_profile WHERE sid = ?", arguments: [session.sid])
            else { return }
            // Of two rows the later one counts, but what only the earlier one told stays.
            if rank == .row, old == rank.rawValue { columns = columns.map { ($0.0, $0.1.isNull ? current[$0.0] as DatabaseValue : $0.1) } }
            let isSame = old == rank.rawValue && columns.allSatisfy({ current[$0.0] as DatabaseValue == $0.1 })
            if try SessionCode.keep(Self.codes(of: session, columns, rank), of: session.sid, in: database) == 0, isSame { return }
            count.changedSessions += 1
        } else {
            count.newSessions += 1
            try SessionCode.keep(Self.codes(of: session, columns, rank), of: session.sid, in: database)
        }
        let attacker = try session.attackerUUID ?? session.attackerIP.map { try uuid(ofAddress: $0, at: session.startedAt ?? 0, database) }
        let all = ["sid", "log_id", "schema_version"] + names + ["created_at"]
        let values: [DatabaseValue] =
            [session.sid.databaseValue, session.logID?.databaseValue ?? .null, Self.schemaVersion.databaseValue] + columns.map(\.1)
            + [StoredTime.text(session.startedAt ?? 0).databaseValue]
        try database.execute(
            sql: "INSERT OR REPLACE INTO session_profile (\(all.joined(separator: ", "))) VALUES (\(all.map { _ in "?" }.joined(separator: ", ")))",
            arguments: StatementArguments(values))
        // A database tells the keystrokes at most; what is not told stays as it was: the log that told it may be gone.
        var typedKeys = session.typedKeyCount
        if typedKeys == nil, case .integer(let total)? = session.storedColumns["total_keystrokes"] { typedKeys = Int(clamping: total) }
        try database.execute(
            sql: """
                INSERT INTO session_source (sid, started_at, attacker_uuid, service, typed_keys, digraphs, samples, rank) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                ON CONFLICT (sid) DO UPDATE SET
                    started_at = coalesce(excluded.started_at, started_at), attacker_uuid = coalesce(excluded.attacker_uuid, attacker_uuid),
                    service = coalesce(excluded.service, service), typed_keys = coalesce(excluded.typed_keys, typed_keys),
                    digraphs = coalesce(excluded.digraphs, digraphs), samples = coalesce(excluded.samples, samples), rank = excluded.rank
                """,
            arguments: [
                session.sid, session.startedAt, attacker, session.service, typedKeys, session.distinctDigraphCount, session.digraphSampleCount, rank.rawValue,
            ])
    }

    /// A recording has codes of both versions, or none of version 2 for a reason; a row has that of version 1 alone.
    private static func codes(of session: SourceSession, _ columns: [(String, DatabaseValue)], _ rank: SourceRank) -> [SessionCode] {
        let simHash = columns.first { $0.0 == "kd_digraph_simhash" }.flatMap { Data.fromDatabaseValue($0.1) }
        var codes = [SessionCode(version: SessionProfile.schemaVersion, code: SessionCode.number(simHash))]
        if rank == .recording {
            let fingerprint = session.fingerprint
            codes.append(
                SessionCode(
                    version: Fingerprint2.schemaVersion, code: fingerprint?.code, lengthClass: fingerprint?.lengthClass,
                    keptPairs: fingerprint?.keptPairCount))
        }
        return codes
    }

    private func take(_ attacker: SourceAttacker, _ database: Database, _ count: inout IngestCount) throws {
        // An address that a log has shown before has a name of our own: from now on it goes by its real one.
        let minted = try String.fetchOne(
            database, sql: "SELECT uuid FROM attackers WHERE ip = ? AND uuid <> ? AND event_count = -1", arguments: [attacker.ip, attacker.uuid])
        try database.execute(
            sql: """
                INSERT INTO attackers (uuid, ip, first_seen, last_seen, updated_at, \(Self.unknownColumns), event_count) VALUES (?, ?, ?, ?, ?, \(Self.unknownValues), 0)
                ON CONFLICT (uuid) DO UPDATE SET ip = excluded.ip, first_seen = min(first_seen, excluded.first_seen), last_seen = max(last_seen, excluded.last_seen)
                """,
            arguments: [
                attacker.uuid, attacker.ip, StoredTime.text(attacker.firstSeen), StoredTime.text(attacker.lastSeen), StoredTime.text(attacker.lastSeen),
            ])
        count.attackers += 1
        guard let minted else { return }
        // Where both names have seen a domain, their figures are added.
        try database.execute(
            sql: """
                INSERT INTO smtp_targets (attacker_uuid, domain, first_seen, last_seen, count, schema_version)
                SELECT ?, domain, first_seen, last_seen, count, schema_version FROM smtp_targets WHERE attacker_uuid = ?
                ON CONFLICT (attacker_uuid, domain) DO UPDATE SET first_seen = min(first_seen, excluded.first_seen),
                    last_seen = max(last_seen, excluded.last_seen), count = count + excluded.count
                """, arguments: [attacker.uuid, minted])
        try database.execute(
            sql: """
                INSERT INTO target_day (day, domain, attacker_uuid, count) SELECT day, domain, ?, count FROM target_day WHERE attacker_uuid = ?
                ON CONFLICT (day, domain, attacker_uuid) DO UPDATE SET count = count + excluded.count
                """, arguments: [attacker.uuid, minted])
        for table in ["smtp_targets", "target_day"] { try database.execute(sql: "DELETE FROM \(table) WHERE attacker_uuid = ?", arguments: [minted]) }
        try database.execute(sql: "UPDATE session_source SET attacker_uuid = ? WHERE attacker_uuid = ?", arguments: [attacker.uuid, minted])
        try database.execute(sql: "DELETE FROM attackers WHERE uuid = ?", arguments: [minted])
    }

    private func take(_ target: SourceSmtpTarget, _ database: Database, _ count: inout IngestCount) throws {
        guard let attacker = try target.attackerUUID ?? target.attackerIP.map({ try uuid(ofAddress: $0, at: target.firstSeen, database) }) else { return }
        let domain = target.domain.lowercased()
        let old = try Row.fetchOne(database, sql: "SELECT id, count FROM smtp_targets WHERE attacker_uuid = ? AND domain = ?", arguments: [attacker, domain])
        let (total, growth): (Int64, Int64)
        switch target.counting {
        case .total(let figure):
            let before = old.map { $0["count"] as Int64 } ?? 0
            (total, growth) = (figure, max(0, figure - before))
            if old != nil, figure == before { return }
        case .event:
            (total, growth) = ((old.map { $0["count"] as Int64 } ?? 0) + 1, 1)
        }
        try database.execute(
            sql: """
                INSERT INTO smtp_targets (attacker_uuid, domain, first_seen, last_seen, count, schema_version) VALUES (?, ?, ?, ?, ?, ?)
                ON CONFLICT (attacker_uuid, domain) DO UPDATE SET
                    first_seen = min(first_seen, excluded.first_seen), last_seen = max(last_seen, excluded.last_seen), count = excluded.count
                """,
            arguments: [attacker, domain, StoredTime.text(target.firstSeen), StoredTime.text(target.lastSeen), total, Self.schemaVersion])
        if old == nil { count.newTargets += 1 } else { count.changedTargets += 1 }
        // The first day is one of presence; what was counted belongs to the day it was counted on, the last.
        if old == nil { try add(0, to: domain, attacker, at: target.firstSeen, database) }
        if growth > 0 || old == nil { try add(growth, to: domain, attacker, at: target.lastSeen, database) }
    }

    private func add(_ count: Int64, to domain: String, _ attacker: String, at milliseconds: Int64, _ database: Database) throws {
        let day = Timestamp(milliseconds: UInt64(max(0, milliseconds))).day
        try database.execute(
            sql: """
                INSERT INTO target_day (day, domain, attacker_uuid, count) VALUES (?, ?, ?, ?)
                ON CONFLICT (day, domain, attacker_uuid) DO UPDATE SET count = count + excluded.count
                """, arguments: [day.number, domain, attacker, count])
    }

    /// The attacker at an address; one of our own making (event_count -1) if no database has named it.
    private func uuid(ofAddress address: String, at milliseconds: Int64, _ database: Database) throws -> String {
        if let known = try String.fetchOne(database, sql: "SELECT uuid FROM attackers WHERE ip = ? ORDER BY uuid LIMIT 1", arguments: [address]) {
            return known
        }
        let minted = UUID().uuidString.lowercased()
        let time = StoredTime.text(milliseconds)
        try database.execute(
            sql:
                "INSERT INTO attackers (uuid, ip, first_seen, last_seen, updated_at, \(Self.unknownColumns), event_count) VALUES (?, ?, ?, ?, ?, \(Self.unknownValues), -1)",
            arguments: [minted, address, time, time, time])
        return minted
    }

    /// What we do not know of an attacker, said explicitly: an older database has no defaults for it.
    private static let unknownColumns = "service_count, decky_count, services, deckies, is_traversal, bounty_count, credential_count, fingerprints, commands"
    private static let unknownValues = "0, 0, '[]', '[]', 0, 0, 0, '[]', '[]'"

    static func bytes(of hash: UInt64) -> [UInt8] { stride(from: 56, through: 0, by: -8).map { UInt8(truncatingIfNeeded: hash >> UInt64($0)) } }
}

/// How much a source tells of a session: more is never replaced by less.
private enum SourceRank: Int {
    case hash = 0, row = 1, recording = 2
}

extension ColumnValue {
    var databaseValue: DatabaseValue {
        switch self {
        case .null: .null
        case .integer(let number): number.databaseValue
        case .real(let number): number.databaseValue
        case .text(let text): text.databaseValue
        case .blob(let bytes): Data(bytes).databaseValue
        }
    }
}
