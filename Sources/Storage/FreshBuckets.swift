import Ledger
import Primitives

/// Buckets that this run has checked, in memory, so that adopting them needs neither the disk nor a second check.
struct FreshBuckets {
    /// Bytes of all buckets kept. What goes beyond is read from the disk and checked again.
    static let byteLimit = 64 << 20

    private var buckets: [OriginID: [Digest: Bucket]] = [:]
    private var byteCount = 0

    /// Whether there was room.
    @discardableResult mutating func add(_ bucket: Bucket, of origin: OriginID) -> Bool {
        guard byteCount + bucket.bytes.count <= Self.byteLimit else { return false }
        if buckets[origin, default: [:]].updateValue(bucket, forKey: bucket.entry.root) == nil { byteCount += bucket.bytes.count }
        return true
    }

    mutating func drop(_ roots: [Digest], of origin: OriginID) {
        for root in roots {
            guard let bucket = buckets[origin]?.removeValue(forKey: root) else { continue }
            byteCount -= bucket.bytes.count
        }
        if buckets[origin]?.isEmpty == true { buckets[origin] = nil }
    }

    /// Gives out what is kept of an origin, and keeps it no more.
    mutating func take(of origin: OriginID) -> [Digest: Bucket] {
        let taken = buckets.removeValue(forKey: origin) ?? [:]
        byteCount -= taken.values.reduce(0) { $0 + $1.bytes.count }
        return taken
    }
}
