import Cryptography
import Foundation
import GRDB
import Ledger
import NodeCore
import Primitives
import WireFormat

/// What an adoption, a publication or the end of a retention has changed in the replica.
public struct ReplicaChange: Sendable {
    public let origin: OriginID
    public var added: [Bucket] = []
    /// Roots of buckets that are gone.
    public var removed: [Digest] = []
}

extension MeshStore {
    /// Keeps a checked bucket until its manifest is adopted. Again is the same as once.
    public func stage(_ bucket: Bucket, of origin: OriginID) throws(StoreError) {
        try write("stage a bucket") { try Self.insert(bucket, of: origin, isStaged: true, into: $0) }
    }

    /// The replica of an origin becomes what the manifest says, from staged and present buckets; all others of it are deleted.
    ///
    /// Throws `bucketMissing`, and changes nothing, if an unexpired bucket is not here.
    public func adopt(_ head: Verified<Head>, _ manifest: Manifest, today: Day) throws(StoreError) -> ReplicaChange {
        let origin = head.body.origin
        return try write("adopt a head") { database in
            var change = ReplicaChange(origin: origin)
            let wanted = Set(manifest.entries.map(\.root.data))
            var here: Set<Data> = []
            for row in try Row.fetchAll(database, sql: "SELECT root, is_staged FROM bucket WHERE origin = ?", arguments: [origin.data]) {
                let root: Data = row["root"]
                if wanted.contains(root) {
                    here.insert(root)
                    if row["is_staged"], let bucket = try Self.bucket(root, of: origin, in: database) { change.added.append(bucket) }
                } else {
                    try database.execute(sql: "DELETE FROM bucket WHERE origin = ? AND root = ?", arguments: [origin.data, root])
                    if !(row["is_staged"] as Bool), let digest = Digest(data: root) { change.removed.append(digest) }
                }
            }
            for entry in manifest.entries where !here.contains(entry.root.data) {
                guard let descriptor = manifest.descriptor(of: entry.stream), descriptor.lastDay(ofBucketAt: entry.day) < today else {
                    throw StoreError.bucketMissing(origin, entry.root)
                }
            }
            try database.execute(sql: "UPDATE bucket SET is_staged = 0 WHERE origin = ? AND is_staged", arguments: [origin.data])
            try Self.set(head, manifest, history: nil, in: database)
            return change
        }
    }

    /// Our own new head, with all it rests on. The days it covers are clean again unless they changed meanwhile.
    public func publish(_ publication: Publication) throws(StoreError) -> ReplicaChange {
        let origin = publication.head.body.origin
        return try write("publish a head") { database in
            var change = ReplicaChange(origin: origin, added: publication.newBuckets)
            for bucket in publication.newBuckets { try Self.insert(bucket, of: origin, isStaged: false, into: database) }
            let wanted = Set(publication.manifest.entries.map(\.root.data))
            for root in try Data.fetchAll(database, sql: "SELECT root FROM bucket WHERE origin = ?", arguments: [origin.data]) where !wanted.contains(root) {
                try database.execute(sql: "DELETE FROM bucket WHERE origin = ? AND root = ?", arguments: [origin.data, root])
                if let digest = Digest(data: root) { change.removed.append(digest) }
            }
            try Self.set(publication.head, publication.manifest, history: publication.history, in: database)
            for covered in publication.coveredDays {
                try database.execute(
                    sql: "DELETE FROM dirty_day WHERE kind = ? AND schema_version = ? AND day = ? AND mark = ?",
                    arguments: [covered.stream.kind, covered.stream.schemaVersion, covered.day.number, covered.mark])
            }
            return change
        }
    }

    /// The manifest an origin's newest head here names, if it has this root.
    public func manifest(of origin: OriginID, root: Digest) throws(StoreError) -> [UInt8]? {
        try read("read a manifest") { database in
            guard let row = try Row.fetchOne(database, sql: "SELECT head, manifest FROM origin WHERE origin = ?", arguments: [origin.data]),
                let head = try? Signed<Head>(decoding: Array(row["head"] as Data)), head.body.manifestRoot == root
            else { return nil }
            return Array(row["manifest"] as Data)
        }
    }

