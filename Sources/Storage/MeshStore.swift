import Cryptography
import Foundation
import GRDB
import Ledger
import NodeCore
import Primitives
import Synchronization
import WireFormat

/// Why the node's database failed. Nothing was changed.
public enum StoreError: Error, Sendable, CustomStringConvertible {
    /// A later version of the program has written the file.
    case newer(path: String, version: Int)
    /// An adoption names a bucket that is not here.
    case bucketMissing(OriginID, Digest)
    /// The disk or the database failed, while doing what is said.
    case failed(action: String, path: String, cause: String)

    public var description: String {
        switch self {
        case .newer(let path, let version): "\(path) was written by a later version of hearsay (format \(version))"
        case .bucketMissing(let origin, let root): "a bucket of operator \(origin.short) with root \(root.short) is missing"
        case .failed(let action, let path, let cause): "cannot \(action) in \(path): \(cause)"
        }
    }
}

/// A row that could not be read back; it was left out, and nothing else was.
public struct StoreProblem: Hashable, Sendable, CustomStringConvertible {
    public let table: String
    public let reason: String

    public var description: String { "\(table): \(reason)" }
}

/// The node's disk, `mesh.db`: statements, replica, own sightings and invites.
///
/// Every method is one transaction, and durable when it returns (`synchronous=FULL`). Deleted content is overwritten (`secure_delete`). Safe from any
/// thread, and beside another process that adds an invite.
public final class MeshStore: Sendable {
    public static let formatVersion = 2
    /// How long a writer waits for another process.
    static let busyTimeout: TimeInterval = 10
    /// How long emptying the log waits for readers; then it is done after the next deletion instead.
    static let compactionTimeout: Duration = .milliseconds(500)
    /// Reads at one time; more wait for their turn.
    static let readerCount = 8

    let path: String
    let pool: DatabasePool
    /// Whether deleted bytes may still lie in the log. At first nobody knows: an earlier run may have ended between deleting and emptying.
    private let owesCompaction = Mutex(true)
    let fresh = Mutex(FreshBuckets())

    /// Opens the database, making it (mode 0600) if there is none.
    public init(path: String) throws(StoreError) {
        self.path = path
        var configuration = Configuration()
        configuration.busyMode = .timeout(Self.busyTimeout)
        configuration.maximumReaderCount = Self.readerCount
        configuration.prepareDatabase { try $0.execute(sql: "PRAGMA secure_delete = ON") }
        do {
            if access(path, F_OK) != 0 {
                // Made with its final mode before anything is in it.
                let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
                if descriptor >= 0 { close(descriptor) }
            }
            pool = try DatabasePool(path: path, configuration: configuration)
            // Not earlier: turning the write-ahead log on, the pool sets NORMAL, and a head could be sent that a power cut then unmakes.
            try pool.writeWithoutTransaction { try $0.execute(sql: "PRAGMA synchronous = FULL") }
            let version = try pool.read { try Int.fetchOne($0, sql: "PRAGMA user_version") ?? 0 }
            guard version <= Self.formatVersion else { throw StoreError.newer(path: path, version: version) }
            if version < Self.formatVersion {
                try pool.write { database in
                    // Another process may have just done it.
                    let version = try Int.fetchOne(database, sql: "PRAGMA user_version") ?? 0
                    if version == 1 { try database.execute(sql: "ALTER TABLE bucket ADD COLUMN checksum BLOB") }
                    try database.execute(sql: Self.schema)
                    try database.execute(sql: "PRAGMA user_version = \(Self.formatVersion)")
                }
            }
        } catch let error as StoreError {
            throw error
        } catch { throw .failed(action: "open the database", path: path, cause: "\(error)") }
    }

