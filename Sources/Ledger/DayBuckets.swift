import Cryptography
import Primitives
import WireFormat

extension Bucket {
    /// Spreads the records of one day over as few shards as hold at most 8,192 each, and builds a bucket of every shard that has any.
    ///
    /// - Parameters:
    ///   - records: in ascending key order, keys unique.
    ///   - present: the day as it was published last. What has not changed of it stays as it is, so that followers need nothing of it again.
    ///   - random: a fresh 32-byte seed is drawn for every bucket that has changed, so that an old root tells nothing about what was removed.
    public static func buckets(
        of records: [Record], at day: Day, descriptor: StreamDescriptor, present: [Bucket] = [], using random: inout some RandomNumberGenerator
    ) -> [Bucket] {
        guard !records.isEmpty else { return [] }
        var bits: UInt8 = 0
        var shards = [records]
        while shards.contains(where: { $0.count > Limits.bucketSightings }), bits < Limits.shardBits {
            bits += 1
            shards = [[Record]](repeating: [], count: 1 << Int(bits))
            for record in records { shards[Int(descriptor.shard(of: record.key, bits: bits))].append(record) }
        }
        return shards.enumerated().compactMap { shard, records in
            guard !records.isEmpty else { return nil }
            if let same = present.first(where: { $0.entry.day == day && ($0.entry.shardBits, Int($0.entry.shard)) == (bits, shard) }),
                same.descriptor == descriptor, same.holds(records)
            { return same }
            // At 65,536 shards a day would hold over 200 million sightings: what goes beyond is not published.
            return Bucket(
                Array(records.prefix(Limits.bucketSightings)), at: day, shard: UInt16(shard), shardBits: bits, descriptor: descriptor,
                seed: random.bytes(count: Bucket.seedByteCount))
        }
    }
    /// Whether these are its records, all of them and no other. O(records), and nothing is hashed.
    func holds(_ records: [Record]) -> Bool {
        guard records.count == Int(entry.count) else { return false }
        var index = 0
        var isSame = true
        forEachRecord { key, value in
            isSame = isSame && bytes[key].elementsEqual(records[index].key) && bytes[value].elementsEqual(records[index].value)
            index += 1
        }
        return isSame
    }
}
