import Cryptography
import Primitives

/// `Protocol/ledger.md` §2: Merkle trees of the shape of RFC 9162 §2.1 over BLAKE2b-256.
///
/// Leaf = H(00 ‖ T ‖ data), node = H(01 ‖ left ‖ right), the empty tree = H(). T keeps leaves of different trees apart.
public enum MerkleTree {
    public enum Domain: UInt8, Sendable { case bucket = 1, manifest = 2, history = 3 }

    public static let emptyRoot = BLAKE2b.hash([])

    public static func leaf(_ data: [UInt8], in domain: Domain) -> Digest { BLAKE2b.hash([0, domain.rawValue] + data) }

    public static func node(_ left: Digest, _ right: Digest) -> Digest {
        var bytes: [UInt8] = [1]
        bytes.reserveCapacity(65)
        left.raw.append(to: &bytes)
        right.raw.append(to: &bytes)
        return BLAKE2b.hash(bytes)
    }

    /// The root over leaf hashes. O(n) hashes of 65 bytes.
    public static func root(of leaves: [Digest]) -> Digest {
        var buffer = [UInt8]()
        buffer.reserveCapacity(leaves.count * 32)
        for leaf in leaves { leaf.raw.append(to: &buffer) }
        return root(ofLeafBytes: &buffer)
    }

    /// The root over leaf hashes that stand one after another, 32 bytes each; overwrites them. Makes no array on the way.
    ///
    /// Pairing neighbours level by level and passing an odd last one up gives the same tree as splitting at the largest power of two.
    static func root(ofLeafBytes buffer: inout [UInt8]) -> Digest {
        precondition(buffer.count.isMultiple(of: 32), "leaf hashes have 32 bytes each, \(buffer.count) bytes were given")
        var width = buffer.count / 32
        guard width > 0 else { return emptyRoot }
        buffer.withUnsafeMutableBytes { hashes in
            withUnsafeTemporaryAllocation(byteCount: 65, alignment: 8) { pair in
                pair[0] = 1
                while width > 1 {
                    for place in 0..<width / 2 {
                        (pair.baseAddress! + 1).copyMemory(from: hashes.baseAddress! + place * 64, byteCount: 64)
                        BLAKE2b.hash(UnsafeRawBufferPointer(pair), into: hashes.baseAddress! + place * 32)
                    }
                    if !width.isMultiple(of: 2) {
                        (hashes.baseAddress! + width / 2 * 32).copyMemory(from: hashes.baseAddress! + (width - 1) * 32, byteCount: 32)
                    }
                    width = (width + 1) / 2
                }
            }
        }
        guard let digest = Digest(bytes: buffer[..<32]) else { preconditionFailure("a root has 32 bytes") }
        return digest
    }

    /// The hashes that lead from leaf `index` to the root, lowest first (RFC 9162 §2.1.3.1); `nil` if there is no such leaf.
    public static func inclusionProof(of index: Int, in leaves: [Digest]) -> [Digest]? {
        guard leaves.indices.contains(index) else { return nil }
        var proof: [Digest] = []
        var level = leaves
        var place = index
        while level.count > 1 {
            let sibling = place ^ 1
            if sibling < level.count { proof.append(level[sibling]) }
            level = parents(of: level)
            place /= 2
        }
        return proof
    }

    /// Whether `proof` shows that `leaf` is number `index` of the `count` leaves under `root` (RFC 9162 §2.1.3.2).
    public static func verifies(_ proof: [Digest], of leaf: Digest, index: UInt64, count: UInt64, root: Digest) -> Bool {
        guard index < count else { return false }
        var hash = leaf
        var place = index
        var last = count - 1
        for sibling in proof {
            guard last > 0 else { return false }
            if !place.isMultiple(of: 2) || place == last {
                hash = node(sibling, hash)
                while place.isMultiple(of: 2), place > 0 {
                    place /= 2
                    last /= 2
                }
            } else {
                hash = node(hash, sibling)
            }
            place /= 2
            last /= 2
        }
        return last == 0 && hash == root
    }

    /// The hashes that show that the tree over the first `oldCount` leaves is the beginning of this one (RFC 9162 §2.1.4.1).
    public static func consistencyProof(from oldCount: Int, in leaves: [Digest]) -> [Digest]? {
        guard oldCount > 0, oldCount <= leaves.count else { return nil }
        return subproof(oldCount, leaves[...], isWhole: true)
    }

    /// Whether `proof` shows that `newRoot` over `newCount` leaves only appends to `oldRoot` over `oldCount` (RFC 9162 §2.1.4.2).
    public static func verifies(_ proof: [Digest], from oldCount: UInt64, _ oldRoot: Digest, to newCount: UInt64, _ newRoot: Digest) -> Bool {
        guard oldCount > 0, oldCount <= newCount else { return false }
        guard oldCount < newCount else { return proof.isEmpty && oldRoot == newRoot }
        var rest = proof[...]
        var place = oldCount - 1
        var last = newCount - 1
        while !place.isMultiple(of: 2) {
            place /= 2
            last /= 2
        }
        let isPowerOfTwo = oldCount.nonzeroBitCount == 1
        guard let first = isPowerOfTwo ? oldRoot : rest.popFirst() else { return false }
        var old = first
        var new = first
        while let sibling = rest.popFirst() {
            guard last > 0 else { return false }
            if !place.isMultiple(of: 2) || place == last {
                old = node(sibling, old)
                new = node(sibling, new)
                while place.isMultiple(of: 2), place > 0 {
                    place /= 2
                    last /= 2
                }
            } else {
                new = node(new, sibling)
            }
            place /= 2
            last /= 2
        }
        return last == 0 && old == oldRoot && new == newRoot
    }

    private static func subproof(_ oldCount: Int, _ leaves: ArraySlice<Digest>, isWhole: Bool) -> [Digest] {
        let count = leaves.count
        if oldCount == count { return isWhole ? [] : [root(of: Array(leaves))] }
        var split = 1
        while split * 2 < count { split *= 2 }
        let middle = leaves.startIndex + split
        if oldCount <= split { return subproof(oldCount, leaves[..<middle], isWhole: isWhole) + [root(of: Array(leaves[middle...]))] }
        return subproof(oldCount - split, leaves[middle...], isWhole: false) + [root(of: Array(leaves[..<middle]))]
    }

    private static func parents(of level: [Digest]) -> [Digest] {
        stride(from: 0, to: level.count, by: 2).map { $0 + 1 < level.count ? node(level[$0], level[$0 + 1]) : level[$0] }
    }
}
