import Cryptography
import Foundation
import GRDB
import Ledger
import NodeCore
import Primitives
import WireFormat

/// A day of a stream of our own that no head covers as it now is.
public struct DirtyDay: Hashable, Sendable {
    public let stream: StreamID
    public let day: Day
    /// Grows with every change of the day and is never used again, so that a head that covers an older content does not count for a newer one.
    public let mark: Int64
}

extension DirtyDay {
    public init(_ covered: CoveredDay) { self.init(stream: covered.stream, day: covered.day, mark: covered.mark) }
}

extension MeshStore {
    public func absorb(_ sightings: [Sighting], position: [UInt8]) throws(StoreError) { try absorb(sightings.map { .stated($0) }, position: position) }

    /// Takes what is stated and what is retracted from the outbox, in its order, and notes how far it has been read, in one step: what is here is
    /// never asked for again.
    ///
    /// Days that really change become dirty, until a head covers them. What is retracted is overwritten at once.
    public func absorb(_ changes: [SightingChange], position: [UInt8]) throws(StoreError) {
        let hasDeleted = try write("take sightings from the outbox") { database in
            var hasDeleted = false
            var touched: [StreamID: Set<Day>] = [:]
            // Compiled once: an outbox that is read anew has millions of lines.
            let stating = try database.cachedStatement(
                sql: """
                    INSERT INTO own_record (kind, schema_version, day, key, value) VALUES (?, ?, ?, ?, ?)
                    ON CONFLICT (kind, schema_version, day, key) DO UPDATE SET value = excluded.value WHERE value <> excluded.value
                    """)
            let retracting = try database.cachedStatement(sql: "DELETE FROM own_record WHERE kind = ? AND schema_version = ? AND day = ? AND key = ?")
            for change in changes {
                let name = change.name
                let key: StatementArguments = [name.stream.kind, name.stream.schemaVersion, name.day.number, Data(name.key)]
                switch change {
                case .stated(let sighting):
                    try stating.execute(arguments: key + [Data(sighting.record.value)])
                    guard database.changesCount > 0 else { continue }
                case .retracted:
                    try retracting.execute(arguments: key)
                    guard database.changesCount > 0 else { continue }
                    hasDeleted = true
                }
                touched[name.stream, default: []].insert(name.day)
            }
            for (stream, days) in touched { for day in days { try Self.markDirty(stream, day, in: database) } }  // Each once, in whatever order.
            if hasDeleted { try Self.set(Self.retractionHead, Data(), in: database) }
            try Self.set("outbox_position", Data(position), in: database)
            return hasDeleted
        }
        compactLog(afterDeleting: hasDeleted)
    }

    private static let retractionHead = "retraction_head"

    /// Since which head of ours nothing that was retracted is published any more.
    public enum RetractionState: Hashable, Sendable {
        /// Nothing was ever retracted.
        case none
        /// The next head leaves out what was retracted.
        case waiting
        case published(HeadPosition)
    }

    public func retractionState() throws(StoreError) -> RetractionState {
        guard let bytes = try setting(Self.retractionHead) else { return .none }
        var reader = WireReader(Array(bytes))
        guard let generation = try? reader.integer(UInt32.self), let sequence = try? reader.integer(UInt64.self) else { return .waiting }
        return .published(HeadPosition(generation: generation, sequence: sequence))
    }

    /// Notes the head with which the retractions so far are out: the first one after which no day waits.
    static func noteRetraction(_ position: HeadPosition, in database: Database) throws {
        let isWaiting = try Data.fetchOne(database, sql: "SELECT value FROM setting WHERE name = ?", arguments: [retractionHead])?.isEmpty ?? false
        guard isWaiting, try Int.fetchOne(database, sql: "SELECT count(*) FROM own_day WHERE mark <> covered_mark") == 0 else { return }
        var writer = WireWriter(reserving: 12)
        writer.integer(position.generation)
        writer.integer(position.sequence)
        try set(retractionHead, Data(writer.bytes), in: database)
    }

    /// How far the outbox has been read; `nil` before the first time.
    public func outboxPosition() throws(StoreError) -> [UInt8]? { try setting("outbox_position").map { Array($0) } }

    static func markDirty(_ stream: StreamID, _ day: Day, in database: Database) throws {
        try database.execute(
            sql: """
                INSERT INTO own_day (kind, schema_version, day, mark, covered_mark) VALUES (?, ?, ?, 1, 0)
                ON CONFLICT (kind, schema_version, day) DO UPDATE SET mark = mark + 1
                """,
            arguments: [stream.kind, stream.schemaVersion, day.number])
    }

    /// Days that no head covers as they now are.
    public func dirtyDays() throws(StoreError) -> [DirtyDay] {
        try read("read changed days") { database in
            try database.rows(
                "SELECT kind, schema_version, day, mark FROM own_day WHERE mark <> covered_mark ORDER BY kind, schema_version, day", []
            ).compactMap { row in
                guard let kind: UInt16 = row.integer("kind"), let version: UInt16 = row.integer("schema_version"), let day: UInt32 = row.integer("day"),
                    let mark: Int64 = row.integer("mark")
                else { return nil }
                return DirtyDay(stream: StreamID(kind: kind, schemaVersion: version), day: Day(number: day), mark: mark)
            }
        }
    }

