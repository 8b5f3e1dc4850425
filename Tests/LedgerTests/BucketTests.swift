import Cryptography
import Primitives
import Testing
import WireFormat

@testable import Ledger

@Suite struct BucketTests {
    struct File: Decodable {
        struct Good: Decodable {
            let name: String
            let descriptor, entry, bytes: HexBytes
            let records: [[HexBytes]]
        }
        struct Bad: Decodable {
            let name, refusal: String
            let descriptor, entry, bytes: HexBytes
        }
        let good: [Good]
        let bad: [Bad]
    }

    private func parsed(_ descriptor: HexBytes, _ entry: HexBytes) throws -> (StreamDescriptor, BucketEntry) {
        (try whole(descriptor.bytes) { try StreamDescriptor(decoding: &$0) }, try whole(entry.bytes) { try BucketEntry(decoding: &$0) })
    }

    @Test func aGoodBucketCountsAndIsMadeAgain() throws {
        for vector in try vectors("ledger/buckets.json", as: File.self).good {
            let (descriptor, entry) = try parsed(vector.descriptor, vector.entry)
            let bucket = try Bucket(checking: vector.bytes.bytes, entry: entry, descriptor: descriptor)
            let records = vector.records.map { Record(key: $0[0].bytes, value: $0[1].bytes) }
            #expect(bucket.records == records, "\(vector.name)")
            let made = Bucket(
                records, at: entry.day, shard: entry.shard, shardBits: entry.shardBits, descriptor: descriptor, seed: Array(vector.bytes.bytes.prefix(32)))
            #expect(made == bucket, "\(vector.name)")
        }
    }

    @Test func everyFaultIsRefusedByItsName() throws {
        for vector in try vectors("ledger/buckets.json", as: File.self).bad {
            let (descriptor, entry) = try parsed(vector.descriptor, vector.entry)
            #expect(refusal { _ = try Bucket(checking: vector.bytes.bytes, entry: entry, descriptor: descriptor) } == vector.refusal, "\(vector.name)")
        }
    }

    @Test func everyPrefixIsRefused() throws {
        for vector in try vectors("ledger/buckets.json", as: File.self).good {
            let (descriptor, entry) = try parsed(vector.descriptor, vector.entry)
            for count in stride(from: 0, to: vector.bytes.bytes.count, by: 7) {
                #expect(refusal { _ = try Bucket(checking: Array(vector.bytes.bytes.prefix(count)), entry: entry, descriptor: descriptor) } == "byte-count")
            }
        }
    }

    /// Also where the entry admits the length, and for records of any shape: no trap, no bucket.
    @Test(arguments: [1, 2, 3, 4] as [UInt64]) func noiseIsNoBucket(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<3_000 {
            let descriptor = try #require(
                StreamDescriptor(
                    stream: .smtpTarget1, keyByteCount: UInt8(random.number(below: 3)), valueByteCount: UInt8(random.number(below: 4)), retentionDays: 1,
                    shardKey: random.bytes(count: 16)))
            var bytes = random.bytes(count: Int(random.number(below: 120)))
            for place in bytes.indices.dropFirst(32) where random.number(below: 2) == 0 { bytes[place] = UInt8(random.number(below: 4)) }
            let bits = UInt8(random.number(below: 3))
            let entry = BucketEntry(
                stream: descriptor.stream, day: Day(number: 1), shardBits: bits, shard: UInt16(random.number(below: 1 << UInt64(bits))),
                count: UInt32(1 + random.number(below: 40)), byteCount: UInt32(bytes.count), root: .zero)
            #expect(refusal { _ = try Bucket(checking: bytes, entry: entry, descriptor: descriptor) } != nil, "seed \(seed)")
        }
    }

    /// One flipped bit anywhere in the bytes is the deliverer's fault.
    @Test func noBitCanBeFlipped() throws {
        for vector in try vectors("ledger/buckets.json", as: File.self).good where vector.bytes.bytes.count < 500 {
            let (descriptor, entry) = try parsed(vector.descriptor, vector.entry)
            for place in vector.bytes.bytes.indices {
                var bytes = vector.bytes.bytes
                bytes[place] ^= 1 << UInt8(place % 8)
                #expect(refusal { _ = try Bucket(checking: bytes, entry: entry, descriptor: descriptor) } == "wrong-root", "\(vector.name), byte \(place)")
            }
        }
    }

    /// A proof of one sighting: its salt, its record, and the path to the root.
    @Test func everySightingIsProvenByItsSalt() throws {
        for vector in try vectors("ledger/buckets.json", as: File.self).good where vector.records.count < 20 {
            let (descriptor, entry) = try parsed(vector.descriptor, vector.entry)
            let bucket = try Bucket(checking: vector.bytes.bytes, entry: entry, descriptor: descriptor)
            var leaves: [Digest] = []
            bucket.forEachRecord { key, value in
                let salt = Array(bucket.salts[16 * leaves.count..<16 * leaves.count + 16])
                let start = descriptor.keyByteCount == 0 ? key.lowerBound - 1 : key.lowerBound
                leaves.append(MerkleTree.leaf(salt + Array(bucket.bytes[start..<value.upperBound]), in: .bucket))
            }
            #expect(MerkleTree.root(of: leaves) == entry.root, "\(vector.name)")
        }
    }
}

