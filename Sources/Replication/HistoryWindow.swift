import Ledger
import Primitives

/// The history of one generation as far as a node has followed it, with its last leaves: enough to see that the next head follows the last,
/// and to show others that it does (`Protocol/replication.md` §8).
public struct HistoryWindow: Hashable, Sendable {
    public let generation: UInt32
    /// The history before the leaves that are kept.
    private var base: HistoryTree
    private var leaves: [Digest] = []

    /// - Parameter tree: the history so far, the newest head in it.
    public init(generation: UInt32, tree: HistoryTree) {
        self.generation = generation
        base = tree
    }

    /// - Parameter link: ends before `head`, whose history root has been found to be the link's end.
    public init(_ link: HistoryLink, then head: Digest, generation: UInt32) {
        self.init(generation: generation, tree: link.tree(over: 0))
        for leaf in link.leaves { append(leaf) }
        append(head)
    }

    /// The certificate and the heads so far: the sequence of the next head.
    public var leafCount: UInt64 { base.leafCount + UInt64(leaves.count) }

    /// Adds the hash of the head that follows. O(log n).
    public mutating func append(_ hash: Digest) {
        leaves.append(hash)
        if leaves.count > Evidence.leafLimit { base.append(leaves.removeFirst()) }
    }

    /// The hash of the statement that is this leaf; `nil` if it is not kept.
    public func leaf(_ index: UInt64) -> Digest? {
        guard index >= base.leafCount, index < leafCount else { return nil }
        return leaves[Int(index - base.leafCount)]
    }

    /// The history root of the head with this sequence; `nil` outside the window.
    public func root(before sequence: UInt64) -> Digest? { link(from: sequence, to: sequence)?.startRoot }

    /// What shows that the head `end` follows the head `start`; `nil` if that reaches beyond the window.
    public func link(from start: UInt64, to end: UInt64) -> HistoryLink? {
        guard start >= base.leafCount, start <= end, end <= leafCount else { return nil }
        var tree = base
        let first = Int(start - base.leafCount)
        for leaf in leaves[..<first] { tree.append(leaf) }
        return HistoryLink(start: start, frontier: tree.subtreeRoots, leaves: Array(leaves[first..<Int(end - base.leafCount)]))
    }
}
