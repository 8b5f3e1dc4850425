import Foundation
import GRDB
import Keystrokes
import Testing

@testable import Collecting

@Suite struct SourcesDatabaseTests {
    /// Compared with the rows themselves, asked for one by one.
    @Test(arguments: ["seed-old", "seed-new", "seed-fresh"])
    func everyColumnOfEveryProfileIsTakenByItsName(name: String) throws {
        let folder = try ScratchFolder()
        let path = try Samples.database(name, in: folder)

        let collected = try Collected(path)

        let rows = try DatabaseQueue(path: path).read { try Row.fetchAll($0, sql: "SELECT * FROM session_profile") }
        #expect(rows.count == 26 && collected.sessions.count == 26 && collected.problems.isEmpty)
        #expect(rows[0].count == (name == "seed-old" ? 22 : 27))
        for row in rows {
            let session = try #require(collected.sessions[row["sid"] as String])
            for column in SessionProfile.columnNames {
                let stored: DatabaseValue = row.hasColumn(column) ? row[column] : .null
                #expect((session.storedColumns[column] ?? .null).databaseValue == stored, "\(session.sid) \(column)")
            }
            let hash: Data? = row["kd_digraph_simhash"]
            #expect(session.simHash == hash?.reduce(0) { $0 << 8 | UInt64($1) })
        }
        #expect(collected.sessions.values.contains { $0.simHash == nil }, "the rows without features come too")
        #expect(collected.attackers.count == 24 && collected.targets.count == 12)
    }

    @Test func aSessionTakesItsTimeAndAddressFromTheLog() throws {
        let folder = try ScratchFolder()

        let collected = try Collected(try Samples.database("seed-fresh", in: folder))

        let known = try #require(collected.sessions["5e550000-0000-4c0d-8000-000000000000"])
        #expect(known.startedAt == 1_776_643_200_000 && known.attackerIP == "192.0.2.1" && known.service == "ssh" && known.logID == 1)
        // Its line of the log was left out: the time of the row is all that is known.
        let unknown = try #require(collected.sessions.values.first { $0.logID == 301 })
        #expect(unknown.attackerIP == nil && unknown.startedAt != nil)
    }

    @Test func aReleaseGivesTheHashesOfItsObservationsAndNoCentroids() throws {
        let folder = try ScratchFolder()
        let path = try Samples.database("release-1.0.0", in: folder)

        let collected = try Collected(path)

        let (values, centroids) = try DatabaseQueue(path: path).read { database in
            (
                try String.fetchAll(database, sql: "SELECT value FROM observations WHERE primitive = 'motor.digraph_simhash'"),
                try Data.fetchAll(database, sql: "SELECT kd_digraph_simhash FROM attacker_identities WHERE kd_digraph_simhash IS NOT NULL")
            )
        }
        #expect(values.count > 5 && centroids.count == 4)
        let hashes = collected.sessions.values.compactMap(\.simHash)
        #expect(Set(hashes) == Set(values.compactMap { UInt64($0.filter { $0 != "\"" }, radix: 16) }) && hashes.count == values.count)
        #expect(collected.sessions.values.allSatisfy { $0.attackerUUID?.hasPrefix("cafe") == true && $0.storedColumns.isEmpty && $0.profile == nil })
        #expect(collected.sessions["5e550000-0000-4c0d-8000-000000000000"]?.startedAt == 1_776_643_200_000)
        #expect(collected.problems.isEmpty)
    }

    @Test func targetsComeWithTheirTotals() throws {
        let folder = try ScratchFolder()

        let collected = try Collected(try Samples.database("seed-old", in: folder))

        let target = try #require(collected.targets.first { $0.domain == "victim084.example.com" })
        #expect(target.counting == .total(2) && target.attackerUUID == "cafe000c-dec0-4bad-8a7a-00000000000c")
        #expect(target.firstSeen == 1_776_643_200_000 && target.lastSeen == 1_776_672_663_824)
    }

