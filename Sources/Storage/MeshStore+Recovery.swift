import Cryptography
import Foundation
import GRDB
import Ledger
import NodeCore
import Primitives
import WireFormat

extension MeshStore {
    /// Our own content becomes what a head of ours says that others have kept, but for what this disk knows better: what has changed here since its own last head
    /// (`Protocol/replication.md` §7.1). All its buckets must be here.
    ///
    /// Days that then are as others hold them are clean: nobody downloads them again. Without a last head of its own the disk reads the outbox
    /// anew, so that what was stated or retracted there last has the last word.
    ///
    /// Throws `bucketMissing`, and changes nothing, if an unexpired bucket is not here, or is damaged.
    public func recover(_ head: Verified<Head>, _ manifest: Manifest, today: Day) throws(StoreError) -> ReplicaChange {
        let origin = head.body.origin
        let change = try write("recover our own content") { database in
            let base = try OwnContent(of: origin, in: database)
            var theirs = OwnContent()
            var change = ReplicaChange(origin: origin)
            for entry in manifest.entries {
                guard let descriptor = manifest.descriptor(of: entry.stream), descriptor.lastDay(ofBucketAt: entry.day) >= today else { continue }
                guard let bucket = try Self.bucket(entry, of: origin, descriptor: descriptor, in: database) else {
                    throw StoreError.bucketMissing(origin, entry.root)
                }
                theirs.add(bucket)
                if !base.roots.contains(entry.root) { change.added.append(bucket) }
            }
            change.removed = base.roots.subtracting(theirs.roots).sorted()
            let ours = try OwnContent.unpublished(in: database)
            for id in Set(base.days.keys).union(theirs.days.keys).union(ours.days.keys).sorted() {
                try Self.settle(id, base: base.days[id] ?? [:], theirs: theirs.days[id] ?? [:], ours: ours.days[id] ?? [:], in: database)
            }
            for descriptor in manifest.descriptors where StreamDescriptor.standard(for: descriptor.stream, shardKey: descriptor.shardKey) != nil {
                try database.execute(
                    sql: "INSERT OR REPLACE INTO own_stream (kind, schema_version, shard_key) VALUES (?, ?, ?)",
                    arguments: [descriptor.stream.kind, descriptor.stream.schemaVersion, Data(descriptor.shardKey)])
            }
            for root in change.removed { try database.execute(sql: "DELETE FROM bucket WHERE origin = ? AND root = ?", arguments: [origin.data, root.data]) }
            try database.execute(sql: "UPDATE bucket SET is_staged = 0 WHERE origin = ?", arguments: [origin.data])
            if base.isEmpty { try database.execute(sql: "DELETE FROM setting WHERE name = 'outbox_position'") }
            // Its history is not known, and is not needed: the next head opens a generation.
            try Self.set(head, manifest, history: HistoryTree(certificateHash: head.hash), in: database)
            return change
        }
        compactLog(afterDeleting: true)
        return change
    }

    /// One day: what has changed here since our last head stays; all else is as others hold it.
    private static func settle(_ id: OwnContent.DayID, base: OwnContent.Records, theirs: OwnContent.Records, ours: OwnContent.Records, in database: Database)
        throws
    {
        var merged = theirs
        for key in Set(base.keys).union(ours.keys) where ours[key] != base[key] { merged[key] = ours[key] }
        let day: StatementArguments = [id.stream.kind, id.stream.schemaVersion, id.day.number]
        if merged != ours {
            try database.execute(sql: "DELETE FROM own_record WHERE kind = ? AND schema_version = ? AND day = ?", arguments: day)
            for (key, value) in merged {
                try database.execute(
                    sql: "INSERT INTO own_record (kind, schema_version, day, key, value) VALUES (?, ?, ?, ?, ?)", arguments: day + [Data(key), Data(value)])
            }
        }
        try markDirty(id.stream, id.day, in: database)
        guard merged == theirs else { return }
        try database.execute(sql: "UPDATE own_day SET covered_mark = mark WHERE kind = ? AND schema_version = ? AND day = ?", arguments: day)
    }
}

/// Sightings of our own by day, as some head has them or as they now are.
private struct OwnContent {
    typealias Records = [[UInt8]: [UInt8]]

    struct DayID: Hashable, Comparable {
        let stream: StreamID
        let day: Day

        static func < (left: DayID, right: DayID) -> Bool { (left.stream, left.day) < (right.stream, right.day) }
    }

    var days: [DayID: Records] = [:]
    var roots: Set<Digest> = []
    var isEmpty: Bool { roots.isEmpty }

    init() {}

    /// What is published, as the disk has it.
    init(of origin: OriginID, in database: Database) throws {
        let sql = "SELECT root, descriptor, entry, bytes, checksum FROM bucket WHERE origin = ? AND NOT is_staged"
        let rows = try Row.fetchCursor(database, sql: sql, arguments: [origin.data])
        while let row = try rows.next() {
            if let bucket = MeshStore.bucket(in: row) { add(bucket) }
        }
    }

    /// What the outbox has said, of the streams this version publishes.
    static func unpublished(in database: Database) throws -> OwnContent {
        var content = OwnContent()
        let rows = try Row.fetchCursor(database, sql: "SELECT kind, schema_version, day, key, value FROM own_record")
        while let row = try rows.next() {
            guard let kind: UInt16 = row.integer("kind"), let version: UInt16 = row.integer("schema_version"), let day: UInt32 = row.integer("day"),
                let key = row.blob("key"), let value = row.blob("value")
            else { continue }
            content.days[DayID(stream: StreamID(kind: kind, schemaVersion: version), day: Day(number: day)), default: [:]][Array(key)] = Array(value)
        }
        return content
    }

    /// Of a stream that this version does not publish only the root is noted: its buckets stay as they are.
    mutating func add(_ bucket: Bucket) {
        roots.insert(bucket.entry.root)
        guard StreamDescriptor.standard(for: bucket.entry.stream, shardKey: bucket.descriptor.shardKey) != nil else { return }
        let id = DayID(stream: bucket.entry.stream, day: bucket.entry.day)
        for record in bucket.records { days[id, default: [:]][record.key] = record.value }
    }
}
