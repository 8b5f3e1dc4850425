import Cryptography
import Primitives
import Testing

@testable import Ledger

@Suite struct MerkleTreeTests {
    struct File: Decodable {
        struct Root: Decodable {
            let count: Int
            let root: HexBytes
        }
        struct Inclusion: Decodable {
            let index, count: Int
            let proof: [HexBytes]
        }
        struct Consistency: Decodable {
            let old, count: Int
            let proof: [HexBytes]
        }
        struct BadInclusion: Decodable {
            let name: String
            let index, count: UInt64
            let leaf_index, root_count: Int
            let proof: [HexBytes]
        }
        struct BadConsistency: Decodable {
            let name: String
            let old, count: UInt64
            let old_root_count, new_root_count: Int
            let proof: [HexBytes]
        }
        let roots: [Root]
        let inclusion: [Inclusion]
        let consistency: [Consistency]
        let bad_inclusion: [BadInclusion]
        let bad_consistency: [BadConsistency]
    }

    static let leaves = (0..<UInt32(8_192)).map { number in
        MerkleTree.leaf([24, 16, 8, 0].map { UInt8(truncatingIfNeeded: number >> UInt32($0)) }, in: .history)
    }

    static func root(_ count: Int) -> Digest { MerkleTree.root(of: Array(leaves.prefix(count))) }

    private func digests(_ proof: [HexBytes]) throws -> [Digest] { try proof.map { Digest(try $0.bytes32) } }

    @Test func rootsAreThoseOfTheVectors() throws {
        for vector in try vectors("ledger/merkle.json", as: File.self).roots {
            #expect(Self.root(vector.count).bytes == vector.root.bytes, "\(vector.count) leaves")
        }
        #expect(MerkleTree.root(of: []) == MerkleTree.emptyRoot)
    }

