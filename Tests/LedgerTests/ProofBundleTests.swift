import Cryptography
import Primitives
import Testing
import WireFormat

@testable import Ledger

/// `Protocol/vectors/proofs/bundles`, and bundles of our own making.
@Suite struct ProofBundleTests {
    struct File: Decodable {
        struct Good: Decodable {
            struct Member: Decodable {
                let mesh: HexBytes
                let name: String
            }
            struct Sighting: Decodable {
                let kind: UInt16
                let schema_version: UInt16
                let day: UInt32
                let key: HexBytes
                let value: HexBytes
            }
            struct Testimony: Decodable {
                let origin: HexBytes
                let generation: UInt32
                let sequence: UInt64
                let sightings: [Sighting]
                let member: Member?
            }

            let name: String
            let proves: [Testimony]
            let bytes: HexBytes
        }

        let good: [Good]
        let bad: [BadVector]
    }

    private static func file() throws -> File { try vectors("proofs/bundles.json") }

    @Test func everyBundleProvesWhatItShows() throws {
        for vector in try Self.file().good {
            let bundle = try ProofBundle(checking: vector.bytes.bytes)
            #expect(bundle.testimonies.count == vector.proves.count, "\(vector.name)")
            for (found, wanted) in zip(bundle.testimonies, vector.proves) {
                #expect(found.origin.bytes == wanted.origin.bytes, "\(vector.name)")
                #expect(found.head.body.position == HeadPosition(generation: wanted.generation, sequence: wanted.sequence))
                #expect(found.membership?.displayName == wanted.member?.name && found.membership?.mesh.bytes == wanted.member?.mesh.bytes, "\(vector.name)")
                #expect(found.sightings.map(\.record) == wanted.sightings.map { Record(key: $0.key.bytes, value: $0.value.bytes) }, "\(vector.name)")
                #expect(found.sightings.map(\.stream) == wanted.sightings.map { StreamID(kind: $0.kind, schemaVersion: $0.schema_version) })
                #expect(found.sightings.map(\.day.number) == wanted.sightings.map(\.day))
            }
        }
    }

    @Test func whatProvesNothingIsRefusedByItsName() throws {
        for vector in try Self.file().bad {
            #expect(refusal { _ = try ProofBundle(checking: vector.bytes.bytes) } == vector.refusal, "\(vector.name)")
        }
    }

    @Test func everyPrefixIsTruncated() throws {
        for vector in try Self.file().good {
            for count in vector.bytes.bytes.indices {
                #expect(refusal { _ = try ProofBundle(checking: Array(vector.bytes.bytes.prefix(count))) } == "truncated", "\(vector.name), \(count) bytes")
            }
        }
    }

    /// All eight bits of every byte: refused. With the check sum made anew, as a forger would: refused, or the same sightings of the same operators.
    @Test func noByteCanBeChanged() throws {
        for vector in try Self.file().good.prefix(2) {
            let good = try ProofBundle(checking: vector.bytes.bytes)
            for place in vector.bytes.bytes.indices {
                for bit in 0..<8 {
                    var bytes = vector.bytes.bytes
                    bytes[place] ^= 1 << UInt8(bit)
                    #expect((try? ProofBundle(checking: bytes)) == nil, "\(vector.name), byte \(place)")
                    guard bit == place % 8, place < bytes.count - 32 else { continue }
                    let body = Array(bytes.dropLast(32))
                    if let forged = try? ProofBundle(checking: body + ProofBundle.checkSum(over: body).bytes) {
                        #expect(forged.testimonies == good.testimonies, "\(vector.name), byte \(place): something else is proven")
                    }
                }
            }
        }
    }

    @Test(arguments: [1, 2, 3] as [UInt64]) func noiseNeverTraps(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let patterns = try Self.file().good.map(\.bytes.bytes)
        for _ in 0..<1_000 {
            var bytes = try #require(patterns.pick(using: &random)).dropLast(32)
            for _ in 0...random.number(below: 6) { bytes[Int(random.number(below: UInt64(bytes.count)))] = UInt8(truncatingIfNeeded: random.next()) }
            _ = try? ProofBundle(checking: bytes + ProofBundle.checkSum(over: bytes).bytes)
        }
    }

