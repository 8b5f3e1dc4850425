import Cryptography
import Primitives
import Testing
import WireFormat

@testable import Ledger

/// Every statement of `Protocol/vectors/statements`, well made and with one fault each.
@Suite struct StatementTests {
    struct File: Decodable {
        struct Good: Decodable {
            let name: String
            let key, seed, bytes, hash: HexBytes
        }
        struct Bad: Decodable {
            let name, refusal: String
            let key, bytes: HexBytes
        }
        let structure: UInt16
        let tag: String
        let good: [Good]
        let bad: [Bad]
    }

    enum Kind: String, CaseIterable, Sendable {
        case membership, revocation, generation, node, peer, head

        /// The bytes again, made from the fields and signed again.
        func remade(_ bytes: [UInt8], with key: SigningKey) throws -> [UInt8] {
            switch self {
            case .membership: try Signed<MembershipCertificate>.make(Signed(decoding: bytes).body, with: key).bytes
            case .revocation: try Signed<Revocation>.make(Signed(decoding: bytes).body, with: key).bytes
            case .generation: try Signed<GenerationCertificate>.make(Signed(decoding: bytes).body, with: key).bytes
            case .node: try Signed<NodeCertificate>.make(Signed(decoding: bytes).body, with: key).bytes
            case .peer: try Signed<PeerRecord>.make(Signed(decoding: bytes).body, with: key).bytes
            case .head: try Signed<Head>.make(Signed(decoding: bytes).body, with: key).bytes
            }
        }

        /// Whether it decodes as this kind and `key` has signed it; throws `WireError` if it does not decode.
        func isSigned(_ bytes: [UInt8], by key: VerifyingKey) throws(WireError) -> Bool {
            switch self {
            case .membership: try Signed<MembershipCertificate>(decoding: bytes).verified(by: key) != nil
            case .revocation: try Signed<Revocation>(decoding: bytes).verified(by: key) != nil
            case .generation: try Signed<GenerationCertificate>(decoding: bytes).verified(by: key) != nil
            case .node: try Signed<NodeCertificate>(decoding: bytes).verified(by: key) != nil
            case .peer: try Signed<PeerRecord>(decoding: bytes).verified(by: key) != nil
            case .head: try Signed<Head>(decoding: bytes).verified(by: key) != nil
            }
        }
    }

    static func file(_ kind: Kind) throws -> File { try vectors("statements/\(kind.rawValue).json") }

    @Test(arguments: Kind.allCases) func aGoodStatementCounts(kind: Kind) throws {
        for vector in try Self.file(kind).good {
            let key = VerifyingKey(try vector.key.bytes32)
            #expect(try kind.isSigned(vector.bytes.bytes, by: key), "\(vector.name)")
            let unchecked = try UncheckedStatement(decoding: vector.bytes.bytes)
            #expect(unchecked.bytes == vector.bytes.bytes)
            let checked = try AnyStatement(checking: unchecked) { _, _ in key }
            #expect(checked.bytes == vector.bytes.bytes)
            #expect(BLAKE2b.hash(checked.bytes).bytes == vector.hash.bytes, "\(vector.name)")
        }
    }

    @Test(arguments: Kind.allCases) func itIsMadeAgainByteForByte(kind: Kind) throws {
        for vector in try Self.file(kind).good {
            let key = try SigningKey(seed: SecretBytes(copying: vector.seed.bytes)).orThrow("no key")
            #expect(try kind.remade(vector.bytes.bytes, with: key) == vector.bytes.bytes, "\(vector.name)")
        }
    }

    @Test(arguments: Kind.allCases) func everyFaultIsRefusedByItsName(kind: Kind) throws {
        for vector in try Self.file(kind).bad {
            let key = VerifyingKey(try vector.key.bytes32)
            var isSigned = false
            let found = refusal { isSigned = try kind.isSigned(vector.bytes.bytes, by: key) }
            #expect((found ?? (isSigned ? "none" : "forged")) == vector.refusal, "\(vector.name)")
        }
    }

    @Test(arguments: Kind.allCases) func everyPrefixIsTruncated(kind: Kind) throws {
        for vector in try Self.file(kind).good {
            for count in vector.bytes.bytes.indices {
                let prefix = Array(vector.bytes.bytes.prefix(count))
                #expect(refusal { _ = try kind.isSigned(prefix, by: VerifyingKey(.zero)) } == "truncated", "\(vector.name), \(count) bytes")
                #expect(refusal { _ = try UncheckedStatement(decoding: prefix) } == "truncated")
            }
        }
    }

    /// One flipped bit anywhere: the statement no longer decodes, or nobody has signed it.
    @Test(arguments: Kind.allCases) func noBitCanBeFlipped(kind: Kind) throws {
        let vector = try #require(try Self.file(kind).good.first)
        let key = VerifyingKey(try vector.key.bytes32)
        for place in vector.bytes.bytes.indices {
            var bytes = vector.bytes.bytes
            bytes[place] ^= 1 << UInt8(place % 8)
            #expect((try? kind.isSigned(bytes, by: key)) != true, "byte \(place)")
        }
    }

