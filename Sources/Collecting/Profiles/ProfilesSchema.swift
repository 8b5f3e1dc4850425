import GRDB
import Keystrokes

/// The tables of `profiles.db`, and the way from older ones to them: columns are only ever added, so doing it twice is doing it once.
enum ProfilesSchema {
    struct Table {
        let name: String
        /// Name and definition; those that may be missing in an older database must be addable: with a default or without NOT NULL.
        let columns: [(name: String, definition: String)]
        let constraints: [String]
        let indexes: [String]
    }

    static let sessionProfile = Table(
        name: "session_profile",
        columns: [("sid", "VARCHAR NOT NULL PRIMARY KEY"), ("log_id", "INTEGER"), ("schema_version", "INTEGER NOT NULL DEFAULT 1")]
            + SessionProfile.columnNames.map { ($0, definition(of: $0)) } + [("created_at", "DATETIME NOT NULL DEFAULT ''")],
        constraints: [],
        indexes: ["kd_digraph_simhash", "log_id"])

    static let attackers = Table(
        name: "attackers",
        columns: [
            ("uuid", "VARCHAR NOT NULL PRIMARY KEY"), ("ip", "VARCHAR NOT NULL"), ("first_seen", "DATETIME NOT NULL"), ("last_seen", "DATETIME NOT NULL"),
            ("event_count", "INTEGER NOT NULL DEFAULT 0"), ("service_count", "INTEGER NOT NULL DEFAULT 0"), ("decky_count", "INTEGER NOT NULL DEFAULT 0"),
            ("services", "TEXT NOT NULL DEFAULT '[]'"), ("deckies", "TEXT NOT NULL DEFAULT '[]'"), ("traversal_path", "TEXT"),
            ("is_traversal", "BOOLEAN NOT NULL DEFAULT 0"), ("bounty_count", "INTEGER NOT NULL DEFAULT 0"), ("credential_count", "INTEGER NOT NULL DEFAULT 0"),
            ("fingerprints", "TEXT NOT NULL DEFAULT '[]'"), ("commands", "TEXT NOT NULL DEFAULT '[]'"), ("country_code", "VARCHAR(2)"),
            ("country_source", "VARCHAR(16)"), ("updated_at", "DATETIME NOT NULL DEFAULT ''"), ("schema_version", "INTEGER NOT NULL DEFAULT 1"),
        ],
        constraints: [], indexes: ["ip", "first_seen", "last_seen"])

    static let smtpTargets = Table(
        name: "smtp_targets",
        columns: [
            ("id", "INTEGER NOT NULL PRIMARY KEY"), ("attacker_uuid", "VARCHAR NOT NULL"), ("domain", "VARCHAR NOT NULL"), ("first_seen", "DATETIME NOT NULL"),
            ("last_seen", "DATETIME NOT NULL"), ("count", "INTEGER NOT NULL"), ("schema_version", "INTEGER NOT NULL DEFAULT 1"),
        ],
        constraints: ["CONSTRAINT uq_smtp_targets_attacker_domain UNIQUE (attacker_uuid, domain)"], indexes: ["attacker_uuid", "domain", "last_seen"])

    static let shared = [sessionProfile, attackers, smtpTargets]

    /// What is the collector's own: where sessions come from, their codes by schema_version, targets by day, what was released, how far sources were read.
    private static let own = """
        CREATE TABLE IF NOT EXISTS session_source (
            sid VARCHAR NOT NULL PRIMARY KEY, started_at INTEGER, attacker_uuid VARCHAR, service VARCHAR, typed_keys INTEGER, digraphs INTEGER, samples INTEGER,
            rank INTEGER NOT NULL);
        CREATE TABLE IF NOT EXISTS session_code (
            sid VARCHAR NOT NULL, schema_version INTEGER NOT NULL, code BLOB CHECK (code IS NULL OR length(code) = 8), strength INTEGER, kept_pairs INTEGER,
            PRIMARY KEY (sid, schema_version)) WITHOUT ROWID;
        CREATE TABLE IF NOT EXISTS target_day (
            day INTEGER NOT NULL, domain VARCHAR NOT NULL, attacker_uuid VARCHAR NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (day, domain, attacker_uuid)
            ) WITHOUT ROWID;
        CREATE TABLE IF NOT EXISTS release (
            kind INTEGER NOT NULL, schema_version INTEGER NOT NULL, day INTEGER NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL, due_at INTEGER NOT NULL,
            released_value BLOB, PRIMARY KEY (kind, schema_version, day, key)) WITHOUT ROWID;
        CREATE TABLE IF NOT EXISTS outbox_mark (id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1), file_id BLOB NOT NULL, byte_count INTEGER NOT NULL);
        CREATE TABLE IF NOT EXISTS retraction (
            kind INTEGER NOT NULL, schema_version INTEGER NOT NULL, day INTEGER NOT NULL, key BLOB NOT NULL, is_written INTEGER NOT NULL,
            PRIMARY KEY (kind, schema_version, day, key)) WITHOUT ROWID;
        CREATE TABLE IF NOT EXISTS retraction_rule (
            id INTEGER NOT NULL PRIMARY KEY, kind INTEGER, schema_version INTEGER, key BLOB, first_day INTEGER NOT NULL, last_day INTEGER NOT NULL);
        CREATE TABLE IF NOT EXISTS source_file (path VARCHAR NOT NULL PRIMARY KEY, stamp VARCHAR NOT NULL) WITHOUT ROWID;
        CREATE TABLE IF NOT EXISTS source_position (file_key VARCHAR NOT NULL PRIMARY KEY, offset INTEGER NOT NULL) WITHOUT ROWID;
        """

    static func migrate(_ database: Database) throws {
        for table in shared {
            let present = Set(try String.fetchAll(database, sql: "SELECT name FROM pragma_table_info(?)", arguments: [table.name]))
            if present.isEmpty {
                let parts = table.columns.map { "\($0.name) \($0.definition)" } + table.constraints
                try database.execute(sql: "CREATE TABLE \(table.name) (\(parts.joined(separator: ", ")))")
            } else {
                for column in table.columns where !present.contains(column.name) {
                    try database.execute(sql: "ALTER TABLE \(table.name) ADD COLUMN \(column.name) \(column.definition)")
                }
            }
            for column in table.indexes {
                try database.execute(sql: "CREATE INDEX IF NOT EXISTS ix_\(table.name)_\(column) ON \(table.name) (\(column))")
            }
        }
        let hadCodes = try database.tableExists("session_code")
        try database.execute(sql: own)
        if !hadCodes { try fillCodes(database) }
    }

    /// Fills the table of codes of an older database: schema_version 1 from the profiles; for schema_version 2 all sources that are still there are read once more.
    private static func fillCodes(_ database: Database) throws {
        try database.execute(
            sql: """
                INSERT OR IGNORE INTO session_code (sid, schema_version, code, strength, kept_pairs)
                SELECT p.sid, 1, p.kd_digraph_simhash, NULL, NULL FROM session_profile p JOIN session_source s ON s.sid = p.sid;
                DELETE FROM source_file;
                """)
    }

    private static func definition(of column: String) -> String {
        switch column {
        case "kd_digraph_simhash": "BLOB CHECK (kd_digraph_simhash IS NULL OR length(kd_digraph_simhash) = 8)"
        case "kd_top_bigrams": "TEXT"
        case "kd_pause_hist_burst", "kd_pause_hist_think", "kd_pause_hist_distracted", "total_keystrokes": "INTEGER"
        default: "FLOAT"
        }
    }
}
