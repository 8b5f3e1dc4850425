import Foundation
import GRDB
import Primitives
import PrivateDatabase

/// Why the watcher's memory could not be used. Nothing was changed.
public enum WatchStoreError: Error, Sendable, CustomStringConvertible {
    case failed(action: String, path: String, cause: String)
    /// There are as many as there can be.
    case full(limit: Int)

    public var description: String {
        switch self {
        case .failed(let action, let path, let cause): "cannot \(action) in \(path): \(cause)"
        case .full(let limit): "there are \(limit) watches already"
        }
    }
}

/// The watcher's memory, `watches.db`: what is watched, what was told, and what waits to be told.
///
/// Holds labels, sessions and attackers: it never leaves the operator, and the node process has no path to it.
public final class WatchStore: Sendable {
    public let path: String
    private let connection: DatabaseQueue

    /// Opens the database, making it if there is none, and adds what an older one lacks.
    public init(directory: String) throws(WatchStoreError) {
        path = directory + "/watches.db"
        do {
            connection = try PrivateDatabase.open("watches.db", in: directory)
            try connection.write { try WatchSchema.migrate($0) }
        } catch { throw .failed(action: "open the database", path: path, cause: "\(error)") }
    }

    func write<Value>(_ action: String, _ body: (Database) throws -> Value) throws(WatchStoreError) -> Value {
        do { return try connection.write(body) } catch let error as WatchStoreError { throw error } catch {
            throw .failed(action: action, path: path, cause: "\(error)")
        }
    }

    func read<Value>(_ action: String, _ body: (Database) throws -> Value) throws(WatchStoreError) -> Value {
        do { return try connection.read(body) } catch { throw .failed(action: action, path: path, cause: "\(error)") }
    }

    /// Keeps a watch; gives its number, which is never given again.
    public func add(_ watch: Watch) throws(WatchStoreError) -> Int64 {
        try write("keep a watch") { database in
            guard try Int.fetchOne(database, sql: "SELECT count(*) FROM watch") ?? 0 < WatchLimits.watches else {
                throw WatchStoreError.full(limit: WatchLimits.watches)
            }
            var (subject, lengthClass): (String, Int?) = ("", nil)
            switch watch.subject {
            case .code(let code, let itsClass): (subject, lengthClass) = (code, itsClass)
            case .domain(let domain): subject = domain
            case .ownSessions: break
            }
            try database.execute(
                sql: """
                    INSERT INTO watch (label, kind, subject, length_class, schema_version, within, minimum_decibans, minimum_operators)
                    VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                    """,
                arguments: [
                    watch.label, watch.kindName, subject, lengthClass, watch.schemaVersion, watch.within, watch.minimumDecibans, watch.minimumOperators,
                ])
            return database.lastInsertedRowID
        }
    }

    /// All watches, by number.
    public func watches() throws(WatchStoreError) -> [Watch] {
        try read("list the watches") { database in
            try Row.fetchAll(database, sql: "SELECT * FROM watch ORDER BY number").compactMap { row in
                let subject: Watch.Subject
                switch row["kind"] as String {
                case "simhash": subject = .code(row["subject"], lengthClass: row["length_class"])
                case "domain": subject = .domain(row["subject"])
                case "own-sessions": subject = .ownSessions
                default: return nil  // A later version's.
                }
                var watch = Watch(
                    subject, label: row["label"], schemaVersion: row["schema_version"], within: row["within"], minimumDecibans: row["minimum_decibans"],
                    minimumOperators: row["minimum_operators"])
                watch.number = row["number"]
                watch.untold = row["untold"]
                return watch
            }
        }
    }

    /// Forgets a watch and what it has told; `false` if there is none of this number. Alerts that wait are still delivered.
    public func remove(_ number: Int64) throws(WatchStoreError) -> Bool {
        try write("forget a watch") { database in
            try database.execute(sql: "DELETE FROM told WHERE watch = ?", arguments: [number])
            try database.execute(sql: "DELETE FROM watch WHERE number = ?", arguments: [number])
            return database.changesCount > 0
        }
    }
}