    private static let schema = """
        CREATE TABLE IF NOT EXISTS setting (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
        CREATE TABLE IF NOT EXISTS statement (slot BLOB PRIMARY KEY, bytes BLOB NOT NULL) WITHOUT ROWID;
        CREATE TABLE IF NOT EXISTS origin (origin BLOB PRIMARY KEY, head BLOB NOT NULL, signing_key BLOB NOT NULL, manifest BLOB NOT NULL, history BLOB);
        CREATE TABLE IF NOT EXISTS bucket (
            origin BLOB NOT NULL, root BLOB NOT NULL, is_staged INTEGER NOT NULL, last_day INTEGER NOT NULL, descriptor BLOB NOT NULL, entry BLOB NOT NULL,
            bytes BLOB NOT NULL, checksum BLOB, PRIMARY KEY (origin, root));
        CREATE TABLE IF NOT EXISTS own_stream (kind INTEGER NOT NULL, schema_version INTEGER NOT NULL, shard_key BLOB NOT NULL,
            PRIMARY KEY (kind, schema_version)) WITHOUT ROWID;
        CREATE TABLE IF NOT EXISTS own_record (
            kind INTEGER NOT NULL, schema_version INTEGER NOT NULL, day INTEGER NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL,
            PRIMARY KEY (kind, schema_version, day, key)) WITHOUT ROWID;
        CREATE TABLE IF NOT EXISTS own_day (kind INTEGER NOT NULL, schema_version INTEGER NOT NULL, day INTEGER NOT NULL, mark INTEGER NOT NULL,
            covered_mark INTEGER NOT NULL, PRIMARY KEY (kind, schema_version, day)) WITHOUT ROWID;
        CREATE TABLE IF NOT EXISTS peer_rule (origin BLOB PRIMARY KEY, rule INTEGER NOT NULL) WITHOUT ROWID;
        CREATE TABLE IF NOT EXISTS invite (
            id BLOB PRIMARY KEY, secret BLOB NOT NULL, not_after INTEGER NOT NULL, label TEXT NOT NULL, used_by BLOB) WITHOUT ROWID;
        """

    func write<Value>(_ action: String, _ body: (Database) throws -> Value) throws(StoreError) -> Value {
        do {
            return try pool.write(body)
        } catch let error as StoreError {
            throw error
        } catch { throw .failed(action: action, path: path, cause: "\(error)") }
    }

    func read<Value>(_ action: String, _ body: (Database) throws -> Value) throws(StoreError) -> Value {
        do {
            return try pool.read(body)
        } catch let error as StoreError {
            throw error
        } catch { throw .failed(action: action, path: path, cause: "\(error)") }
    }

    /// Writes the log of changes back and empties it, so that nothing deleted stays in it. Deleting methods do this on their own.
    ///
    /// - Returns: `false` if a reader kept it from being emptied: it is then tried again with every later deletion.
    @discardableResult public func compactLog() throws(StoreError) -> Bool {
        do {
            try pool.writeWithoutTransaction { database in
                try database.execute(sql: "PRAGMA busy_timeout = \(Self.compactionTimeout.components.attoseconds / 1_000_000_000_000_000)")
                defer { try? database.execute(sql: "PRAGMA busy_timeout = \(Int(Self.busyTimeout * 1_000))") }
                _ = try database.checkpoint(.truncate)
            }
            owesCompaction.withLock { $0 = false }
            return true
        } catch let error as DatabaseError where error.resultCode == .SQLITE_BUSY {
            owesCompaction.withLock { $0 = true }
            return false
        } catch { throw .failed(action: "empty the log", path: path, cause: "\(error)") }
    }

    /// After a transaction that has deleted something, or not. It has happened, whatever becomes of the log: so this cannot fail.
    func compactLog(afterDeleting hasDeleted: Bool) {
        guard owesCompaction.withLock({ owes in owes = owes || hasDeleted; return owes }) else { return }
        _ = try? compactLog()
    }
}

/// Statements that are executed often: each text is compiled once for each connection.
extension Database {
    func run(_ sql: String, _ arguments: StatementArguments) throws { try cachedStatement(sql: sql).execute(arguments: arguments) }

    func rows(_ sql: String, _ arguments: StatementArguments) throws -> [Row] { try Row.fetchAll(cachedStatement(sql: sql), arguments: arguments) }

    func row(_ sql: String, _ arguments: StatementArguments) throws -> Row? { try Row.fetchOne(cachedStatement(sql: sql), arguments: arguments) }
}

extension Row {
    /// A column that holds bytes; `nil` for anything else. A damaged file may hold any type anywhere, and the plain subscript would trap.
    func blob(_ column: String) -> Data? { (self[column] as (any DatabaseValueConvertible)?) as? Data }

    /// A column that holds a whole number in range; `nil` for anything else.
    func integer<Value: FixedWidthInteger>(_ column: String, as _: Value.Type = Value.self) -> Value? {
        ((self[column] as (any DatabaseValueConvertible)?) as? Int64).flatMap { Value(exactly: $0) }
    }

    /// Whether a column is empty.
    func hasNull(_ column: String) -> Bool { (self[column] as (any DatabaseValueConvertible)?) == nil }

    func identifier<Value: Identifier>(_ column: String, as _: Value.Type = Value.self) -> Value? { blob(column).flatMap { Value(data: $0) } }
}

extension Identifier {
    var data: Data { Data(bytes) }

    init?(data: Data) { self.init(bytes: Array(data)) }
}