    @Test func aBundleIsMadeAndHoldsNoSeedAndNoNeighbour() throws {
        var maker = BundleMaker(seed: 5)
        let bucket = maker.bucket(count: 300, at: 20_000)
        let other = maker.bucket(count: 40, at: 20_001)
        let manifest = Manifest(descriptors: [maker.descriptor], entries: [bucket.entry, other.entry])
        let shown = [bucket.records[7], bucket.records[8], bucket.records[250]]
        var material = ProofMaterial(certificate: maker.certificate.signed, head: maker.head(manifest).signed, manifest: manifest)
        material.show(Set(shown.map(\.key) + [[1, 2, 3]]), in: bucket)

        let bundle = try #require(try ProofBundle.make(of: [material], memberships: []))

        let testimony = try #require(bundle.testimonies.first)
        #expect(testimony.sightings.map(\.record) == shown && testimony.membership == nil)
        func occurs(_ part: [UInt8]) -> Bool { bundle.bytes.indices.contains { bundle.bytes[$0...].starts(with: part) } }
        #expect(!occurs(Array(bucket.bytes.prefix(32))), "the seed would give away all other sightings")
        for place in 0..<300 where ![7, 8, 250].contains(place) {
            #expect(!occurs(bucket.records[place].key))
            #expect(!occurs(Array(bucket.salts[place * 16..<(place + 1) * 16])), "the salt of another sighting")
        }
        #expect(occurs(Array(bucket.salts[7 * 16..<8 * 16])))
    }

    @Test func nothingToShowIsNoBundle() throws {
        var maker = BundleMaker(seed: 6)
        let bucket = maker.bucket(count: 3, at: 20_000)
        let manifest = Manifest(descriptors: [maker.descriptor], entries: [bucket.entry])
        var material = ProofMaterial(certificate: maker.certificate.signed, head: maker.head(manifest).signed, manifest: manifest)
        material.show([[1, 2, 3, 4, 5, 6, 7, 8]], in: bucket)
        #expect(try ProofBundle.make(of: [material], memberships: []) == nil)
        #expect(try ProofBundle.make(of: [], memberships: []) == nil)
    }

    /// Bucket and descriptor far apart in the manifest: so one sighting alone carries the longest paths. Several share nearly all of it.
    @Test func proofsStaySmall() throws {
        var maker = BundleMaker(seed: 7)
        let buckets = (0..<270).map { maker.bucket(count: $0 == 140 ? Limits.bucketSightings : $0 == 141 ? 64 : 2, at: 20_000 + UInt32($0)) }
        let manifest = Manifest(descriptors: [maker.descriptor], entries: buckets.map(\.entry))
        func byteCount(_ shown: [(bucket: Int, keys: ArraySlice<Record>)]) throws -> Int {
            var material = ProofMaterial(certificate: maker.certificate.signed, head: maker.head(manifest).signed, manifest: manifest)
            for (bucket, records) in shown { material.show(Set(records.map(\.key)), in: buckets[bucket]) }
            return try #require(try ProofBundle.make(of: [material], memberships: [])).bytes.count
        }
        let inSmall = try byteCount([(141, buckets[141].records[20..<21])])
        #expect(inSmall <= 1_331, "\(inSmall) bytes")
        let inFull = try byteCount([(140, buckets[140].records[4_000..<4_001])])
        #expect(inFull <= 1_536, "\(inFull) bytes")
        let two = try byteCount([(140, buckets[140].records[4_000..<4_001]), (100, buckets[100].records[0..<1])])
        #expect(two / 2 <= 1_024, "\(two / 2) bytes each")
        let hundred = try byteCount((0..<100).map { ($0, buckets[$0].records[0..<1]) })
        #expect(hundred / 100 <= 200, "\(hundred / 100) bytes each")
    }

