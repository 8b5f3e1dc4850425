import Primitives

/// `Protocol/liveness.md` §3: a node without a session with `target` asks a neighbour to have it prove that it is there.
public struct ProbeRequest: Hashable, Sendable {
    /// Chosen by the asker; the answer repeats it.
    public var number: UInt32
    public var target: NodeID
    /// Random, and never used again: what the target signs.
    public var nonce: Bytes32

    public init(number: UInt32, target: NodeID, nonce: Bytes32) {
        self.number = number
        self.target = target
        self.nonce = nonce
    }

    init(from reader: inout WireReader) throws(WireError) {
        number = try reader.integer()
        target = try reader.identifier()
        nonce = try reader.bytes32()
    }

    func encode(into writer: inout WireWriter) {
        writer.integer(number)
        writer.identifier(target)
        writer.bytes32(nonce)
    }
}

/// `Protocol/liveness.md` §3: somebody out of reach wants a sign of life from the receiver, and this neighbour passes it on.
public struct Challenge: Hashable, Sendable {
    /// Chosen by the neighbour between; the voucher repeats it.
    public var number: UInt32
    /// Who wants to know.
    public var asker: NodeID
    public var nonce: Bytes32

    public init(number: UInt32, asker: NodeID, nonce: Bytes32) {
        self.number = number
        self.asker = asker
        self.nonce = nonce
    }

    init(from reader: inout WireReader) throws(WireError) {
        number = try reader.integer()
        asker = try reader.identifier()
        nonce = try reader.bytes32()
    }

    func encode(into writer: inout WireWriter) {
        writer.integer(number)
        writer.identifier(asker)
        writer.bytes32(nonce)
    }

    /// What the target signs: for this asker, and for this one question.
    public static func signedBytes(asker: NodeID, nonce: Bytes32) -> [UInt8] { asker.bytes + nonce.bytes }
}

/// `Protocol/liveness.md` §3: the target's signature. As long as what it answers, on both legs of its way.
public struct Voucher: Hashable, Sendable {
    public static let signatureByteCount = 64

    public var number: UInt32
    /// 64 bytes.
    public var signature: [UInt8]

    public init(number: UInt32, signature: [UInt8]) {
        precondition(signature.count == Self.signatureByteCount, "a voucher with a signature of \(signature.count) bytes")
        self.number = number
        self.signature = signature
    }

    init(from reader: inout WireReader) throws(WireError) {
        number = try reader.integer()
        signature = try reader.bytes(Self.signatureByteCount)
    }

    func encode(into writer: inout WireWriter) {
        writer.integer(number)
        writer.bytes(signature)
    }
}

/// `Protocol/liveness.md` §4: a hint. The sender has found by itself that this node does not answer; the receiver finds out by itself too.
public struct Suspicion: Hashable, Sendable {
    public var node: NodeID
    /// The highest incarnation of the node that the sender knows.
    public var incarnation: UInt64

    public init(node: NodeID, incarnation: UInt64) {
        self.node = node
        self.incarnation = incarnation
    }

    init(from reader: inout WireReader) throws(WireError) {
        node = try reader.identifier()
        incarnation = try reader.integer()
    }

    func encode(into writer: inout WireWriter) {
        writer.identifier(node)
        writer.integer(incarnation)
    }
}
