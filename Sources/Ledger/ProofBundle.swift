import Cryptography
import Primitives
import WireFormat

/// `Protocol/proofs.md`: shows anybody, who has nothing else, that operators have signed for sightings. Only checking or making makes one.
///
/// What several sightings have in common is in it once. It holds the salt of every sighting shown and no bucket's seed: of other sightings it proves neither that
/// they are there nor that they are not. Checking costs two signatures for each operator, one for each membership certificate, and a few dozen
/// hashes for each sighting.
public struct ProofBundle: Hashable, Sendable {
    public static let structure: UInt16 = 32
    public static let version: UInt16 = 1
    static let checkSumTag = Array("hearsay/v1/bundle".utf8)

    /// What one operator has signed for.
    public struct Testimony: Hashable, Sendable {
        /// The identity key vouches for the signing key.
        public let certificate: Verified<GenerationCertificate>
        public let head: Verified<Head>
        /// `nil` if the bundle shows no membership of this operator.
        public let membership: Membership?
        /// By stream, day, shard and key, ascending.
        public let sightings: [Sighting]

        public var origin: OriginID { head.body.origin }
    }

    /// An operator's place in a mesh: certificates from its own up to the root's.
    public struct Membership: Hashable, Sendable {
        public let mesh: MeshID
        /// Chosen by the member: hostile text.
        public let displayName: String
        /// When all certificates up to the root are valid; empty if they never are together.
        public let notBefore: Timestamp
        public let notAfter: Timestamp
        /// Operators between this one and the root.
        public let sponsorCount: Int
    }

    public struct Sighting: Hashable, Sendable {
        public let stream: StreamID
        /// The first day it stands for.
        public let day: Day
        /// How many days it stands for.
        public let daySpan: UInt8
        public let record: Record
    }

    /// One for each operator, by its key ascending.
    public let testimonies: [Testimony]
    /// As it stands in a file.
    public let bytes: [UInt8]

    public var sightingCount: Int { testimonies.reduce(0) { $0 + $1.sightings.count } }

    /// Checks everything a bundle claims.
    public init(checking bytes: [UInt8]) throws(ProofBundleError) {
        let content: BundleContent
        do throws(WireError) { content = try BundleContent(decoding: bytes) } catch { throw .malformed(error) }
        let chains = try MembershipChains(checking: content.memberships)
        var used: Set<OriginID> = []
        var testimonies: [Testimony] = []
        for part in content.testimonies {
            let origin = part.certificate.body.origin
            if let last = testimonies.last, last.origin >= origin { throw .notCanonical }
            testimonies.append(try Self.check(part, membership: try chains.membership(of: origin, noting: &used)))
        }
        guard used.count == content.memberships.count else { throw .notCanonical }
        guard content.checkSum == Self.checkSum(over: bytes.dropLast(Digest.byteCount)) else { throw .damaged }
        self.testimonies = testimonies
        self.bytes = bytes
    }

    /// Over all bytes before it: so that of the few bytes which nothing signed covers, the sizes of trees, none can change either.
    static func checkSum(over bytes: some Collection<UInt8>) -> Digest { BLAKE2b.hash(checkSumTag + bytes) }
}

extension Digest {
    static let byteCount = 32
}