    @Test func moreThanTheLimitIsRefused() throws {
        var maker = BundleMaker(seed: 8)
        let bucket = maker.bucket(count: Limits.bundleSightings + 1, at: 20_000)
        let manifest = Manifest(descriptors: [maker.descriptor], entries: [bucket.entry])
        var material = ProofMaterial(certificate: maker.certificate.signed, head: maker.head(manifest).signed, manifest: manifest)
        material.show(Set(bucket.records.map(\.key)), in: bucket)
        #expect(refusal { _ = try ProofBundle.make(of: [material], memberships: []) } == "over-limit:count")
        #expect(refusal { _ = try ProofBundle(checking: [UInt8](repeating: 0, count: Limits.bundleByteCount + 1)) } == "over-limit:size")
        let start: [UInt8] = [0, 32, 0, 1]
        #expect(refusal { _ = try ProofBundle(checking: start + [0xFF, 0xFF]) } == "over-limit:count")
        #expect(refusal { _ = try ProofBundle(checking: start + [0, 0, 0xFF, 0xFF]) } == "over-limit:count")
        #expect(refusal { _ = try ProofBundle(checking: start + [0, 1, 0xFF, 0xFF]) } == "over-limit:statement")
        let later = [0, 32, 0, 9] as [UInt8]
        #expect(throws: ProofBundleError.malformed(.unsupportedVersion(9))) { _ = try ProofBundle(checking: later) }
        #expect("\(ProofBundleError.malformed(.unsupportedVersion(9)))".contains("version 9, which this program does not know"))
    }

    @Test func membershipLeadsToTheRootOrIsLeftOut() throws {
        var maker = BundleMaker(seed: 9)
        let bucket = maker.bucket(count: 1, at: 20_000)
        let manifest = Manifest(descriptors: [maker.descriptor], entries: [bucket.entry])
        var material = ProofMaterial(certificate: maker.certificate.signed, head: maker.head(manifest).signed, manifest: manifest)
        material.show(Set(bucket.records.map(\.key)), in: bucket)
        let root = SigningKey(using: &maker.random)
        let sponsor = SigningKey(using: &maker.random)
        let top = maker.membership(of: OriginID(sponsor.verifyingKey.raw), by: root, in: MeshID(root: root.verifyingKey))
        let own = maker.membership(of: maker.origin, by: sponsor, in: MeshID(root: root.verifyingKey))

        let bundle = try #require(try ProofBundle.make(of: [material], memberships: [own, top]))
        let membership = try #require(bundle.testimonies.first?.membership)
        #expect(membership.mesh == MeshID(root: root.verifyingKey) && membership.sponsorCount == 1)
        #expect(try ProofBundle.make(of: [material], memberships: [own])?.testimonies.first?.membership == nil, "half a chain proves nothing")
    }
}

/// A made-up operator whose sightings are shown.
private struct BundleMaker {
    var random: SeededGenerator
    let identity: SigningKey
    let online: SigningKey
    let descriptor: StreamDescriptor

    init(seed: UInt64) {
        random = SeededGenerator(seed: seed)
        identity = SigningKey(using: &random)
        online = SigningKey(using: &random)
        descriptor = StreamDescriptor(stream: .sessionSimHash2, keyByteCount: 8, valueByteCount: 3, retentionDays: 90, shardKey: random.bytes(count: 16))!
    }

    var origin: OriginID { OriginID(identity.verifyingKey.raw) }

    mutating func bucket(count: Int, at day: UInt32) -> Bucket {
        let records = (0..<count).map { _ in Record(key: random.bytes(count: 8), value: [0, 1, 2]) }.sorted()
        return Bucket(records, at: Day(number: day), descriptor: descriptor, seed: random.bytes(count: 32))
    }

    var certificate: Verified<GenerationCertificate> {
        Signed.make(
            GenerationCertificate(
                origin: origin, generation: 1, signingKey: online.verifyingKey, notBefore: .zero, notAfter: .distantFuture, reason: .first)!, with: identity)
    }

    func head(_ manifest: Manifest) -> Verified<Head> {
        Signed.make(
            Head(
                origin: origin, position: HeadPosition(generation: 1, sequence: 3), issuedAt: Timestamp(milliseconds: 1), lifetimeSeconds: 86_400,
                manifestRoot: manifest.root, entryCount: UInt32(manifest.entries.count), sightingCount: manifest.sightingCount,
                dataByteCount: manifest.dataByteCount, historyRoot: .zero)!, with: online)
    }

    func membership(of member: OriginID, by sponsor: SigningKey, in mesh: MeshID) -> Signed<MembershipCertificate> {
        Signed.make(
            MembershipCertificate(mesh: mesh, member: member, displayName: "Ann", sponsor: sponsor.verifyingKey, notBefore: .zero, notAfter: .distantFuture)!,
            with: sponsor
        ).signed
    }
}