@Suite struct DayBucketsTests {
    static func descriptor() throws -> StreamDescriptor {
        try #require(StreamDescriptor.standard(for: .sessionSimHash1, shardKey: Array(0..<16)))
    }

    static func records(_ count: Int, using random: inout SeededGenerator) -> [Record] {
        var codes: Set<UInt64> = []
        while codes.count < count { codes.insert(random.next() | 1) }
        return codes.sorted().compactMap { SessionSimHashSighting(day: Day(number: 20_000), simHash: $0, sessions: 1, strength: 0)?.record }
    }

    /// Every key once, in the shard it belongs to, no bucket over its limit, no more shards than needed.
    @Test(arguments: [1, 2, 8_191, 8_192, 8_193, 20_000, 40_000], [1, 2] as [UInt64]) func everyKeyIsInExactlyOneBucket(count: Int, seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let descriptor = try Self.descriptor()
        let records = Self.records(count, using: &random)

        let buckets = Bucket.buckets(of: records, at: Day(number: 20_000), descriptor: descriptor, using: &random)

        let bits = try #require(buckets.first?.entry.shardBits)
        #expect(buckets.flatMap(\.records).sorted() == records, "seed \(seed)")
        #expect(Set(buckets.map { Array($0.bytes.prefix(32)) }).count == buckets.count, "every bucket has a seed of its own")
        for bucket in buckets {
            #expect(bucket.entry.shardBits == bits && Int(bucket.entry.count) <= Limits.bucketSightings)
            #expect(try Bucket(checking: bucket.bytes, entry: bucket.entry, descriptor: descriptor) == bucket, "seed \(seed)")
        }
        #expect((bits == 0) == (count <= Limits.bucketSightings))
        if bits > 0 {
            let shards = Dictionary(grouping: records) { descriptor.shard(of: $0.key, bits: bits - 1) }
            #expect(shards.values.contains { $0.count > Limits.bucketSightings }, "one bit less would have done")
        }
        let manifest = Manifest(descriptors: [descriptor], entries: buckets.map(\.entry))
        #expect(manifest.sightingCount == UInt64(count))
    }

    @Test func noSightingsAreNoBucket() throws {
        var random = SeededGenerator(seed: 1)
        #expect(Bucket.buckets(of: [], at: Day(number: 1), descriptor: try Self.descriptor(), using: &random).isEmpty)
    }

    /// What is left after a retraction has nothing in common with the old root: no salt is used twice.
    @Test func theSameSightingsUnderAFreshSeedHaveAnotherRoot() throws {
        var random = SeededGenerator(seed: 5)
        let records = Self.records(10, using: &random)
        let before = Bucket.buckets(of: records, at: Day(number: 1), descriptor: try Self.descriptor(), using: &random)
        let after = Bucket.buckets(of: records, at: Day(number: 1), descriptor: try Self.descriptor(), using: &random)
        #expect(before.map(\.entry.root) != after.map(\.entry.root))
        #expect(before.map(\.records) == after.map(\.records))
    }

    /// Of a day of many shards a follower needs only those anew that hold what has changed.
    @Test(arguments: [20_000, 40_000], [3, 4] as [UInt64]) func aChangeOfOneSightingLeavesTheOtherShardsAsTheyWere(count: Int, seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let day = Day(number: 20_000)
        let descriptor = try Self.descriptor()
        let records = Self.records(count, using: &random)
        let before = Bucket.buckets(of: records, at: day, descriptor: descriptor, using: &random)

        for changed in [Array(records.dropFirst()), Self.records(1, using: &random) + records] {
            let after = Bucket.buckets(of: changed.sorted(), at: day, descriptor: descriptor, present: before, using: &random)

            #expect(after.count == before.count && Set(after).intersection(before).count == before.count - 1, "run again with seed \(seed)")
            #expect(after.flatMap(\.records).sorted() == changed.sorted())
            let manifests = [before, after].map { Manifest(descriptors: [descriptor], entries: $0.map(\.entry)) }
            let bytes = Dictionary((before + after).map { ($0.entry.root, $0.bytes) }, uniquingKeysWith: { first, _ in first })
            let change = ContentChange.between(manifests[0], manifests[1], old: { bytes[$0.root] }, new: { bytes[$0.root] })
            #expect(change.steps.count == 1)
        }
        let another = Bucket.buckets(of: records, at: Day(number: 20_001), descriptor: descriptor, present: before, using: &random)
        #expect(Set(another.map(\.entry.root)).isDisjoint(with: before.map(\.entry.root)), "another day has seeds of its own")
    }

    /// A shard is named by the first bits of the hash, so shards of one more bit halve those of one less.
    @Test func shardsOfMoreBitsLieWithinThoseOfFewer() throws {
        var random = SeededGenerator(seed: 6)
        let descriptor = try Self.descriptor()
        for record in Self.records(200, using: &random) {
            #expect(descriptor.shard(of: record.key, bits: 0) == 0)
            for bits in UInt8(1)...16 { #expect(descriptor.shard(of: record.key, bits: bits) >> 1 == descriptor.shard(of: record.key, bits: bits - 1)) }
        }
    }
}
