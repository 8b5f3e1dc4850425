import Foundation
import GRDB
import Primitives
import Testing

@testable import Collecting

@Suite struct ProfilesTests {
    private func days(_ scratch: CollectorScratch) throws -> [Int64: Int64] {
        try scratch.database.read("read days") { database in
            Dictionary(
                uniqueKeysWithValues: try Row.fetchAll(database, sql: "SELECT day, SUM(count) AS n FROM target_day GROUP BY day").map { ($0["day"], $0["n"]) })
        }
    }

    @Test func aCountBelongsToTheDayOfLastSeenAndItsGrowthToTheNewOne() throws {
        let scratch = try CollectorScratch()
        let day = Fixture.noon / 86_400_000
        let oneDay: Int64 = 86_400_000
        _ = try scratch.take([Fixture.target("victim.com", total: 5, first: Fixture.noon, last: Fixture.noon + oneDay)])
        #expect(try days(scratch) == [day: 0, day + 1: 5])
        _ = try scratch.take([Fixture.target("victim.com", total: 8, first: Fixture.noon, last: Fixture.noon + 2 * oneDay)])
        #expect(try days(scratch) == [day: 0, day + 1: 5, day + 2: 3])
    }

    @Test(arguments: [1, 2, 3, 0xC0FFEE] as [UInt64])
    func repeatsAtAnyPlaceChangeNothing(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let items = (0..<40).map { Fixture.target("v\($0 % 8).com", by: "attacker-\($0 % 3)", total: Int64($0)) }
        let once = try CollectorScratch()
        let often = try CollectorScratch()
        for item in items {
            _ = try once.take([item])
            for _ in 0...Int.random(in: 0...2, using: &random) { _ = try often.take([item]) }
        }
        func table(_ scratch: CollectorScratch) throws -> [String] {
            try scratch.database.read("read") {
                try String.fetchAll($0, sql: "SELECT day || ' ' || domain || ' ' || attacker_uuid || ' ' || count FROM target_day ORDER BY 1")
            }
        }
        #expect(try table(once) == table(often), "seed \(seed)")
    }

    @Test func aSimHashOfAnotherLengthIsRefusedByTheTable() throws {
        let scratch = try CollectorScratch()
        #expect(throws: (any Error).self) {
            try scratch.database.write("plant") {
                try $0.execute(sql: "INSERT INTO session_profile (sid, schema_version, kd_digraph_simhash) VALUES ('s', 1, x'00')")
            }
        }
    }

    @Test func anOlderDatabaseGetsTheMissingColumnsOnceAndKeepsItsRows() throws {
        let root = NSTemporaryDirectory() + "hearsay-migration-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: root) }
        try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
        var asItWas = Configuration()
        asItWas.foreignKeysEnabled = false
        try DatabaseQueue(path: root + "/profiles.db", configuration: asItWas).write { database in
            try database.execute(
                sql: """
                    CREATE TABLE session_profile (sid VARCHAR NOT NULL PRIMARY KEY, log_id INTEGER, schema_version INTEGER NOT NULL, kd_iki_mean FLOAT,
                        created_at DATETIME NOT NULL, FOREIGN KEY (log_id) REFERENCES logs (id));
                    CREATE TABLE attackers (uuid VARCHAR NOT NULL PRIMARY KEY, ip VARCHAR NOT NULL, first_seen DATETIME NOT NULL,
                        last_seen DATETIME NOT NULL, event_count INTEGER NOT NULL, service_count INTEGER NOT NULL, decky_count INTEGER NOT NULL,
                        services TEXT NOT NULL, deckies TEXT NOT NULL, is_traversal BOOLEAN NOT NULL, bounty_count INTEGER NOT NULL,
                        credential_count INTEGER NOT NULL, fingerprints TEXT NOT NULL, commands TEXT NOT NULL, updated_at DATETIME NOT NULL);
                    INSERT INTO session_profile VALUES ('kept', NULL, 1, 0.25, '2025-01-01 00:00:00');
                    CREATE TABLE smtp_targets (id INTEGER NOT NULL PRIMARY KEY, attacker_uuid VARCHAR NOT NULL, domain VARCHAR NOT NULL,
                        first_seen DATETIME NOT NULL, last_seen DATETIME NOT NULL, count INTEGER NOT NULL, UNIQUE (attacker_uuid, domain),
                        FOREIGN KEY (attacker_uuid) REFERENCES attackers (uuid));
                    INSERT INTO attackers VALUES ('a', '192.0.2.1', '2025-01-01', '2025-01-02', 0, 0, 0, '[]', '[]', 0, 0, 0, '[]', '[]', '2025-01-02');
                    INSERT INTO smtp_targets VALUES (1, 'a', 'victim.com', '2025-01-01 00:00:00', '2025-01-02 00:00:00', 4);
                    """)
        }
        func columns() throws -> [String: [String]] {
            let database = try ProfilesDatabase(directory: root)
            return try database.read("read columns") { database in
                try Dictionary(
                    uniqueKeysWithValues: ["session_profile", "smtp_targets", "attackers"].map {
                        ($0, try String.fetchAll(database, sql: "SELECT name FROM pragma_table_info(?)", arguments: [$0]))
                    })
            }
        }
        let once = try columns()
        #expect(try columns() == once, "twice is once")
        #expect(once["session_profile"]?.contains("kd_digraph_simhash") == true && once["smtp_targets"]?.contains("schema_version") == true)
        let database = try ProfilesDatabase(directory: root)
        #expect(try database.smtpTargetSeen("VICTIM.com").count == 4)
        #expect(try database.read("read") { try Double.fetchOne($0, sql: "SELECT kd_iki_mean FROM session_profile WHERE sid = 'kept'") } == 0.25)
        #expect(try database.read("read") { try Int.fetchOne($0, sql: "SELECT schema_version FROM smtp_targets") } == 1)
        #expect(try !database.smtpTargetSeen("other.com").seen)
        // And it is of use: an address alone gets a name, a session may name a log that is not here.
        var count = ProfilesDatabase.IngestCount()
        let byAddress = SourceSmtpTarget(
            attackerUUID: nil, attackerIP: "198.51.100.9", domain: "new.com", firstSeen: Fixture.noon, lastSeen: Fixture.noon, counting: .event)
        let attacker = SourceAttacker(uuid: "b", ip: "198.51.100.10", firstSeen: Fixture.noon, lastSeen: Fixture.noon)
        try database.ingest([.smtpTarget(byAddress), .attacker(attacker), Fixture.session(), Fixture.target("known.com", total: 1)], into: &count)
        #expect(count.newTargets == 2 && count.newSessions == 1 && count.attackers == 1)
    }

    @Test func theDatabaseIsTheOwnersAlone() throws {
        let scratch = try CollectorScratch()
        let mode = try FileManager.default.attributesOfItem(atPath: scratch.database.path)[.posixPermissions] as? NSNumber
        #expect(mode?.intValue == 0o600)
    }
}
