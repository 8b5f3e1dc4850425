import Primitives
import WireFormat

/// `Protocol/ledger.md` §6.1: the stretch of a history from one head to a later one: what was before the first, and the leaves from it on.
///
/// Says whether the later head's history contains the earlier head, in at most 64 + 32 hashes.
public struct HistoryLink: Hashable, Sendable {
    /// Leaves before the stretch: the sequence of the earlier head.
    public let start: UInt64
    /// Roots of the full subtrees over the first `start` leaves, largest first.
    public let frontier: [Digest]
    /// Hashes of the statements that are leaves `start` and on.
    public let leaves: [Digest]

    /// `nil` if the frontier does not fit the start, or a limit is exceeded.
    public init?(start: UInt64, frontier: [Digest], leaves: [Digest]) {
        guard start > 0, start < .max - UInt64(Evidence.leafLimit), frontier.count == start.nonzeroBitCount, leaves.count <= Evidence.leafLimit else {
            return nil
        }
        self.start = start
        self.frontier = frontier
        self.leaves = leaves
    }

    /// Leaves up to the end of the stretch: the sequence of the later head.
    public var end: UInt64 { start + UInt64(leaves.count) }

    /// What the earlier head's history root would be.
    public var startRoot: Digest { tree(over: 0).root }

    /// What the later head's history root would be.
    public var endRoot: Digest { tree(over: leaves.count).root }

    /// The history up to and with the first `count` leaves of the stretch.
    public func tree(over count: Int) -> HistoryTree {
        guard var tree = HistoryTree(leafCount: start, subtreeRoots: frontier) else { preconditionFailure("a frontier that does not fit its start") }
        for leaf in leaves.prefix(count) { tree.append(leaf) }
        return tree
    }

    public init(from reader: inout WireReader) throws(WireError) {
        let start: UInt64 = try reader.integer()
        let rootCount = try reader.count(as: UInt8.self, limit: Evidence.frontierLimit, elementByteCount: 32)
        var frontier: [Digest] = []
        for _ in 0..<rootCount { frontier.append(try reader.identifier()) }
        let leafCount = try reader.count(as: UInt8.self, limit: Evidence.leafLimit, elementByteCount: 32)
        var leaves: [Digest] = []
        for _ in 0..<leafCount { leaves.append(try reader.identifier()) }
        guard let link = HistoryLink(start: start, frontier: frontier, leaves: leaves) else { throw .invalid(.sequence) }
        self = link
    }

    /// Throws `WireError` for anything but exactly one link.
    public init(decoding bytes: [UInt8]) throws(WireError) {
        var reader = WireReader(bytes)
        self = try HistoryLink(from: &reader)
        try reader.finish()
    }

    public func encoded() -> [UInt8] {
        var writer = WireWriter(reserving: 32 * (frontier.count + leaves.count) + 10)
        encode(into: &writer)
        return writer.bytes
    }

    public func encode(into writer: inout WireWriter) {
        writer.integer(start)
        writer.count(frontier.count, as: UInt8.self)
        for root in frontier { writer.identifier(root) }
        writer.count(leaves.count, as: UInt8.self)
        for leaf in leaves { writer.identifier(leaf) }
    }
}
