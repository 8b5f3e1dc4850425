import GRDB

/// The tables of `watches.db`. Columns are only ever added, so doing it twice is doing it once.
enum WatchSchema {
    static let tables = """
        CREATE TABLE IF NOT EXISTS watch (
            number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, label TEXT NOT NULL, kind TEXT NOT NULL, subject TEXT NOT NULL, length_class INTEGER,
            schema_version INTEGER NOT NULL, within INTEGER NOT NULL, minimum_decibans REAL, minimum_operators INTEGER NOT NULL);
        CREATE TABLE IF NOT EXISTS told (
            watch INTEGER NOT NULL, key TEXT NOT NULL, origin TEXT NOT NULL, day INTEGER NOT NULL, PRIMARY KEY (watch, key, origin, day)) WITHOUT ROWID;
        CREATE INDEX IF NOT EXISTS ix_told_day ON told (day);
        CREATE TABLE IF NOT EXISTS alert (
            number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, created_at INTEGER NOT NULL, body TEXT NOT NULL, open INTEGER NOT NULL);
        CREATE TABLE IF NOT EXISTS tally (name TEXT NOT NULL PRIMARY KEY, count INTEGER NOT NULL) WITHOUT ROWID;
        """

    /// What later versions have brought, with what older rows then have.
    static let added: [(table: String, column: String, definition: String)] = [
        ("watch", "untold", "INTEGER NOT NULL DEFAULT 0"), ("watch", "told_count", "INTEGER NOT NULL DEFAULT 0"),
        ("alert", "attempts", "INTEGER NOT NULL DEFAULT 0"), ("alert", "due_at", "INTEGER NOT NULL DEFAULT 0"), ("alert", "trouble", "TEXT"),
        ("alert", "failed", "INTEGER NOT NULL DEFAULT 0"),
    ]

    static func migrate(_ database: Database) throws {
        try database.execute(sql: tables)
        for (table, column, definition) in added {
            let present = try String.fetchAll(database, sql: "SELECT name FROM pragma_table_info(?)", arguments: [table])
            if !present.contains(column) { try database.execute(sql: "ALTER TABLE \(table) ADD COLUMN \(column) \(definition)") }
        }
        try database.execute(sql: "CREATE INDEX IF NOT EXISTS ix_alert_due ON alert (due_at) WHERE open <> 0")
    }
}