    /// DECNET writes to its database while it is read: what is only in the log beside it counts, and nothing is touched.
    @Test func aRunningDatabaseIsReadWholeAndLeftAsItIs() throws {
        let folder = try ScratchFolder()
        let path = try Samples.database("seed-fresh", in: folder)
        var configuration = Configuration()
        configuration.prepareDatabase { try $0.execute(sql: "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0") }
        let running = try DatabaseQueue(path: path, configuration: configuration)
        let day = "'2026-04-21 00:00:00'"
        let insertion = "INSERT INTO smtp_targets VALUES (9999, 'cafe0000-dec0-4bad-8a7a-000000000000', 'late.example.com', \(day), \(day), 1)"
        try running.write { try $0.execute(sql: insertion) }
        let before = try folder.names.map { try Data(contentsOf: URL(fileURLWithPath: folder.path + "/" + $0)) }
        #expect(folder.names == ["seed-fresh.db", "seed-fresh.db-shm", "seed-fresh.db-wal"])

        // In the middle of a transaction that holds the lock.
        let collected = try running.writeWithoutTransaction { database in
            try database.execute(sql: "BEGIN IMMEDIATE")
            let collected = try Collected(path)
            try database.execute(sql: "ROLLBACK")
            return collected
        }

        #expect(collected.targets.contains { $0.domain == "late.example.com" })
        let after = try folder.names.map { try Data(contentsOf: URL(fileURLWithPath: folder.path + "/" + $0)) }
        #expect(folder.names.count == 3 && after[0] == before[0] && after[2] == before[2])
        try running.write { try $0.execute(sql: "DELETE FROM smtp_targets WHERE id = 9999") }
    }

    @Test func nothingIsMadeBesideADatabaseAtRest() throws {
        let folder = try ScratchFolder()
        let path = try Samples.database("seed-old", in: folder)
        try DatabaseQueue(path: path).writeWithoutTransaction { try $0.execute(sql: "PRAGMA journal_mode = WAL") }
        let before = folder.names

        _ = try Collected(path)

        #expect(folder.names == before)
    }

    /// Each row holds one fault; the rows beside it are all read.
    @Test(arguments: [
        ("UPDATE session_profile SET sid = '../../etc/passwd' WHERE log_id = 1", "no valid session id"),
        ("UPDATE session_profile SET schema_version = 2 WHERE log_id = 1", "schema_version 2 is not known here"),
        ("UPDATE session_profile SET kd_digraph_simhash = x'0102' WHERE log_id = 1", "a SimHash of 2 bytes instead of 8"),
        ("UPDATE session_profile SET kd_digraph_simhash = 'text' WHERE log_id = 1", "a SimHash that is no blob"),
        ("UPDATE attackers SET first_seen = 'yesterday' WHERE uuid LIKE 'cafe0000%'", "an attacker without uuid, ip or times"),
        ("UPDATE attackers SET ip = x'00' WHERE uuid LIKE 'cafe0000%'", "an attacker without uuid, ip or times"),
        ("UPDATE smtp_targets SET count = 'many' WHERE id = 1", "a target without valid times or count"),
        ("UPDATE smtp_targets SET count = -1 WHERE id = 1", "a target without valid times or count"),
        ("UPDATE logs SET fields = '{' WHERE id = 1", "a recorded session without a valid session id"),
    ])
    func aFaultyRowIsReportedAndNothingElseIsLost(change: String, reason: String) throws {
        let folder = try ScratchFolder()
        let path = try Samples.database("seed-fresh", in: folder)
        try DatabaseQueue(path: path).writeWithoutTransaction { database in
            try database.execute(sql: "PRAGMA ignore_check_constraints = ON")
            try database.execute(sql: change)
            #expect(database.changesCount == 1)
        }

        let collected = try Collected(path)

        #expect(collected.problems.map(\.reason) == [reason])
        #expect(collected.problems.allSatisfy { $0.offset == 1 && $0.file.contains(" table ") })
        let isOfLog = change.contains("logs")
        #expect(collected.sessions.count + collected.attackers.count + collected.targets.count == 26 + 24 + 12 - (isOfLog ? 0 : 1))
    }

    @Test(arguments: [
        "UPDATE observations SET value = '\"dd8d6c82bebc844\"' WHERE primitive = 'motor.digraph_simhash' AND rowid = 1",
        "UPDATE observations SET value = '\"+d8d6c82bebc8440\"' WHERE primitive = 'motor.digraph_simhash'",
        "UPDATE observations SET ts = 'soon', evidence_ref = evidence_ref || 'x/y'",
        "ALTER TABLE observations RENAME COLUMN evidence_ref TO reference", "ALTER TABLE attackers RENAME COLUMN ip TO address",
    ])
    func aForeignShapeIsReportedAndNeverStopsTheReading(change: String) throws {
        let folder = try ScratchFolder()
        let path = try Samples.database("release-1.0.0", in: folder)
        try? DatabaseQueue(path: path).writeWithoutTransaction { try $0.execute(sql: change) }

        let collected = try Collected(path)

        #expect(collected.targets.count == 12 && collected.finished.count == 1)
    }

    @Test func theUsersTableIsNeverRead() throws {
        let folder = try ScratchFolder()
        let path = try Samples.database("release-1.0.0", in: folder)
        let trap = "DROP TABLE IF EXISTS users; CREATE VIEW users AS SELECT * FROM nowhere"
        try DatabaseQueue(path: path).writeWithoutTransaction { try $0.execute(sql: trap) }

        #expect(try Collected(path).problems.isEmpty)
    }
}
