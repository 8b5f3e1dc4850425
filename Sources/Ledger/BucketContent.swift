import Primitives
import WireFormat

/// A record as it stands in a bucket: its key, with a length byte before it where the stream's keys have no fixed length, and its value.
public struct PackedRecord: Hashable, Sendable, Comparable {
    public let bytes: [UInt8]
    private let keyRange: Range<Int>

    public var key: ArraySlice<UInt8> { bytes[keyRange] }

    init(decoding reader: inout WireReader, _ descriptor: StreamDescriptor) throws(WireError) {
        var start = reader
        var keyByteCount = Int(descriptor.keyByteCount)
        let keyStart = keyByteCount == 0 ? 1 : 0
        if keyByteCount == 0 { keyByteCount = Int(try start.integer(UInt8.self)) }
        bytes = try reader.bytes(keyStart + keyByteCount + Int(descriptor.valueByteCount))
        keyRange = keyStart..<keyStart + keyByteCount
    }

    /// The order of a bucket: by key, as byte strings.
    public static func < (left: PackedRecord, right: PackedRecord) -> Bool { left.key.lexicographicallyPrecedes(right.key) }
}

/// What a bucket holds, taken apart so that it can be changed. Nothing about it is checked.
struct BucketContent {
    private(set) var seed: [UInt8]
    private(set) var records: [PackedRecord]

    init(seed: [UInt8], records: [PackedRecord]) {
        self.seed = seed
        self.records = records
    }

    /// `nil` if the bytes cannot be cut into records.
    init?(_ bytes: [UInt8], _ descriptor: StreamDescriptor) {
        var reader = WireReader(bytes)
        guard let seed = try? reader.bytes(Bucket.seedByteCount) else { return nil }
        self.seed = seed
        records = []
        records.reserveCapacity(reader.remaining / descriptor.minimumRecordByteCount)
        while reader.remaining > 0 {
            guard records.count < Limits.bucketSightings, let record = try? PackedRecord(decoding: &reader, descriptor) else { return nil }
            records.append(record)
        }
    }

    /// Takes records out by their places, which ascend, and puts others in where their keys belong; `false` if there is no such place.
    mutating func edit(seed: [UInt8], deleted: [Int], added: [PackedRecord]) -> Bool {
        guard deleted.last.map({ $0 < records.count }) ?? true else { return false }
        var result: [PackedRecord] = []
        result.reserveCapacity(records.count + added.count)
        var gone = deleted[...]
        var new = added[...]
        for (index, record) in records.enumerated() {
            if gone.first == index {
                gone.removeFirst()
                continue
            }
            while let first = new.first, first < record { result.append(new.removeFirst()) }
            result.append(record)
        }
        records = result + new
        self.seed = seed
        return records.count <= Limits.bucketSightings
    }

    /// The bucket of these records, its root computed, and the first rule that it breaks; `nil` if no bucket has so many records or bytes.
    func bucket(like entry: BucketEntry, descriptor: StreamDescriptor) -> (bucket: Bucket, brokenRule: BucketError.Rule?)? {
        var bytes = seed
        bytes.reserveCapacity(seed.count + records.reduce(0) { $0 + $1.bytes.count })
        for record in records { bytes += record.bytes }
        guard !records.isEmpty, records.count <= Limits.bucketSightings, bytes.count <= Limits.bucketByteCount else { return nil }
        return Bucket.assembled(bytes, count: records.count, like: entry, descriptor: descriptor)
    }
}
