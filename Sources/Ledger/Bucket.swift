import Cryptography
import Primitives
import WireFormat

/// Why a bucket's bytes are not the ones an origin signed for. The deliverer is at fault, never the origin.
public enum BucketError: Error, Hashable, Sendable {
    /// Another number of bytes than the entry says.
    case byteCount(expected: Int, found: Int)
    /// The bytes do not hash to the entry's root.
    case wrongRoot
    /// The bytes have the root, but break a rule of their stream: here the *origin* is at fault.
    case breaksRule(Rule)

    public enum Rule: Hashable, Sendable {
        /// Keys that do not ascend strictly, first at this record.
        case order(index: Int)
        /// A key of length 0 or over the limit.
        case keyLength(index: Int)
        /// A key that belongs to another shard.
        case shard(index: Int)
    }
}

/// `Protocol/ledger.md` §5: the sightings of one (stream, day, shard), checked byte for byte against a signed entry.
///
/// `seed (32 bytes) | records in ascending key order`. Only checking or building makes one. Checking costs about 0.45 us per sighting.
public struct Bucket: Hashable, Sendable {
    public static let seedByteCount = 32

    public let descriptor: StreamDescriptor
    public let entry: BucketEntry
    public let bytes: [UInt8]

    /// Checks received bytes. All of them are accounted for.
    public init(checking bytes: [UInt8], entry: BucketEntry, descriptor: StreamDescriptor) throws(BucketError) {
        guard bytes.count == Int(entry.byteCount), bytes.count >= Self.seedByteCount else {
            throw .byteCount(expected: Int(entry.byteCount), found: bytes.count)
        }
        guard let ends = Self.recordEnds(in: bytes, count: Int(entry.count), descriptor: descriptor) else {
            // Whether the origin or the deliverer is to blame cannot be told without a root over records: take it as not matching.
            throw .wrongRoot
        }
        guard Self.root(of: bytes, ends: ends) == entry.root else { throw .wrongRoot }
        self.descriptor = descriptor
        self.entry = entry
        self.bytes = bytes
        if let rule = brokenRule(ends: ends) { throw .breaksRule(rule) }
    }

    /// Bytes that have been checked before and are the same still, as the caller knows by a checksum: nothing is looked at but their number. O(1).
    ///
    /// Throws `byteCount`.
    public init(unchanged bytes: [UInt8], entry: BucketEntry, descriptor: StreamDescriptor) throws(BucketError) {
        guard bytes.count == Int(entry.byteCount) else { throw .byteCount(expected: Int(entry.byteCount), found: bytes.count) }
        self.init(bytes: bytes, entry: entry, descriptor: descriptor)
    }

    /// Builds a bucket of our own; the entry is made of it.
    ///
    /// - Parameter records: 1 to 8,192, in ascending key order, keys unique and of the stream's lengths: anything else is our own mistake.
    public init(_ records: [Record], at day: Day, shard: UInt16 = 0, shardBits: UInt8 = 0, descriptor: StreamDescriptor, seed: [UInt8]) {
        precondition((1...Limits.bucketSightings).contains(records.count), "a bucket holds 1 to \(Limits.bucketSightings) sightings, not \(records.count)")
        precondition(seed.count == Self.seedByteCount, "a seed has \(Self.seedByteCount) bytes, not \(seed.count)")
        var writer = WireWriter(reserving: Self.seedByteCount + records.count * descriptor.maximumRecordByteCount)
        writer.bytes(seed)
        var ends: [Int] = []
        ends.reserveCapacity(records.count)
        for record in records {
            precondition(record.value.count == Int(descriptor.valueByteCount), "a value of stream \(descriptor.stream) has \(record.value.count) bytes")
            if descriptor.keyByteCount == 0 {
                writer.prefixed(record.key, by: UInt8.self)
            } else {
                precondition(record.key.count == Int(descriptor.keyByteCount), "a key of stream \(descriptor.stream) has \(record.key.count) bytes")
                writer.bytes(record.key)
            }
            writer.bytes(record.value)
            ends.append(writer.bytes.count)
        }
        bytes = writer.bytes
        self.descriptor = descriptor
        entry = BucketEntry(
            stream: descriptor.stream, day: day, shardBits: shardBits, shard: shard, count: UInt32(records.count), byteCount: UInt32(bytes.count),
            root: Self.root(of: bytes, ends: ends))
        let rule = brokenRule(ends: ends)
        precondition(rule == nil, "a bucket of our own breaks the rule \(String(describing: rule))")
    }

    private init(bytes: [UInt8], entry: BucketEntry, descriptor: StreamDescriptor) {
        self.bytes = bytes
        self.entry = entry
        self.descriptor = descriptor
    }

