import Cryptography
import Primitives

/// `Protocol/ledger.md` §6: all heads of a generation so far, as the roots of a Merkle tree that only grows.
///
/// Leaf 0 is the certificate's hash, leaf i the hash of head i. Keeps one root per full subtree, so appending costs O(log n) hashes and
/// at most 64 digests are stored, however many heads there were.
public struct HistoryTree: Hashable, Sendable {
    public private(set) var leafCount: UInt64
    /// Roots of full subtrees, largest first: one for every bit set in `leafCount`.
    public private(set) var subtreeRoots: [Digest]

    /// The history of a generation that has published nothing.
    public init(certificateHash: Digest) {
        leafCount = 0
        subtreeRoots = []
        append(certificateHash)
    }

    /// As it was stored; `nil` if the roots do not fit the count.
    public init?(leafCount: UInt64, subtreeRoots: [Digest]) {
        guard leafCount > 0, leafCount < .max, subtreeRoots.count == leafCount.nonzeroBitCount else { return nil }
        self.leafCount = leafCount
        self.subtreeRoots = subtreeRoots
    }

    /// What the next head carries as its history root.
    public var root: Digest {
        var roots = subtreeRoots
        guard var hash = roots.popLast() else { return MerkleTree.emptyRoot }
        while let left = roots.popLast() { hash = MerkleTree.node(left, hash) }
        return hash
    }

    /// Adds the hash of the head just signed.
    public mutating func append(_ statementHash: Digest) {
        var hash = MerkleTree.leaf(statementHash.bytes, in: .history)
        var full = leafCount
        while !full.isMultiple(of: 2), let left = subtreeRoots.popLast() {
            hash = MerkleTree.node(left, hash)
            full /= 2
        }
        subtreeRoots.append(hash)
        leafCount += 1
    }
}
