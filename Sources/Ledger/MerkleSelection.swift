import Cryptography
import Primitives

/// `Protocol/proofs.md` §3: shows that several leaves are in one tree, with every hash they have in common left out.
///
/// For one leaf it is the inclusion proof of RFC 9162 §2.1.3. The tree is gone through level by level, upwards;
/// the hashes stand in the order in which that needs them.
public struct MerkleSelection: Hashable, Sendable {
    /// A leaf and where it stands.
    public struct Leaf: Hashable, Sendable {
        public let index: UInt64
        public let hash: Digest

        public init(index: UInt64, hash: Digest) {
            self.index = index
            self.hash = hash
        }
    }

    /// The hashes that lead from the leaves to the root.
    public let hashes: [Digest]

    public init(hashes: [Digest]) { self.hashes = hashes }

    /// What shows the leaves at `indices`, which ascend, of all `leaves`; `nil` if one is not there.
    public init?(of indices: [Int], in leaves: [Digest]) {
        guard !indices.isEmpty, indices.allSatisfy(leaves.indices.contains), zip(indices, indices.dropFirst()).allSatisfy({ $0 < $1 }) else { return nil }
        var hashes: [Digest] = []
        var level = leaves
        var places = indices
        while level.count > 1 {
            var above: [Int] = []
            var next = 0
            while next < places.count {
                let place = places[next]
                let sibling = place ^ 1
                next += 1
                if next < places.count, places[next] == sibling {
                    next += 1
                } else if sibling < level.count {
                    hashes.append(level[sibling])
                }
                above.append(place / 2)
            }
            level = stride(from: 0, to: level.count, by: 2).map { $0 + 1 < level.count ? MerkleTree.node(level[$0], level[$0 + 1]) : level[$0] }
            places = above
        }
        self.hashes = hashes
    }

    /// The root that a tree of `count` leaves has if these are among them; `nil` if the hashes do not come out even.
    ///
    /// - Parameter leaves: in ascending order of their places, all below `count`. O(leaves x log count) hashes.
    public func root(over leaves: [Leaf], of count: UInt64) -> Digest? {
        guard let last = leaves.last, last.index < count, zip(leaves, leaves.dropFirst()).allSatisfy({ $0.index < $1.index }) else { return nil }
        var rest = hashes[...]
        var known = leaves
        var width = count
        while width > 1 {
            var above: [Leaf] = []
            above.reserveCapacity(known.count)
            var next = 0
            while next < known.count {
                let leaf = known[next]
                let sibling = leaf.index ^ 1
                next += 1
                let hash: Digest
                if next < known.count, known[next].index == sibling {
                    hash = MerkleTree.node(leaf.hash, known[next].hash)
                    next += 1
                } else if sibling >= width {
                    hash = leaf.hash  // The odd one at the end goes up as it is.
                } else {
                    guard let other = rest.popFirst() else { return nil }
                    hash = leaf.index < sibling ? MerkleTree.node(leaf.hash, other) : MerkleTree.node(other, leaf.hash)
                }
                above.append(Leaf(index: leaf.index / 2, hash: hash))
            }
            known = above
            width = width / 2 + width % 2
        }
        return rest.isEmpty ? known.first?.hash : nil
    }
}
