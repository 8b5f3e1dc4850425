import Cryptography
import Primitives
import WireFormat

/// What stands in a bundle, taken apart. Nothing of it is checked.
struct BundleContent {
    struct Testimony {
        let certificate: Signed<GenerationCertificate>
        let head: Signed<Head>
        /// All descriptors of the manifest.
        let descriptorCount: UInt16
        let descriptors: [ShownDescriptor]
        let buckets: [ShownBucket]
        let manifest: MerkleSelection
    }

    struct ShownDescriptor {
        let index: UInt16
        let descriptor: StreamDescriptor
    }

    struct ShownBucket {
        let index: UInt32
        let entry: BucketEntry
        let descriptor: StreamDescriptor
        let records: [ShownRecord]
        let path: MerkleSelection
    }

    struct ShownRecord {
        let index: UInt16
        let salt: [UInt8]
        let record: PackedRecord
    }

    let memberships: [Signed<MembershipCertificate>]
    let testimonies: [Testimony]
    let checkSum: Digest

    init(decoding bytes: [UInt8]) throws(WireError) {
        guard bytes.count <= Limits.bundleByteCount else { throw .overLimit(.size, value: UInt64(bytes.count), limit: UInt64(Limits.bundleByteCount)) }
        var reader = WireReader(bytes)
        try reader.structure(ProofBundle.structure, version: ProofBundle.version)
        let membershipCount = try reader.count(as: UInt16.self, limit: Limits.bundleMemberships, elementByteCount: 2)
        var memberships: [Signed<MembershipCertificate>] = []
        for _ in 0..<membershipCount { memberships.append(try Self.statement(&reader)) }
        let testimonyCount = try reader.count(as: UInt16.self, limit: Limits.bundleSightings, elementByteCount: 4)
        guard testimonyCount > 0 else { throw .invalid(.count) }
        var testimonies: [Testimony] = []
        var room = Limits.bundleSightings
        for _ in 0..<testimonyCount { testimonies.append(try Testimony(decoding: &reader, room: &room)) }
        self.memberships = memberships
        self.testimonies = testimonies
        checkSum = try reader.identifier()
        try reader.finish()
    }

    fileprivate static func statement<Body: Statement>(_ reader: inout WireReader) throws(WireError) -> Signed<Body> {
        try Signed(decoding: try reader.prefixed(by: UInt16.self, limit: Limits.statementByteCount, field: .statement))
    }

    fileprivate static func selection(_ reader: inout WireReader) throws(WireError) -> MerkleSelection {
        let count = try reader.count(as: UInt16.self, limit: Limits.bundlePathHashes, elementByteCount: 32)
        var hashes: [Digest] = []
        hashes.reserveCapacity(count)
        for _ in 0..<count { hashes.append(try reader.identifier()) }
        return MerkleSelection(hashes: hashes)
    }
}

extension BundleContent.Testimony {
    /// - Parameter room: how many more sightings the bundle may show.
    fileprivate init(decoding reader: inout WireReader, room: inout Int) throws(WireError) {
        certificate = try BundleContent.statement(&reader)
        head = try BundleContent.statement(&reader)
        descriptorCount = try reader.integer()
        guard descriptorCount > 0, Int(descriptorCount) <= Limits.streams else { throw .invalid(.descriptor) }
        let shownCount = try reader.count(as: UInt16.self, limit: Int(descriptorCount), elementByteCount: 2 + StreamDescriptor.byteCount)
        var descriptors: [BundleContent.ShownDescriptor] = []
        for place in 0..<shownCount {
            let shown = BundleContent.ShownDescriptor(index: try reader.integer(), descriptor: try StreamDescriptor(decoding: &reader))
            if let last = descriptors.last, last.index >= shown.index || last.descriptor.stream >= shown.descriptor.stream { throw .outOfOrder(index: place) }
            descriptors.append(shown)
        }
        let bucketCount = try reader.count(as: UInt16.self, limit: room, elementByteCount: 4 + BucketEntry.byteCount)
        guard bucketCount > 0 else { throw .invalid(.count) }
        var buckets: [BundleContent.ShownBucket] = []
        for place in 0..<bucketCount {
            let bucket = try BundleContent.ShownBucket(decoding: &reader, descriptors: descriptors, room: &room)
            if let last = buckets.last, last.index >= bucket.index || !(last.entry < bucket.entry) { throw .outOfOrder(index: place) }
            buckets.append(bucket)
        }
        // Every descriptor shown is needed by a bucket.
        let streams = Set(buckets.map(\.entry.stream))
        guard descriptors.allSatisfy({ streams.contains($0.descriptor.stream) }) else { throw .invalid(.descriptor) }
        self.descriptors = descriptors
        self.buckets = buckets
        manifest = try BundleContent.selection(&reader)
    }

    func encode(into writer: inout WireWriter) {
        writer.prefixed(certificate.bytes, by: UInt16.self)
        writer.prefixed(head.bytes, by: UInt16.self)
        writer.integer(descriptorCount)
        writer.count(descriptors.count, as: UInt16.self)
        for shown in descriptors {
            writer.integer(shown.index)
            shown.descriptor.encode(into: &writer)
        }
        writer.count(buckets.count, as: UInt16.self)
        for bucket in buckets { bucket.encode(into: &writer) }
        manifest.encode(into: &writer)
    }
}

extension BundleContent.ShownBucket {
    fileprivate init(decoding reader: inout WireReader, descriptors: [BundleContent.ShownDescriptor], room: inout Int) throws(WireError) {
        index = try reader.integer()
        let entry = try BucketEntry(decoding: &reader)
        guard let descriptor = descriptors.first(where: { $0.descriptor.stream == entry.stream })?.descriptor else { throw .invalid(.descriptor) }
        let recordCount = try reader.count(as: UInt16.self, limit: room, elementByteCount: 2 + Bucket.saltByteCount + descriptor.minimumRecordByteCount)
        guard recordCount > 0 else { throw .invalid(.count) }
        room -= recordCount
        var records: [BundleContent.ShownRecord] = []
        records.reserveCapacity(recordCount)
        for place in 0..<recordCount {
            let record = BundleContent.ShownRecord(
                index: try reader.integer(), salt: try reader.bytes(Bucket.saltByteCount), record: try PackedRecord(decoding: &reader, descriptor))
            if let last = records.last, last.index >= record.index || !(last.record < record.record) { throw .outOfOrder(index: place) }
            records.append(record)
        }
        self.entry = entry
        self.descriptor = descriptor
        self.records = records
        path = try BundleContent.selection(&reader)
    }

    func encode(into writer: inout WireWriter) {
        writer.integer(index)
        entry.encode(into: &writer)
        writer.count(records.count, as: UInt16.self)
        for record in records {
            writer.integer(record.index)
            writer.bytes(record.salt)
            writer.bytes(record.record.bytes)
        }
        path.encode(into: &writer)
    }
}

extension MerkleSelection {
    func encode(into writer: inout WireWriter) {
        writer.count(hashes.count, as: UInt16.self)
        for hash in hashes { writer.identifier(hash) }
    }
}
