import Primitives

/// `Protocol/replication.md` §4.3: asks for what leads from one manifest of an origin to another.
///
/// Both are named by the first half of their roots: enough that nobody makes two with the same name, and 32 bytes saved on every small change.
public struct ChangesRequest: Hashable, Sendable {
    public static let nameByteCount = 16

    public var origin: OriginID
    public var since: [UInt8]
    public var root: [UInt8]

    public init(origin: OriginID, since: Digest, root: Digest) {
        self.origin = origin
        self.since = Self.name(of: since)
        self.root = Self.name(of: root)
    }

    public static func name(of root: Digest) -> [UInt8] { Array(root.bytes.prefix(nameByteCount)) }

    public init(decoding bytes: [UInt8]) throws(WireError) {
        var reader = WireReader(bytes)
        origin = try reader.identifier()
        since = try reader.bytes(Self.nameByteCount)
        root = try reader.bytes(Self.nameByteCount)
        try reader.finish()
    }

    public func encoded() -> [UInt8] {
        var writer = WireWriter(reserving: 64)
        writer.identifier(origin)
        writer.bytes(since)
        writer.bytes(root)
        return writer.bytes
    }
}

/// `Protocol/replication.md` §4.3: changes one after another, each as it is applied to what the one before has left.
public struct ChangesAnswer: Hashable, Sendable {
    public var changes: [[UInt8]]

    public init(_ changes: [[UInt8]]) { self.changes = changes }

    public init(decoding bytes: [UInt8]) throws(WireError) {
        var reader = WireReader(bytes)
        let count = try reader.count(as: UInt8.self, limit: Limits.changesPerAnswer, elementByteCount: 4)
        guard count > 0 else { throw .invalid(.count) }
        changes = []
        for _ in 0..<count { changes.append(try reader.prefixed(by: UInt32.self, limit: Limits.changeByteCount, field: .size)) }
        try reader.finish()
    }

    public func encoded() -> [UInt8] {
        var writer = WireWriter(reserving: 1 + changes.reduce(0) { $0 + 4 + $1.count })
        writer.count(changes.count, as: UInt8.self)
        for change in changes { writer.prefixed(change, by: UInt32.self) }
        return writer.bytes
    }
}

/// `Protocol/replication.md` §6: a head, and the one change that leads to its content from the content before.
public struct HeadWithChange: Hashable, Sendable {
    public var head: [UInt8]
    /// The first 8 bytes of the manifest root that the change begins with.
    public var base: UInt64
    public var change: [UInt8]

    /// `nil` if that does not fit one datagram.
    public init?(head: [UInt8], base: UInt64, change: [UInt8]) {
        guard 1 + 2 + head.count + 8 + change.count <= SealedDatagram.maximumPlaintextByteCount else { return nil }
        self.head = head
        self.base = base
        self.change = change
    }

    init(from reader: inout WireReader) throws(WireError) {
        head = try reader.prefixed(by: UInt16.self, limit: SealedDatagram.maximumPlaintextByteCount, field: .statement)
        base = try reader.integer()
        change = try reader.bytes(reader.remaining)
    }

    func encode(into writer: inout WireWriter) {
        writer.prefixed(head, by: UInt16.self)
        writer.integer(base)
        writer.bytes(change)
    }
}