    @Test(arguments: Kind.allCases, [1, 2, 3] as [UInt64]) func noiseNeverTraps(kind: Kind, seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let vectors = try Self.file(kind)
        let patterns = (vectors.good.map(\.bytes) + vectors.bad.map(\.bytes)).map(\.bytes).filter { !$0.isEmpty }
        for _ in 0..<2_000 {
            var bytes = try #require(patterns.pick(using: &random))
            for _ in 0...random.number(below: 6) { bytes[Int(random.number(below: UInt64(bytes.count)))] = UInt8(truncatingIfNeeded: random.next()) }
            if random.number(below: 4) == 0 { bytes = Array(bytes.prefix(Int(random.number(below: UInt64(bytes.count + 1))))) }
            guard let statement = try? UncheckedStatement(decoding: bytes) else { continue }
            #expect(statement.bytes == bytes, "seed \(seed)")
            if case .head(let head) = statement { #expect(head.body.currentUntil >= head.body.issuedAt, "seed \(seed)") }
        }
    }

    @Test func aHeadNeedsItsGeneration() throws {
        let vector = try #require(try Self.file(.head).good.first)
        let head = try UncheckedStatement(decoding: vector.bytes.bytes)
        #expect(throws: StatementError.unknownGeneration) { try AnyStatement(checking: head) { _, _ in nil } }
        #expect(throws: StatementError.forged) { try AnyStatement(checking: head) { _, _ in VerifyingKey(.zero) } }
        #expect(vector.bytes.bytes.count == Head.byteCount)
        #expect(try Signed<Head>(decoding: vector.bytes.bytes).verified() == nil)
    }

    @Test func aStatementOfNoKnownStructureIsRefused() {
        #expect(refusal { _ = try UncheckedStatement(decoding: [0, 8, 0, 1]) } == "wrong-structure")
        #expect(refusal { _ = try UncheckedStatement(decoding: [0]) } == "truncated")
    }

    @Test func whatCouldNotBeReadCannotBeMade() {
        let (t0, t1) = (Timestamp(milliseconds: 1), Timestamp(milliseconds: 2))
        let (origin, key, node) = (OriginID(.zero), VerifyingKey(.zero), NodeID(.zero))
        #expect(MembershipCertificate(mesh: MeshID(.zero), member: origin, displayName: "", sponsor: key, notBefore: t0, notAfter: t1) == nil)
        #expect(MembershipCertificate(mesh: MeshID(.zero), member: origin, displayName: "a", sponsor: key, notBefore: t1, notAfter: t1) == nil)
        #expect(GenerationCertificate(origin: origin, generation: 0, signingKey: key, notBefore: t0, notAfter: t1, reason: .first) == nil)
        #expect(GenerationCertificate(origin: origin, generation: 1, signingKey: key, notBefore: t1, notAfter: t0, reason: .first) == nil)
        #expect(
            NodeCertificate(
                origin: origin, serial: 1, node: node, transportKey: TransportKey(.zero), roles: [], notBefore: t0,
                notAfter: t0 + .seconds(90 * 86_400) + .milliseconds(1)) == nil)
        let address = NetworkAddress("192.0.2.1:1")
        #expect(PeerRecord(node: node, incarnation: 1, flags: [], addresses: [NetworkAddress](repeating: address!, count: 9)) == nil)
        func head(generation: UInt32 = 1, sequence: UInt64 = 1, lifetime: UInt32 = 1, entries: UInt32 = 0, extensions: [UInt8] = []) -> Head? {
            Head(
                origin: origin, position: HeadPosition(generation: generation, sequence: sequence), issuedAt: t0, lifetimeSeconds: lifetime,
                manifestRoot: .zero, entryCount: entries, sightingCount: 0, dataByteCount: 0, historyRoot: .zero, extensions: extensions)
        }
        #expect(head() != nil)
        #expect(head(generation: 0) == nil && head(sequence: 0) == nil && head(sequence: .max) == nil)
        #expect(head(lifetime: 0) == nil && head(lifetime: 90 * 86_400 + 1) == nil && head(entries: 262_145) == nil)
        #expect(head(extensions: [0, 1, 0]) == nil && head(extensions: [0, 1, 0, 253] + [UInt8](repeating: 0, count: 253)) == nil)
    }
}

@Suite struct AddressVectorTests {
    struct File: Decodable {
        struct Good: Decodable {
            let text: String
            let bytes: HexBytes
        }
        let good: [Good]
        let bad: [BadVector]
    }

    @Test func addressesAreReadAndWritten() throws {
        for vector in try vectors("statements/addresses.json", as: File.self).good {
            let address = try whole(vector.bytes.bytes) { try NetworkAddress(decoding: &$0) }
            #expect(address.description == vector.text)
            #expect(NetworkAddress(vector.text) == address)
            var writer = WireWriter()
            address.encode(into: &writer)
            #expect(writer.bytes == vector.bytes.bytes)
        }
    }

    @Test func everyFaultIsRefusedByItsName() throws {
        for vector in try vectors("statements/addresses.json", as: File.self).bad {
            #expect(refusal { _ = try whole(vector.bytes.bytes) { try NetworkAddress(decoding: &$0) } } == vector.refusal, "\(vector.name)")
        }
    }
}
