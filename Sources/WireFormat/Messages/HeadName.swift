import Primitives

/// `Protocol/replication.md` §6.1: a head named in 20 bytes, by its place: which origin's, of which generation and sequence.
///
/// It does not say which of two heads is meant that an origin has signed for one place; that comes out elsewhere (`Protocol/replication.md` §8).
public struct HeadName: Hashable, Sendable, Comparable {
    public static let byteCount = 20
    /// The names that fit one datagram.
    public static let limit = (SealedDatagram.maximumPlaintextByteCount - 2) / byteCount

    /// The first 8 bytes of the origin.
    public var origin: UInt64
    public var generation: UInt32
    public var sequence: UInt64

    public init(origin: UInt64, generation: UInt32, sequence: UInt64) {
        self.origin = origin
        self.generation = generation
        self.sequence = sequence
    }

    /// `count u8`, then the names.
    static func list(from reader: inout WireReader) throws(WireError) -> [HeadName] {
        let count = try reader.count(as: UInt8.self, limit: limit, elementByteCount: byteCount)
        var names: [HeadName] = []
        names.reserveCapacity(count)
        for _ in 0..<count { names.append(HeadName(origin: try reader.integer(), generation: try reader.integer(), sequence: try reader.integer())) }
        return names
    }

    static func encode(_ names: [HeadName], into writer: inout WireWriter) {
        writer.count(names.count, as: UInt8.self)
        for name in names {
            writer.integer(name.origin)
            writer.integer(name.generation)
            writer.integer(name.sequence)
        }
    }

    /// Cuts names into messages of one kind that each fit one datagram, in order.
    public static func messages(of names: [HeadName], _ message: ([HeadName]) -> DatagramMessage) -> [DatagramMessage] {
        stride(from: 0, to: names.count, by: limit).map { message(Array(names[$0..<min(names.count, $0 + limit)])) }
    }

    public static func < (left: HeadName, right: HeadName) -> Bool {
        (left.origin, left.generation, left.sequence) < (right.origin, right.generation, right.sequence)
    }
}
