import Cryptography
import Primitives
import Testing
import WireFormat

@testable import Ledger

@Suite struct ManifestTests {
    struct File: Decodable {
        struct Vector: Decodable {
            let name: String
            let refusal: String?
            let bytes, root: HexBytes
            let totals: [UInt64]

            func head() throws -> Head {
                try Head(
                    origin: OriginID(.zero), position: HeadPosition(generation: 1, sequence: 1), issuedAt: .zero, lifetimeSeconds: 1,
                    manifestRoot: Digest(root.bytes32), entryCount: min(UInt32(clamping: totals[0]), 262_144), sightingCount: totals[1],
                    dataByteCount: totals[2],
                    historyRoot: .zero
                ).orThrow("no head")
            }
        }
        let good: [Vector]
        let bad: [Vector]
    }

    @Test func aGoodManifestCountsAndIsMadeAgain() throws {
        for vector in try vectors("ledger/manifests.json", as: File.self).good {
            let manifest = try Manifest(checking: vector.bytes.bytes, head: vector.head())
            #expect(manifest.root.bytes == vector.root.bytes, "\(vector.name)")
            #expect([UInt64(manifest.entries.count), manifest.sightingCount, manifest.dataByteCount] == vector.totals)
            #expect(Manifest(descriptors: manifest.descriptors.reversed(), entries: manifest.entries.reversed()) == manifest, "\(vector.name)")
            for descriptor in manifest.descriptors { #expect(manifest.descriptor(of: descriptor.stream) == descriptor) }
        }
        #expect(Manifest.empty.bytes == [0, 0, 0, 0, 0, 0] && Manifest.empty.root == MerkleTree.emptyRoot)
    }

    @Test func everyFaultIsRefusedByItsName() throws {
        for vector in try vectors("ledger/manifests.json", as: File.self).bad {
            let head = try vector.head()
            #expect(refusal { _ = try Manifest(checking: vector.bytes.bytes, head: head) } == vector.refusal, "\(vector.name)")
        }
    }

    @Test func everyPrefixIsTruncated() throws {
        for vector in try vectors("ledger/manifests.json", as: File.self).good {
            let head = try vector.head()
            for count in vector.bytes.bytes.indices {
                #expect(refusal { _ = try Manifest(checking: Array(vector.bytes.bytes.prefix(count)), head: head) } == "truncated", "\(vector.name)")
            }
        }
    }

    @Test(arguments: [1, 2, 3] as [UInt64]) func noBitCanBeFlipped(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        for vector in try vectors("ledger/manifests.json", as: File.self).good where vector.bytes.bytes.count > 6 {
            let head = try vector.head()
            for _ in 0..<300 {
                var bytes = vector.bytes.bytes
                bytes[Int(random.number(below: UInt64(bytes.count)))] ^= 1 << UInt8(random.number(below: 8))
                #expect(refusal { _ = try Manifest(checking: bytes, head: head) } != nil, "seed \(seed)")
            }
        }
    }

    /// Nothing but its size is looked at: over the limit it is refused at once.
    @Test func aManifestOverItsLimitIsRefused() throws {
        let head = try #require(try vectors("ledger/manifests.json", as: File.self).good.first).head()
        let bytes = [UInt8](repeating: 0, count: Limits.manifestByteCount + 1)
        #expect(refusal { _ = try Manifest(checking: bytes, head: head) } == "over-limit:size")
    }
}