extension ProofBundle {
    private static func check(_ part: BundleContent.Testimony, membership: Membership?) throws(ProofBundleError) -> Testimony {
        let origin = part.certificate.body.origin
        guard let certificate = part.certificate.verified() else { throw .forged(.generation, origin) }
        guard part.head.body.origin == origin, part.head.body.position.generation == certificate.body.generation else { throw .foreignHead(origin) }
        let issuedAt = part.head.body.issuedAt
        guard certificate.body.notBefore <= issuedAt + Limits.clockSkew, issuedAt < certificate.body.notAfter else { throw .outsideValidity(origin) }
        guard let head = part.head.verified(by: certificate.body.signingKey) else { throw .forged(.head, origin) }
        var leaves: [MerkleSelection.Leaf] = []
        for shown in part.descriptors {
            guard shown.index < part.descriptorCount else { throw .notInManifest(origin) }
            leaves.append(.init(index: UInt64(shown.index), hash: manifestLeaf { shown.descriptor.encode(into: &$0) }))
        }
        var sightings: [Sighting] = []
        for bucket in part.buckets {
            guard bucket.index < head.body.entryCount else { throw .notInManifest(origin) }
            leaves.append(.init(index: UInt64(part.descriptorCount) + UInt64(bucket.index), hash: manifestLeaf { bucket.entry.encode(into: &$0) }))
            sightings += try check(bucket, of: origin)
        }
        guard part.manifest.root(over: leaves, of: UInt64(part.descriptorCount) + UInt64(head.body.entryCount)) == head.body.manifestRoot else {
            throw .notInManifest(origin)
        }
        return Testimony(certificate: certificate, head: head, membership: membership, sightings: sightings)
    }

    private static func check(_ bucket: BundleContent.ShownBucket, of origin: OriginID) throws(ProofBundleError) -> [Sighting] {
        let (entry, descriptor) = (bucket.entry, bucket.descriptor)
        var leaves: [MerkleSelection.Leaf] = []
        var sightings: [Sighting] = []
        for shown in bucket.records {
            let key = Array(shown.record.key)
            guard (1...Limits.keyByteCount).contains(key.count), descriptor.shard(of: key, bits: entry.shardBits) == entry.shard else {
                throw .badKey(origin, entry.stream, entry.day)
            }
            leaves.append(.init(index: UInt64(shown.index), hash: MerkleTree.leaf(shown.salt + shown.record.bytes, in: .bucket)))
            let value = Array(shown.record.bytes.suffix(Int(descriptor.valueByteCount)))
            sightings.append(Sighting(stream: entry.stream, day: entry.day, daySpan: descriptor.daySpan, record: Record(key: key, value: value)))
        }
        guard bucket.path.root(over: leaves, of: UInt64(entry.count)) == entry.root else { throw .notInBucket(origin, entry.stream, entry.day) }
        return sightings
    }

    static func manifestLeaf(_ encode: (inout WireWriter) -> Void) -> Digest {
        var writer = WireWriter()
        encode(&writer)
        return MerkleTree.leaf(writer.bytes, in: .manifest)
    }
}

/// Membership certificates whose signatures have been checked, at most one for each member.
private struct MembershipChains {
    private var certificates: [OriginID: Verified<MembershipCertificate>] = [:]

    init(checking memberships: [Signed<MembershipCertificate>]) throws(ProofBundleError) {
        var last: OriginID?
        for signed in memberships {
            if let last, last >= signed.body.member { throw .notCanonical }
            last = signed.body.member
            guard let certificate = signed.verified() else { throw .forged(.membership, signed.body.member) }
            certificates[signed.body.member] = certificate
        }
    }

    /// `nil` if no certificate names the operator.
    func membership(of origin: OriginID, noting used: inout Set<OriginID>) throws(ProofBundleError) -> ProofBundle.Membership? {
        guard let own = certificates[origin]?.body else { return nil }
        var certificate = own
        var (notBefore, notAfter) = (own.notBefore, own.notAfter)
        for sponsorCount in 0...Limits.sponsorDepth {
            used.insert(certificate.member)
            notBefore = max(notBefore, certificate.notBefore)
            notAfter = min(notAfter, certificate.notAfter)
            if certificate.isSponsoredByRoot {
                return .init(mesh: own.mesh, displayName: own.displayName, notBefore: notBefore, notAfter: notAfter, sponsorCount: sponsorCount)
            }
            guard let next = certificates[OriginID(certificate.sponsor.raw)]?.body, next.mesh == own.mesh else { break }
            certificate = next
        }
        throw .brokenChain(origin)
    }
}

extension ProofBundle {
    /// How many sightings a bundle can show.
    public static let sightingLimit = Limits.bundleSightings
}
