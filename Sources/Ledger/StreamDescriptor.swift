import Cryptography
import Primitives
import WireFormat

/// `Protocol/ledger.md` §3: enough to sort, check, expire, relay and prove the sightings of a stream this node does not know. 27 bytes.
public struct StreamDescriptor: Hashable, Sendable {
    public static let byteCount = 27

    public let stream: StreamID
    /// Bytes of every key; 0 means that each key has a length byte before it.
    public let keyByteCount: UInt8
    /// Bytes of every value, at most 64.
    public let valueByteCount: UInt8
    /// Days one bucket stands for, at least 1.
    public let daySpan: UInt8
    /// Days after which a bucket is dropped, at least 1.
    public let retentionDays: UInt16
    /// Unknown bits are kept and ignored.
    public let flags: UInt16
    /// 16 bytes, random: keeps outsiders from aiming keys at one shard.
    public let shardKey: [UInt8]

    /// `nil` if a length is over its limit, the span or retention is 0, or the shard key has not 16 bytes.
    public init?(
        stream: StreamID, keyByteCount: UInt8, valueByteCount: UInt8, daySpan: UInt8 = 1, retentionDays: UInt16, flags: UInt16 = 0, shardKey: [UInt8]
    ) {
        self.stream = stream
        self.keyByteCount = keyByteCount
        self.valueByteCount = valueByteCount
        self.daySpan = daySpan
        self.retentionDays = retentionDays
        self.flags = flags
        self.shardKey = shardKey
        guard isAllowed, shardKey.count == SipHash.keyByteCount else { return nil }
    }

    public init(decoding reader: inout WireReader) throws(WireError) {
        stream = try reader.stream()
        keyByteCount = try reader.integer()
        valueByteCount = try reader.integer()
        daySpan = try reader.integer()
        retentionDays = try reader.integer()
        flags = try reader.integer()
        shardKey = try reader.bytes(SipHash.keyByteCount)
        guard isAllowed else { throw .invalid(.descriptor) }
    }

    public func encode(into writer: inout WireWriter) {
        writer.stream(stream)
        writer.integer(keyByteCount)
        writer.integer(valueByteCount)
        writer.integer(daySpan)
        writer.integer(retentionDays)
        writer.integer(flags)
        writer.bytes(shardKey)
    }

    /// Which of the `2^bits` shards of its day a key belongs to: the highest bits of its SipHash.
    public func shard(of key: [UInt8], bits: UInt8) -> UInt16 {
        shard(ofKeyIn: key, at: 0..<key.count, bits: bits)
    }

    /// The same for a key that lies in a larger array; copies nothing.
    func shard(ofKeyIn bytes: [UInt8], at range: Range<Int>, bits: UInt8) -> UInt16 {
        guard bits > 0 else { return 0 }
        return UInt16(truncatingIfNeeded: SipHash.hash(bytes, range: range, key: shardKey) >> UInt64(64 - min(bits, Limits.shardBits)))
    }

    /// The last day on which a bucket of `day` is kept.
    public func lastDay(ofBucketAt day: Day) -> Day { day.advanced(by: Int(daySpan) - 1 + Int(retentionDays)) }

    /// The fewest bytes a record can have.
    public var minimumRecordByteCount: Int { keyByteCount == 0 ? 2 + Int(valueByteCount) : Int(keyByteCount) + Int(valueByteCount) }
    /// The most bytes a record can have.
    public var maximumRecordByteCount: Int { (keyByteCount == 0 ? 1 + Limits.keyByteCount : Int(keyByteCount)) + Int(valueByteCount) }

    private var isAllowed: Bool {
        Int(keyByteCount) <= Limits.keyByteCount && Int(valueByteCount) <= Limits.valueByteCount && daySpan > 0 && retentionDays > 0
    }
}

/// `Protocol/ledger.md` §4: one bucket in a manifest. 52 bytes.
public struct BucketEntry: Hashable, Sendable, Comparable {
    public static let byteCount = 52

    public let stream: StreamID
    /// The first day the bucket stands for.
    public let day: Day
    /// The day's sightings are spread over `2^shardBits` buckets.
    public let shardBits: UInt8
    /// Unknown bits are kept and ignored.
    public let flags: UInt8
    public let shard: UInt16
    /// Sightings, 1 to 8,192.
    public let count: UInt32
    /// Bytes of the whole bucket, seed included.
    public let byteCount: UInt32
    public let root: Digest

    init(stream: StreamID, day: Day, shardBits: UInt8, flags: UInt8 = 0, shard: UInt16, count: UInt32, byteCount: UInt32, root: Digest) {
        self.stream = stream
        self.day = day
        self.shardBits = shardBits
        self.flags = flags
        self.shard = shard
        self.count = count
        self.byteCount = byteCount
        self.root = root
    }

    public init(decoding reader: inout WireReader) throws(WireError) {
        stream = try reader.stream()
        day = try reader.day()
        shardBits = try reader.integer()
        flags = try reader.integer()
        shard = try reader.integer()
        count = try reader.integer()
        byteCount = try reader.integer()
        root = try reader.identifier()
        guard shardBits <= Limits.shardBits, UInt32(shard) < UInt32(1) << UInt32(shardBits) else { throw .invalid(.shard) }
        guard count > 0 else { throw .invalid(.count) }
        guard count <= UInt32(Limits.bucketSightings) else {
            throw .overLimit(.count, value: UInt64(count), limit: UInt64(Limits.bucketSightings))
        }
        guard byteCount <= UInt32(Limits.bucketByteCount) else {
            throw .overLimit(.size, value: UInt64(byteCount), limit: UInt64(Limits.bucketByteCount))
        }
    }

    public func encode(into writer: inout WireWriter) {
        writer.stream(stream)
        writer.day(day)
        writer.integer(shardBits)
        writer.integer(flags)
        writer.integer(shard)
        writer.integer(count)
        writer.integer(byteCount)
        writer.identifier(root)
    }

    /// The order of a manifest: by stream, day and shard.
    public static func < (left: BucketEntry, right: BucketEntry) -> Bool {
        (left.stream, left.day, left.shard) < (right.stream, right.day, right.shard)
    }
}