    /// The bytes of a bucket, adopted or staged.
    public func bucket(of origin: OriginID, root: Digest) throws(StoreError) -> [UInt8]? {
        try read("read a bucket") { database in
            try Data.fetchOne(database, sql: "SELECT bytes FROM bucket WHERE origin = ? AND root = ?", arguments: [origin.data, root.data]).map { Array($0) }
        }
    }

    /// Calls `body` with every adopted bucket, own ones too. Buckets are checked again: a damaged one is passed over and counted.
    ///
    /// - Returns: how many were damaged.
    public func forEachBucket(_ body: (OriginID, Bucket) -> Void) throws(StoreError) -> Int {
        try read("read the replica") { database in
            var damagedCount = 0
            let rows = try Row.fetchCursor(database, sql: "SELECT origin, descriptor, entry, bytes FROM bucket WHERE NOT is_staged ORDER BY origin, root")
            while let row = try rows.next() {
                guard let origin = OriginID(data: row["origin"]), let bucket = Self.bucket(in: row) else {
                    damagedCount += 1
                    continue
                }
                body(origin, bucket)
            }
            return damagedCount
        }
    }

    /// Deletes buckets and own records whose retention ends before a day.
    public func expire(before day: Day) throws(StoreError) -> [ReplicaChange] {
        try write("expire days") { database in
            var changes: [OriginID: ReplicaChange] = [:]
            for row in try Row.fetchAll(database, sql: "SELECT origin, root, is_staged FROM bucket WHERE last_day < ?", arguments: [day.number]) {
                guard let origin = OriginID(data: row["origin"]), let root = Digest(data: row["root"]), !(row["is_staged"] as Bool) else { continue }
                changes[origin, default: ReplicaChange(origin: origin)].removed.append(root)
            }
            try database.execute(sql: "DELETE FROM bucket WHERE last_day < ?", arguments: [day.number])
            let firstKept = day.advanced(by: -Int(StreamDescriptor.standardRetentionDays))
            try database.execute(sql: "DELETE FROM own_record WHERE day < ?", arguments: [firstKept.number])
            return changes.values.sorted { $0.origin < $1.origin }
        }
    }

    private static func set(_ head: Verified<Head>, _ manifest: Manifest, history: HistoryTree?, in database: Database) throws {
        try database.execute(
            sql: """
                INSERT INTO origin (origin, head, signing_key, manifest, history) VALUES (?, ?, ?, ?, ?)
                ON CONFLICT (origin) DO UPDATE SET head = excluded.head, signing_key = excluded.signing_key, manifest = excluded.manifest, history = excluded.history
                """,
            arguments: [head.body.origin.data, Data(head.bytes), head.key.data, Data(manifest.bytes), history.map { Data(encode($0)) }])
    }

    private static func insert(_ bucket: Bucket, of origin: OriginID, isStaged: Bool, into database: Database) throws {
        var descriptor = WireWriter()
        bucket.descriptor.encode(into: &descriptor)
        var entry = WireWriter()
        bucket.entry.encode(into: &entry)
        try database.execute(
            sql: "INSERT OR IGNORE INTO bucket (origin, root, is_staged, last_day, descriptor, entry, bytes) VALUES (?, ?, ?, ?, ?, ?, ?)",
            arguments: [
                origin.data, bucket.entry.root.data, isStaged, bucket.descriptor.lastDay(ofBucketAt: bucket.entry.day).number, Data(descriptor.bytes),
                Data(entry.bytes), Data(bucket.bytes),
            ])
    }

    private static func bucket(_ root: Data, of origin: OriginID, in database: Database) throws -> Bucket? {
        try Row.fetchOne(database, sql: "SELECT descriptor, entry, bytes FROM bucket WHERE origin = ? AND root = ?", arguments: [origin.data, root])
            .flatMap { bucket(in: $0) }
    }

    private static func bucket(in row: Row) -> Bucket? {
        var descriptorReader = WireReader(Array(row["descriptor"] as Data))
        var entryReader = WireReader(Array(row["entry"] as Data))
        guard let descriptor = try? StreamDescriptor(decoding: &descriptorReader), let entry = try? BucketEntry(decoding: &entryReader) else { return nil }
        return try? Bucket(checking: Array(row["bytes"] as Data), entry: entry, descriptor: descriptor)
    }
}