    /// The buckets of a day as our newest head names them. Damaged ones are left out.
    public func ownBuckets(of day: DirtyDay) throws(StoreError) -> [Bucket] {
        try read("read own buckets") { database in
            let row = try Row.fetchOne(database, sql: "SELECT origin, head, signing_key, manifest, history FROM origin WHERE history IS NOT NULL")
            guard let content = row.flatMap({ Self.content(of: $0) }), let descriptor = content.manifest.descriptor(of: day.stream) else { return [] }
            return try content.manifest.entries.filter { $0.stream == day.stream && $0.day == day.day }.compactMap { entry in
                try Self.bucket(entry, of: content.head.body.origin, descriptor: descriptor, in: database)
            }
        }
    }

    /// All own records of a day, in ascending key order. Damaged ones, and those that are none of the stream's, are left out.
    public func ownRecords(of day: DirtyDay) throws(StoreError) -> [Ledger.Record] {
        try read("read own sightings") { database in
            var records: [Ledger.Record] = []
            let rows = try Row.fetchCursor(
                database, sql: "SELECT key, value FROM own_record WHERE kind = ? AND schema_version = ? AND day = ? ORDER BY key",
                arguments: [day.stream.kind, day.stream.schemaVersion, day.day.number])
            while let row = try rows.next() {
                guard let key = row.blob("key"), let value = row.blob("value") else { continue }
                let record = Ledger.Record(key: Array(key), value: Array(value))
                guard Sighting(stream: day.stream, day: day.day, record: record) != nil, records.last.map({ $0 < record }) ?? true else { continue }
                records.append(record)
            }
            return records
        }
    }

    /// The descriptor of a stream we publish, with a shard key that is drawn once and kept; `nil` for a stream this version does not know.
    public func descriptor(of stream: StreamID, using random: inout some RandomNumberGenerator) throws(StoreError) -> StreamDescriptor? {
        let fresh = random.bytes(count: SipHash.keyByteCount)
        let key = try write("read a stream") { database in
            try database.execute(
                sql: "INSERT OR IGNORE INTO own_stream (kind, schema_version, shard_key) VALUES (?, ?, ?)",
                arguments: [stream.kind, stream.schemaVersion, Data(fresh)])
            return try Data.fetchOne(
                database, sql: "SELECT shard_key FROM own_stream WHERE kind = ? AND schema_version = ?", arguments: [stream.kind, stream.schemaVersion])
        }
        return StreamDescriptor.standard(for: stream, shardKey: Array(key ?? Data(fresh)))
    }

    // MARK: Settings

    func setting(_ name: String) throws(StoreError) -> Data? {
        try read("read a setting") { try $0.row("SELECT value FROM setting WHERE name = ?", [name])?.blob("value") }
    }

    static func set(_ name: String, _ value: Data, in database: Database) throws {
        try database.execute(
            sql: "INSERT INTO setting (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", arguments: [name, value])
    }

    /// What the operator has chosen; `nil` before `saveSettings`.
    public func settings() throws(StoreError) -> NodeSettings? {
        try setting("settings").flatMap { try? JSONDecoder().decode(NodeSettings.self, from: $0) }
    }

    public func save(_ settings: NodeSettings) throws(StoreError) {
        try write("save settings") { try Self.set("settings", try JSONEncoder().encode(settings), in: $0) }
    }

    /// A number higher than at every start before: the incarnation of this run's peer record.
    public func nextIncarnation() throws(StoreError) -> UInt64 {
        try write("count a start") { database in
            let last = try Data.fetchOne(database, sql: "SELECT value FROM setting WHERE name = 'incarnation'")
            let next = (last.flatMap { UInt64(String(decoding: $0, as: UTF8.self)) } ?? 0) &+ 1
            try Self.set("incarnation", Data("\(next)".utf8), in: database)
            return next
        }
    }
}

/// What an operator has chosen for a node, and what joining has brought.
public struct NodeSettings: Codable, Hashable, Sendable {
    public struct Seed: Codable, Hashable, Sendable {
        /// As in `NetworkAddress`.
        public var address: String
        /// A transport key in hex.
        public var key: String

        public init(address: String, key: String) {
            self.address = address
            self.key = key
        }
    }

    /// How this operator calls itself in the mesh.
    public var displayName: String
    /// The numeric address to listen at.
    public var bindAddress: String
    public var tcpPort: UInt16
    public var udpPort: UInt16
    /// Where others reach this node, as in `NetworkAddress`; empty for one that only dials.
    public var advertised: [String]
    /// The mesh's root key in hex; `nil` before the node belongs to a mesh.
    public var meshRoot: String?
    /// Whom to look for first.
    public var seeds: [Seed]
    /// The directory of the collector's outbox; `nil` for none.
    public var outboxDirectory: String?
    /// Whether questions of peers are answered; `nil`, as in settings of an earlier version, is no.
    public var answersQuestions: Bool?
    /// What one operator may have in the replica; `nil`, as in settings of an earlier version, is the standard.
    public var originQuota: OriginQuota?

    public init(
        displayName: String, bindAddress: String, tcpPort: UInt16, udpPort: UInt16, advertised: [String], meshRoot: String? = nil, seeds: [Seed] = [],
        outboxDirectory: String? = nil
    ) {
        self.displayName = displayName
        self.bindAddress = bindAddress
        self.tcpPort = tcpPort
        self.udpPort = udpPort
        self.advertised = advertised
        self.meshRoot = meshRoot
        self.seeds = seeds
        self.outboxDirectory = outboxDirectory
    }
}