    @Test func proofsAreThoseOfTheVectors() throws {
        let file = try vectors("ledger/merkle.json", as: File.self)
        for vector in file.inclusion {
            let proof = try digests(vector.proof)
            #expect(MerkleTree.inclusionProof(of: vector.index, in: Array(Self.leaves.prefix(vector.count))) == proof, "\(vector.index) of \(vector.count)")
            #expect(
                MerkleTree.verifies(
                    proof, of: Self.leaves[vector.index], index: UInt64(vector.index), count: UInt64(vector.count), root: Self.root(vector.count)))
        }
        for vector in file.consistency {
            let proof = try digests(vector.proof)
            #expect(MerkleTree.consistencyProof(from: vector.old, in: Array(Self.leaves.prefix(vector.count))) == proof, "\(vector.old) to \(vector.count)")
            #expect(
                MerkleTree.verifies(proof, from: UInt64(vector.old), Self.root(vector.old), to: UInt64(vector.count), Self.root(vector.count)),
                "\(vector.old) to \(vector.count)")
        }
    }

    @Test func badProofsAreRefused() throws {
        let file = try vectors("ledger/merkle.json", as: File.self)
        for vector in file.bad_inclusion {
            let leaf = Self.leaves[vector.leaf_index]
            #expect(
                !MerkleTree.verifies(try digests(vector.proof), of: leaf, index: vector.index, count: vector.count, root: Self.root(vector.root_count)),
                "\(vector.name)")
        }
        for vector in file.bad_consistency {
            let (old, new) = (Self.root(vector.old_root_count), Self.root(vector.new_root_count))
            #expect(!MerkleTree.verifies(try digests(vector.proof), from: vector.old, old, to: vector.count, new), "\(vector.name)")
        }
    }

    private func flipped(_ proof: [Digest], at place: Int) throws -> [Digest] {
        var proof = proof
        var bytes = proof[place].bytes
        bytes[place % 32] ^= 0x10
        proof[place] = try #require(Digest(bytes: bytes))
        return proof
    }

    @Test(arguments: 1...40) func everyLeafIsProvenAndNoProofCanBeChanged(count: Int) throws {
        let leaves = Array(Self.leaves.prefix(count))
        let root = MerkleTree.root(of: leaves)
        for index in 0..<count {
            let proof = try #require(MerkleTree.inclusionProof(of: index, in: leaves))
            func verifies(_ proof: [Digest], leaf: Int, index: Int, count: Int) -> Bool {
                MerkleTree.verifies(proof, of: Self.leaves[leaf], index: UInt64(index), count: UInt64(count), root: root)
            }
            #expect(verifies(proof, leaf: index, index: index, count: count))
            for place in proof.indices { #expect(!verifies(try flipped(proof, at: place), leaf: index, index: index, count: count)) }
            #expect(!verifies(proof + [root], leaf: index, index: index, count: count))
            #expect(!verifies(proof, leaf: index + 1, index: index, count: count))
            #expect(!verifies(proof, leaf: index, index: index + count, count: count))
            if !proof.isEmpty { #expect(!verifies(Array(proof.dropLast()), leaf: index, index: index, count: count)) }
        }
        #expect(MerkleTree.inclusionProof(of: count, in: leaves) == nil)
        #expect(MerkleTree.inclusionProof(of: -1, in: leaves) == nil)
    }

    @Test(arguments: 1...40) func everyGrowthIsProvenAndNoProofCanBeChanged(count: Int) throws {
        let leaves = Array(Self.leaves.prefix(count))
        let root = MerkleTree.root(of: leaves)
        for old in 1...count {
            let proof = try #require(MerkleTree.consistencyProof(from: old, in: leaves))
            let (old, oldRoot, count) = (UInt64(old), Self.root(old), UInt64(count))
            #expect(MerkleTree.verifies(proof, from: old, oldRoot, to: count, root))
            for place in proof.indices { #expect(!MerkleTree.verifies(try flipped(proof, at: place), from: old, oldRoot, to: count, root)) }
            #expect(!MerkleTree.verifies(proof + [root], from: old, oldRoot, to: count, root))
            #expect(!MerkleTree.verifies(proof, from: old, MerkleTree.emptyRoot, to: count, root))
            #expect(!MerkleTree.verifies(proof, from: old, oldRoot, to: count, MerkleTree.emptyRoot))
            #expect(!MerkleTree.verifies(proof, from: old, Self.leaves[8_000], to: count, root))
            if !proof.isEmpty { #expect(!MerkleTree.verifies(Array(proof.dropLast()), from: old, oldRoot, to: count, root)) }
        }
        #expect(MerkleTree.consistencyProof(from: 0, in: leaves) == nil)
        #expect(MerkleTree.consistencyProof(from: count + 1, in: leaves) == nil)
    }

    /// Counts and indexes up to the end of their range, proofs of any length: no trap, no proof.
    @Test(arguments: [1, 2, 3] as [UInt64]) func noiseNeverTraps(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<3_000 {
            let numbers = (0..<2).map { _ in random.next() >> random.number(below: 64) }
            let proof = Self.leaves.prefix(100).sample(Int(random.number(below: 70)), using: &random)
            #expect(!MerkleTree.verifies(proof, of: .zero, index: numbers[0], count: numbers[1], root: .zero), "seed \(seed)")
            if numbers[0] != numbers[1] { #expect(!MerkleTree.verifies(proof, from: numbers[0], .zero, to: numbers[1], Self.leaves[0]), "seed \(seed)") }
        }
    }

    @Test func leavesOfDifferentTreesDiffer() {
        let leaves = [MerkleTree.Domain.bucket, .manifest, .history].map { MerkleTree.leaf([1, 2, 3], in: $0) }
        #expect(Set(leaves).count == 3)
        #expect(MerkleTree.node(leaves[0], leaves[1]) != MerkleTree.node(leaves[1], leaves[0]))
    }
}

@Suite struct HistoryTreeTests {
    struct File: Decodable {
        struct Good: Decodable {
            let sequence: UInt64
            let root: HexBytes
        }
        let certificate: HexBytes
        let heads: [HexBytes]
        let good: [Good]
    }

    @Test func aHeadCoversAllBeforeIt() throws {
        let file = try vectors("ledger/history.json", as: File.self)
        var history = HistoryTree(certificateHash: Digest(try file.certificate.bytes32))
        for vector in file.good {
            #expect(history.leafCount == vector.sequence)
            #expect(history.root.bytes == vector.root.bytes, "sequence \(vector.sequence)")
            if vector.sequence <= file.heads.count { history.append(Digest(try file.heads[Int(vector.sequence) - 1].bytes32)) }
        }
    }

    @Test func itIsTheMerkleTreeOverAllLeaves() {
        var history = HistoryTree(certificateHash: BLAKE2b.hash([0]))
        var leaves = [MerkleTree.leaf(BLAKE2b.hash([0]).bytes, in: .history)]
        for count in 1...200 {
            #expect(history.leafCount == UInt64(count))
            #expect(history.root == MerkleTree.root(of: leaves), "\(count) leaves")
            #expect(HistoryTree(leafCount: history.leafCount, subtreeRoots: history.subtreeRoots) == history)
            let hash = BLAKE2b.hash([UInt8(count)])
            history.append(hash)
            leaves.append(MerkleTree.leaf(hash.bytes, in: .history))
        }
    }

    @Test func storedRootsMustFitTheirCount() {
        #expect(HistoryTree(leafCount: 0, subtreeRoots: []) == nil)
        #expect(HistoryTree(leafCount: 3, subtreeRoots: [.zero]) == nil)
        #expect(HistoryTree(leafCount: 4, subtreeRoots: [.zero, .zero]) == nil)
        #expect(HistoryTree(leafCount: .max, subtreeRoots: [Digest](repeating: .zero, count: 64)) == nil)
    }
}
