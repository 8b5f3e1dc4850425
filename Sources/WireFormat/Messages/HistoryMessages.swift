import Primitives

/// `Protocol/replication.md` §8.1: asks for the stretch of a generation's history between two of its heads.
///
/// The answer is a history link (`Protocol/ledger.md` §6.1).
public struct HistoryRequest: Hashable, Sendable {
    public var origin: OriginID
    public var generation: UInt32
    /// Where the stretch begins: the sequence of the earlier head; that of the later head, if only the root is to be shown.
    public var start: UInt64
    /// The sequence and the history root of the later head.
    public var end: UInt64
    public var endRoot: Digest

    public init(origin: OriginID, generation: UInt32, start: UInt64, end: UInt64, endRoot: Digest) {
        self.origin = origin
        self.generation = generation
        self.start = start
        self.end = end
        self.endRoot = endRoot
    }

    public init(decoding bytes: [UInt8]) throws(WireError) {
        var reader = WireReader(bytes)
        origin = try reader.identifier()
        generation = try reader.integer()
        start = try reader.integer()
        end = try reader.integer()
        endRoot = try reader.identifier()
        guard start > 0, start <= end else { throw .invalid(.sequence) }
        try reader.finish()
    }

    public func encoded() -> [UInt8] {
        var writer = WireWriter(reserving: 84)
        writer.identifier(origin)
        writer.integer(generation)
        writer.integer(start)
        writer.integer(end)
        writer.identifier(endRoot)
        return writer.bytes
    }
}
