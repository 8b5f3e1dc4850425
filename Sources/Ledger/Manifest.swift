import Cryptography
import Primitives
import WireFormat

/// Why a manifest's bytes are not the ones an origin signed for.
public enum ManifestError: Error, Hashable, Sendable {
    /// Not a manifest at all, or out of order.
    case malformed(WireError)
    /// The bytes do not hash to the head's root: the deliverer is at fault.
    case wrongRoot
    /// The bytes have the root, but break a rule: here the *origin* is at fault.
    case breaksRule(Rule)

    public enum Rule: Hashable, Sendable {
        /// An entry of a stream that no descriptor describes.
        case entryWithoutDescriptor(index: Int)
        /// Two entries of one day spread it over different numbers of shards.
        case mixedShardBits(index: Int)
        /// An entry whose byte count cannot be that of so many records.
        case impossibleByteCount(index: Int)
        /// A day that is no multiple of the stream's day span.
        case dayBetweenSpans(index: Int)
        /// Counts that are not what the head says.
        case totals
    }
}

/// `Protocol/ledger.md` §4: the sorted list of an origin's streams and buckets.
///
/// `descriptor count u16 | entry count u32 | descriptors | entries`. Only checking or building makes one.
public struct Manifest: Hashable, Sendable {
    public let descriptors: [StreamDescriptor]
    public let entries: [BucketEntry]
    public let bytes: [UInt8]
    public let root: Digest

    /// Of an origin that has published nothing.
    public static let empty = Manifest(descriptors: [], entries: [])

    /// Builds one of our own, sorting both lists; what they must hold is as for a received one.
    public init(descriptors: [StreamDescriptor], entries: [BucketEntry]) {
        self.descriptors = descriptors.sorted { $0.stream < $1.stream }
        self.entries = entries.sorted()
        bytes = Self.encoded(descriptors: self.descriptors, entries: self.entries)
        root = Self.root(of: bytes, descriptorCount: descriptors.count, entryCount: entries.count)
        let rule = brokenRule
        precondition(rule == nil, "a manifest of our own breaks the rule \(String(describing: rule))")
    }

    /// Checks received bytes against the head that names their root.
    public init(checking bytes: [UInt8], head: Head) throws(ManifestError) {
        do throws(WireError) {
            (descriptors, entries) = try Self.decode(bytes)
        } catch { throw .malformed(error) }
        self.bytes = bytes
        root = Self.root(of: bytes, descriptorCount: descriptors.count, entryCount: entries.count)
        guard root == head.manifestRoot else { throw .wrongRoot }
        if let rule = brokenRule { throw .breaksRule(rule) }
        guard hasTotals(of: head) else { throw .breaksRule(.totals) }
    }

    /// The bytes of a manifest with these lists, whatever is in them.
    static func encoded(descriptors: [StreamDescriptor], entries: [BucketEntry]) -> [UInt8] {
        var writer = WireWriter(reserving: headerByteCount + descriptors.count * StreamDescriptor.byteCount + entries.count * BucketEntry.byteCount)
        writer.count(descriptors.count, as: UInt16.self)
        writer.count(entries.count, as: UInt32.self)
        for descriptor in descriptors { descriptor.encode(into: &writer) }
        for entry in entries { entry.encode(into: &writer) }
        return writer.bytes
    }

    /// All sightings together.
    public var sightingCount: UInt64 { entries.reduce(0) { $0 + UInt64($1.count) } }
    /// All bucket bytes together.
    public var dataByteCount: UInt64 { entries.reduce(0) { $0 + UInt64($1.byteCount) } }

    /// Whether a head that names this manifest counts what is in it.
    public func hasTotals(of head: Head) -> Bool {
        UInt32(entries.count) == head.entryCount && sightingCount == head.sightingCount && dataByteCount == head.dataByteCount
    }

    public func descriptor(of stream: StreamID) -> StreamDescriptor? { descriptors.first { $0.stream == stream } }
}

extension Manifest {
    static let headerByteCount = 6

    static func decode(_ bytes: [UInt8]) throws(WireError) -> ([StreamDescriptor], [BucketEntry]) {
        guard bytes.count <= Limits.manifestByteCount else {
            throw .overLimit(.size, value: UInt64(bytes.count), limit: UInt64(Limits.manifestByteCount))
        }
        var reader = WireReader(bytes)
        let descriptorCount = try reader.count(as: UInt16.self, limit: Limits.streams, elementByteCount: StreamDescriptor.byteCount)
        let entryCount = try reader.count(as: UInt32.self, limit: Limits.manifestEntries, elementByteCount: BucketEntry.byteCount)
        var descriptors: [StreamDescriptor] = []
        for index in 0..<descriptorCount {
            let descriptor = try StreamDescriptor(decoding: &reader)
            if let last = descriptors.last, last.stream >= descriptor.stream { throw .outOfOrder(index: index) }
            descriptors.append(descriptor)
        }
        var entries: [BucketEntry] = []
        entries.reserveCapacity(entryCount)
        for index in 0..<entryCount {
            let entry = try BucketEntry(decoding: &reader)
            if let last = entries.last, !(last < entry) { throw .outOfOrder(index: index) }
            entries.append(entry)
        }
        try reader.finish()
        return (descriptors, entries)
    }

    /// Leaves are the descriptors, then the entries, each as it stands in the bytes.
    private static func root(of bytes: [UInt8], descriptorCount: Int, entryCount: Int) -> Digest {
        var leaves = [UInt8]()
        leaves.reserveCapacity((descriptorCount + entryCount) * 32)
        var start = headerByteCount
        for index in 0..<descriptorCount + entryCount {
            let end = start + (index < descriptorCount ? StreamDescriptor.byteCount : BucketEntry.byteCount)
            MerkleTree.leaf(Array(bytes[start..<end]), in: .manifest).raw.append(to: &leaves)
            start = end
        }
        return MerkleTree.root(ofLeafBytes: &leaves)
    }

    private var brokenRule: ManifestError.Rule? {
        var next = descriptors[...]
        for (index, entry) in entries.enumerated() {
            while let first = next.first, first.stream < entry.stream { next.removeFirst() }  // Both lists ascend.
            guard let descriptor = next.first, descriptor.stream == entry.stream else { return .entryWithoutDescriptor(index: index) }
            if index > 0, entries[index - 1].stream == entry.stream, entries[index - 1].day == entry.day,
                entries[index - 1].shardBits != entry.shardBits
            {
                return .mixedShardBits(index: index)
            }
            let records = Int(entry.count)
            let possible = Bucket.seedByteCount + records * descriptor.minimumRecordByteCount
                ... Bucket.seedByteCount + records * descriptor.maximumRecordByteCount
            guard possible.contains(Int(entry.byteCount)) else { return .impossibleByteCount(index: index) }
            guard entry.day.number.isMultiple(of: UInt32(descriptor.daySpan)) else { return .dayBetweenSpans(index: index) }
        }
        return nil
    }
}
