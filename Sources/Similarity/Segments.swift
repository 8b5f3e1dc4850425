import Ledger
import Primitives

/// Which bucket codes come from.
struct SegmentLabel: Sendable {
    let origin: OriginID
    let day: Day
    let root: Digest
    /// Codes it has.
    let count: Int
}

/// The codes of one bucket as they came, ascending: immutable and shared.
public final class CodeSegment: Sendable {
    let label: SegmentLabel
    /// Words of 64 bits that one code has.
    public let wordsPerCode: Int
    /// Code after code.
    let codes: [UInt64]
    let sessions: [UInt16]
    let strengths: [UInt8]

    var count: Int { sessions.count }

    /// Reads a bucket of a stream whose keys are codes and whose values are `sessions u16 | strength u8`.
    ///
    /// `nil` if it is of another shape. Codes of zeros and of no session say nothing, and are left out.
    public init?(_ bucket: Bucket, of origin: OriginID) {
        let descriptor = bucket.descriptor
        guard descriptor.keyByteCount > 0, descriptor.keyByteCount.isMultiple(of: 8), descriptor.valueByteCount == 3 else { return nil }
        let words = Int(descriptor.keyByteCount) / 8
        var codes: [UInt64] = []
        var sessions: [UInt16] = []
        var strengths: [UInt8] = []
        codes.reserveCapacity(Int(bucket.entry.count) * words)
        sessions.reserveCapacity(Int(bucket.entry.count))
        strengths.reserveCapacity(Int(bucket.entry.count))
        bucket.bytes.withUnsafeBytes { bytes in
            bucket.forEachRecord { key, value in
                let count = UInt16(bytes[value.lowerBound]) << 8 | UInt16(bytes[value.lowerBound + 1])
                let word = { UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: key.lowerBound + 8 * $0, as: UInt64.self)) }
                guard count > 0, (0..<words).contains(where: { word($0) != 0 }) else { return }
                for place in 0..<words { codes.append(word(place)) }
                sessions.append(count)
                strengths.append(bytes[value.lowerBound + 2])
            }
        }
        label = SegmentLabel(origin: origin, day: bucket.entry.day, root: bucket.entry.root, count: sessions.count)
        wordsPerCode = words
        self.codes = codes
        self.sessions = sessions
        self.strengths = strengths
    }
}

/// The domains of one bucket: the bucket itself, which is sorted, and where each record begins.
public final class DomainSegment: Sendable {
    public let origin: OriginID
    public let stream: StreamID
    public let day: Day
    public let root: Digest
    private let bucket: Bucket
    private let keys: [Range<Int>]

    public var count: Int { keys.count }

    /// `nil` if the bucket is of another shape.
    public init?(_ bucket: Bucket, of origin: OriginID) {
        guard bucket.descriptor.keyByteCount == 0, bucket.descriptor.valueByteCount == SmtpTargetSighting.valueByteCount else { return nil }
        self.origin = origin
        self.bucket = bucket
        stream = bucket.descriptor.stream
        day = bucket.entry.day
        root = bucket.entry.root
        var keys: [Range<Int>] = []
        keys.reserveCapacity(Int(bucket.entry.count))
        bucket.forEachRecord { key, _ in keys.append(key) }
        self.keys = keys
    }

    /// All sightings, by domain ascending. Keys that are no domain names are passed over.
    func forEachSighting(_ body: (SmtpTargetSighting) -> Void) {
        for key in keys {
            let value = bucket.bytes[key.upperBound..<key.upperBound + Int(SmtpTargetSighting.valueByteCount)]
            if let sighting = SmtpTargetSighting(day: day, record: Record(key: Array(bucket.bytes[key]), value: Array(value))) { body(sighting) }
        }
    }

    /// What was seen of a domain; `nil` if nothing was. O(log n).
    public func sighting(of domain: [UInt8]) -> SmtpTargetSighting? {
        var low = 0
        var high = keys.count
        while low < high {
            let middle = (low + high) / 2
            if bucket.bytes[keys[middle]].lexicographicallyPrecedes(domain) { low = middle + 1 } else { high = middle }
        }
        guard low < keys.count, bucket.bytes[keys[low]].elementsEqual(domain) else { return nil }
        let end = keys[low].upperBound
        return SmtpTargetSighting(day: day, record: Record(key: domain, value: Array(bucket.bytes[end..<end + Int(SmtpTargetSighting.valueByteCount)])))
    }
}
