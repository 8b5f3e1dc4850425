import Cryptography
import Primitives
import WireFormat

/// What a bundle about one operator's sightings is made of.
public struct ProofMaterial: Sendable {
    public let certificate: Signed<GenerationCertificate>
    public let head: Signed<Head>
    public let manifest: Manifest
    public private(set) var buckets: [ShownKeys] = []

    /// A bucket of the manifest, and the keys in it that are to be shown.
    public struct ShownKeys: Sendable {
        let bucket: Bucket
        let keys: Set<[UInt8]>
    }

    public init(certificate: Signed<GenerationCertificate>, head: Signed<Head>, manifest: Manifest) {
        self.certificate = certificate
        self.head = head
        self.manifest = manifest
    }

    /// Shows those of `keys` that are in the bucket; nothing if none is.
    public mutating func show(_ keys: Set<[UInt8]>, in bucket: Bucket) { buckets.append(ShownKeys(bucket: bucket, keys: keys)) }
}

extension ProofBundle {
    /// Makes a bundle, and checks it as a stranger would. `nil` if there is nothing to show.
    ///
    /// - Parameter memberships: those of the operators shown and of everybody above them, at most one for each; others are left out.
    public static func make(of materials: [ProofMaterial], memberships: [Signed<MembershipCertificate>]) throws(ProofBundleError) -> ProofBundle? {
        let testimonies = materials.sorted { $0.head.body.origin < $1.head.body.origin }.compactMap(testimony)
        guard !testimonies.isEmpty else { return nil }
        var writer = WireWriter(reserving: 4_096)
        writer.structure(structure, version: version)
        let needed = chains(of: testimonies.map(\.head.body.origin), in: memberships)
        guard needed.count <= Limits.bundleMemberships, testimonies.reduce(0, { $0 + $1.buckets.reduce(0) { $0 + $1.records.count } }) <= Limits.bundleSightings
        else {
            throw .malformed(.overLimit(.count, value: UInt64(testimonies.count), limit: UInt64(Limits.bundleSightings)))
        }
        writer.count(needed.count, as: UInt16.self)
        for certificate in needed { writer.prefixed(certificate.bytes, by: UInt16.self) }
        writer.count(testimonies.count, as: UInt16.self)
        for testimony in testimonies { testimony.encode(into: &writer) }
        writer.identifier(checkSum(over: writer.bytes))
        return try ProofBundle(checking: writer.bytes)
    }

    private static func testimony(_ material: ProofMaterial) -> BundleContent.Testimony? {
        let manifest = material.manifest
        let pieces = Dictionary(material.buckets.map { ($0.bucket.entry, $0) }, uniquingKeysWith: { first, _ in first })
        var shown: [BundleContent.ShownBucket] = []
        for (index, entry) in manifest.entries.enumerated() {
            guard let piece = pieces[entry] else { continue }
            if let bucket = shownBucket(piece, index: UInt32(index)) { shown.append(bucket) }
        }
        guard !shown.isEmpty else { return nil }
        let streams = Set(shown.map(\.entry.stream))
        let descriptors = manifest.descriptors.enumerated().filter { streams.contains($0.element.stream) }
            .map { BundleContent.ShownDescriptor(index: UInt16($0.offset), descriptor: $0.element) }
        let leaves =
            manifest.descriptors.map { descriptor in manifestLeaf { descriptor.encode(into: &$0) } }
            + manifest.entries.map { entry in manifestLeaf { entry.encode(into: &$0) } }
        let places = descriptors.map { Int($0.index) } + shown.map { manifest.descriptors.count + Int($0.index) }
        guard let path = MerkleSelection(of: places, in: leaves) else { return nil }
        return BundleContent.Testimony(
            certificate: material.certificate, head: material.head, descriptorCount: UInt16(manifest.descriptors.count), descriptors: descriptors,
            buckets: shown,
            manifest: path)
    }

    private static func shownBucket(_ piece: ProofMaterial.ShownKeys, index: UInt32) -> BundleContent.ShownBucket? {
        let bucket = piece.bucket
        let salts = bucket.salts
        func salt(_ place: Int) -> [UInt8] { Array(salts[place * Bucket.saltByteCount..<(place + 1) * Bucket.saltByteCount]) }
        guard let content = BucketContent(bucket.bytes, bucket.descriptor) else { return nil }
        var records: [BundleContent.ShownRecord] = []
        for (place, record) in content.records.enumerated() where piece.keys.contains(Array(record.key)) {
            records.append(.init(index: UInt16(place), salt: salt(place), record: record))
        }
        let leaves = content.records.enumerated().map { MerkleTree.leaf(salt($0.offset) + $0.element.bytes, in: .bucket) }
        guard let path = MerkleSelection(of: records.map { Int($0.index) }, in: leaves) else { return nil }
        return BundleContent.ShownBucket(index: index, entry: bucket.entry, descriptor: bucket.descriptor, records: records, path: path)
    }

    /// The certificates that lead from these operators to the root, by member; none of an operator whose chain is not all here.
    private static func chains(of origins: [OriginID], in memberships: [Signed<MembershipCertificate>]) -> [Signed<MembershipCertificate>] {
        let held = Dictionary(memberships.map { ($0.body.member, $0) }, uniquingKeysWith: { first, _ in first })
        var needed: [OriginID: Signed<MembershipCertificate>] = [:]
        for origin in origins {
            var chain: [Signed<MembershipCertificate>] = []
            var next: OriginID? = origin
            while let member = next, chain.count <= Limits.sponsorDepth, let certificate = held[member] {
                chain.append(certificate)
                next = certificate.body.isSponsoredByRoot ? nil : OriginID(certificate.body.sponsor.raw)
            }
            guard next == nil else { continue }
            for certificate in chain { needed[certificate.body.member] = certificate }
        }
        return needed.values.sorted { $0.body.member < $1.body.member }
    }
}
