import Primitives
import Testing

@testable import Ledger

@Suite struct MerkleSelectionTests {
    private static func leaves(_ count: Int) -> [Digest] { (0..<count).map { MerkleTree.leaf([UInt8(truncatingIfNeeded: $0), UInt8($0 >> 8)], in: .bucket) } }

    @Test func ofOneLeafItIsTheInclusionProof() throws {
        for count in 1...40 {
            let leaves = Self.leaves(count)
            for index in 0..<count {
                let selection = try #require(MerkleSelection(of: [index], in: leaves))
                #expect(selection.hashes == MerkleTree.inclusionProof(of: index, in: leaves), "\(index) of \(count)")
                #expect(selection.root(over: [.init(index: UInt64(index), hash: leaves[index])], of: UInt64(count)) == MerkleTree.root(of: leaves))
            }
        }
    }

    @Test(arguments: [1, 2, 3] as [UInt64]) func anySelectionGivesTheRootAndNoOtherDoes(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<200 {
            let count = 1 + Int(random.number(below: 100))
            let leaves = Self.leaves(count)
            let places = (0..<count).filter { _ in random.number(below: 3) == 0 }
            guard let selection = MerkleSelection(of: places, in: leaves) else {
                #expect(places.isEmpty, "seed \(seed)")
                continue
            }
            let shown = places.map { MerkleSelection.Leaf(index: UInt64($0), hash: leaves[$0]) }
            let root = MerkleTree.root(of: leaves)
            #expect(selection.root(over: shown, of: UInt64(count)) == root, "seed \(seed), \(places) of \(count)")
            let alone = places.reduce(0) { $0 + (MerkleTree.inclusionProof(of: $1, in: leaves)?.count ?? 0) }
            #expect(selection.hashes.count <= alone, "seed \(seed)")
            var moved = shown
            moved[0] = .init(index: shown[0].index ^ 1, hash: shown[0].hash)
            if count > 1 { #expect(selection.root(over: moved, of: UInt64(count)) != root, "seed \(seed): a leaf in another's place") }
            #expect(MerkleSelection(hashes: selection.hashes + [root]).root(over: shown, of: UInt64(count)) == nil, "seed \(seed): a hash too many")
            if !selection.hashes.isEmpty {
                #expect(MerkleSelection(hashes: selection.hashes.dropLast()).root(over: shown, of: UInt64(count)) == nil, "seed \(seed): a hash too few")
            }
        }
    }

    @Test func whatIsNotThereIsNotShown() {
        #expect(MerkleSelection(of: [], in: Self.leaves(3)) == nil)
        #expect(MerkleSelection(of: [3], in: Self.leaves(3)) == nil)
        #expect(MerkleSelection(of: [1, 1], in: Self.leaves(3)) == nil)
        let leaf = MerkleSelection.Leaf(index: 7, hash: .zero)
        #expect(MerkleSelection(hashes: []).root(over: [leaf], of: 7) == nil)
        #expect(MerkleSelection(hashes: []).root(over: [], of: 1) == nil)
        #expect(MerkleSelection(hashes: []).root(over: [.init(index: .max - 1, hash: .zero)], of: .max) == nil)
    }
}
