import Primitives
import Testing
import WireFormat

@testable import Ledger

/// `Protocol/vectors/statements/evidence` and `Protocol/vectors/ledger/links`: proofs, and what only looks like one.
@Suite struct EvidenceTests {
    struct File: Decodable {
        struct Good: Decodable {
            let name: String
            let bytes: HexBytes
            let hash: HexBytes
            let origin: HexBytes
            let generation: UInt32
        }

        let good: [Good]
        let bad: [BadVector]
    }

    struct Links: Decodable {
        struct Good: Decodable {
            let start: UInt64
            let end: UInt64
            let start_root: HexBytes
            let end_root: HexBytes
            let bytes: HexBytes
        }

        let good: [Good]
    }

    private static func file() throws -> File { try vectors("statements/evidence.json") }

    @Test func everyProofHoldsAndIsMadeAgainByteForByte() throws {
        for vector in try Self.file().good {
            let unchecked = try UncheckedEvidence(decoding: vector.bytes.bytes)
            let evidence = try #require(Evidence(unchecked), "\(vector.name)")
            #expect(evidence.origin.bytes == vector.origin.bytes && evidence.generation == vector.generation, "\(vector.name)")
            #expect(evidence.hash.bytes == vector.hash.bytes)
            let again =
                switch evidence.contradiction {
                case .samePosition(let first, let second): Evidence(second, first, under: evidence.certificate.signed)
                case .forkedHistory(let earlier, let later, let link): Evidence(earlier: earlier, later: later, link: link, under: evidence.certificate.signed)
                case .twoCertificates(let first, let second): Evidence(second, first)
                }
            #expect(again?.bytes == vector.bytes.bytes, "\(vector.name)")
            guard case .evidence(let checked) = try AnyStatement(checking: UncheckedStatement(decoding: vector.bytes.bytes), headKey: { _, _ in nil }) else {
                Issue.record("\(vector.name): evidence was taken for something else")
                continue
            }
            #expect(checked == evidence)
        }
    }

    @Test func whatProvesNothingIsRefusedByItsName() throws {
        for vector in try Self.file().bad {
            var holds = false
            let found = refusal { holds = Evidence(try UncheckedEvidence(decoding: vector.bytes.bytes)) != nil }
            #expect((found ?? (holds ? "none" : "forged")) == vector.refusal, "\(vector.name)")
        }
    }

    @Test func everyPrefixIsTruncated() throws {
        for vector in try Self.file().good {
            for count in vector.bytes.bytes.indices {
                #expect(
                    refusal { _ = try UncheckedEvidence(decoding: Array(vector.bytes.bytes.prefix(count))) } == "truncated", "\(vector.name), \(count) bytes")
            }
        }
    }

    /// One flipped bit anywhere: it proves nothing any more, or no longer decodes.
    @Test func noBitCanBeFlipped() throws {
        for vector in try Self.file().good {
            for place in vector.bytes.bytes.indices {
                var bytes = vector.bytes.bytes
                bytes[place] ^= 1 << UInt8(place % 8)
                #expect((try? UncheckedEvidence(decoding: bytes)).flatMap { Evidence($0) } == nil, "\(vector.name), byte \(place)")
            }
        }
    }

    @Test(arguments: [1, 2, 3] as [UInt64]) func noiseNeverTraps(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let patterns = try Self.file().good.map(\.bytes.bytes)
        for _ in 0..<2_000 {
            var bytes = try #require(patterns.pick(using: &random))
            for _ in 0...random.number(below: 6) { bytes[Int(random.number(below: UInt64(bytes.count)))] = UInt8(truncatingIfNeeded: random.next()) }
            guard let evidence = try? UncheckedEvidence(decoding: bytes) else { continue }
            #expect(evidence.bytes == bytes, "seed \(seed)")
            #expect(Evidence(evidence) == nil || patterns.contains(bytes), "seed \(seed): something changed, and it still proves")
        }
    }

    @Test func linksLeadFromRootToRoot() throws {
        for vector in try vectors("ledger/links.json", as: Links.self).good {
            let link = try HistoryLink(decoding: vector.bytes.bytes)
            #expect(link.start == vector.start && link.end == vector.end)
            #expect(link.startRoot.bytes == vector.start_root.bytes && link.endRoot.bytes == vector.end_root.bytes)
            #expect(link.encoded() == vector.bytes.bytes)
        }
    }
}