    /// Bytes that somebody has put together, under the entry that they would have: whether any origin has signed for it is still to be seen.
    static func assembled(
        _ bytes: [UInt8], count: Int, like entry: BucketEntry, descriptor: StreamDescriptor
    ) -> (bucket: Bucket, brokenRule: BucketError.Rule?)? {
        guard bytes.count >= seedByteCount, let ends = recordEnds(in: bytes, count: count, descriptor: descriptor) else { return nil }
        let made = BucketEntry(
            stream: entry.stream, day: entry.day, shardBits: entry.shardBits, flags: entry.flags, shard: entry.shard, count: UInt32(count),
            byteCount: UInt32(bytes.count), root: root(of: bytes, ends: ends))
        let bucket = Bucket(bytes: bytes, entry: made, descriptor: descriptor)
        return (bucket, bucket.brokenRule(ends: ends))
    }

    /// All records, in order. Allocates two arrays for each; `forEachRecord` does not.
    public var records: [Record] {
        var records: [Record] = []
        records.reserveCapacity(Int(entry.count))
        forEachRecord { key, value in records.append(Record(key: Array(bytes[key]), value: Array(bytes[value]))) }
        return records
    }

    /// Calls `body` with where each record's key and value lie in `bytes`, in order.
    public func forEachRecord(_ body: (_ key: Range<Int>, _ value: Range<Int>) -> Void) {
        var start = Self.seedByteCount
        let valueByteCount = Int(descriptor.valueByteCount)
        while start < bytes.count {
            var keyByteCount = Int(descriptor.keyByteCount)
            if keyByteCount == 0 {
                keyByteCount = Int(bytes[start])
                start += 1
            }
            let middle = start + keyByteCount
            body(start..<middle, middle..<middle + valueByteCount)
            start = middle + valueByteCount
        }
    }

    /// The 16 salt bytes of every leaf, one after another: what a proof of one sighting needs of the seed.
    public var salts: [UInt8] { Self.salts(seed: Array(bytes.prefix(Self.seedByteCount)), count: Int(entry.count)) }
}

extension Bucket {
    static let saltByteCount = 16

    private static func salts(seed: [UInt8], count: Int) -> [UInt8] { ChaCha20.stream(key: seed, count: count * saltByteCount) }

    /// Where each record ends; `nil` if the bytes do not hold exactly `count` records.
    private static func recordEnds(in bytes: [UInt8], count: Int, descriptor: StreamDescriptor) -> [Int]? {
        let valueByteCount = Int(descriptor.valueByteCount)
        var ends: [Int] = []
        ends.reserveCapacity(count)
        var end = seedByteCount
        while end < bytes.count, ends.count < count {
            let keyByteCount = descriptor.keyByteCount == 0 ? 1 + Int(bytes[end]) : Int(descriptor.keyByteCount)
            end += keyByteCount + valueByteCount
            ends.append(end)
        }
        return ends.count == count && end == bytes.count ? ends : nil
    }

    /// Leaf i = H(00 ‖ 01 ‖ salt i ‖ record i). `ends` must be those of `bytes`.
    private static func root(of bytes: [UInt8], ends: [Int]) -> Digest {
        let salts = salts(seed: Array(bytes.prefix(seedByteCount)), count: ends.count)
        var leaves = [UInt8](repeating: 0, count: ends.count * 32)
        let longest = 2 + saltByteCount + 1 + Limits.keyByteCount + Limits.valueByteCount
        leaves.withUnsafeMutableBytes { leaves in
            salts.withUnsafeBytes { salts in
                bytes.withUnsafeBytes { bytes in
                    withUnsafeTemporaryAllocation(byteCount: longest + 2, alignment: 8) { leaf in
                        let start = leaf.baseAddress!
                        leaf[0] = 0
                        leaf[1] = MerkleTree.Domain.bucket.rawValue
                        var previous = seedByteCount
                        for (index, end) in ends.enumerated() {
                            let byteCount = end - previous
                            (start + 2).copyMemory(from: salts.baseAddress! + index * saltByteCount, byteCount: saltByteCount)
                            (start + 2 + saltByteCount).copyMemory(from: bytes.baseAddress! + previous, byteCount: byteCount)
                            BLAKE2b.hash(
                                UnsafeRawBufferPointer(start: start, count: 2 + saltByteCount + byteCount), into: leaves.baseAddress! + index * 32)
                            previous = end
                        }
                    }
                }
            }
        }
        return MerkleTree.root(ofLeafBytes: &leaves)
    }

    private func brokenRule(ends: [Int]) -> BucketError.Rule? {
        var previous: Range<Int>?
        var broken: BucketError.Rule?
        var index = 0
        forEachRecord { key, _ in
            defer {
                previous = key
                index += 1
            }
            guard broken == nil else { return }
            if !(1...Limits.keyByteCount).contains(key.count) {
                broken = .keyLength(index: index)
            } else if let previous, !bytes[previous].lexicographicallyPrecedes(bytes[key]) {
                broken = .order(index: index)
            } else if entry.shardBits > 0, descriptor.shard(ofKeyIn: bytes, at: key, bits: entry.shardBits) != entry.shard {
                broken = .shard(index: index)
            }
        }
        return broken
    }
}
