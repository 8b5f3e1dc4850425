import Primitives

/// `Protocol/replication.md` §4: asks for the manifest or the bucket of an origin that has this root.
public struct ContentRequest: Hashable, Sendable {
    public var origin: OriginID
    public var root: Digest

    public init(origin: OriginID, root: Digest) {
        self.origin = origin
        self.root = root
    }

    public init(decoding bytes: [UInt8]) throws(WireError) {
        var reader = WireReader(bytes)
        origin = try reader.identifier()
        root = try reader.identifier()
        try reader.finish()
    }

    public func encoded() -> [UInt8] {
        var writer = WireWriter(reserving: 64)
        writer.identifier(origin)
        writer.identifier(root)
        return writer.bytes
    }
}

/// `Protocol/replication.md` §2.3: why a request is not served. Nothing but a number travels.
public enum Refusal: UInt8, Hashable, Sendable, CaseIterable {
    /// Not understood.
    case malformed = 1
    /// The sender's certificates do not make it a member of this mesh.
    case notAMember = 2
    /// The sender's membership has been revoked.
    case revoked = 3
    /// The content is not here: never had it, or have a newer one.
    case notHeld = 4
    /// Too much at once: ask later.
    case busy = 5
    /// The invite has expired.
    case inviteExpired = 6
    /// The invite has been used.
    case inviteUsed = 7
    /// This node cannot admit anybody: it does not hold its operator's identity key.
    case cannotAdmit = 8
    /// The clocks of the two differ too much for the certificates to be valid on both.
    case clockSkew = 9
    /// Its operator has not switched on that questions of peers are answered.
    case off = 10
    /// This operator has asked as much as it may for now.
    case overBudget = 11

    public init(decoding bytes: [UInt8]) throws(WireError) {
        var reader = WireReader(bytes)
        guard let refusal = Refusal(rawValue: try reader.integer()) else { throw .invalid(.reason) }
        try reader.finish()
        self = refusal
    }

    public func encoded() -> [UInt8] { [rawValue] }
}

/// `Protocol/replication.md` §2.2: asks for a sign of life, and tells how far the sender's numbering has come.
///
/// The same body in a frame and in a datagram, for the question and for its answer.
public struct Ping: Hashable, Sendable {
    /// Chosen by the asker; the answer repeats it.
    public var number: UInt32
    public var logID: UInt64
    /// The number of the last statement the sender has accepted.
    public var upTo: UInt64

    public init(number: UInt32, logID: UInt64, upTo: UInt64) {
        self.number = number
        self.logID = logID
        self.upTo = upTo
    }

    public init(decoding bytes: [UInt8]) throws(WireError) {
        var reader = WireReader(bytes)
        self = try Self(from: &reader)
        try reader.finish()
    }

    init(from reader: inout WireReader) throws(WireError) {
        number = try reader.integer()
        logID = try reader.integer()
        upTo = try reader.integer()
    }

    func encode(into writer: inout WireWriter) {
        writer.integer(number)
        writer.integer(logID)
        writer.integer(upTo)
    }

    public func encoded() -> [UInt8] {
        var writer = WireWriter(reserving: 20)
        encode(into: &writer)
        return writer.bytes
    }
}

/// `Protocol/replication.md` §6: what stands in a sealed datagram: `type u8 | body`.
public enum DatagramMessage: Hashable, Sendable {
    case ping(Ping)
    case ack(Ping)
    /// Heads that are news, each with a length before it: at most 5.
    case heads([[UInt8]])
    /// A head that is news, and what leads to it from the head before. Only to those who have shown that they know what changes are.
    case headWithChange(HeadWithChange)
    case probeRequest(ProbeRequest)
    case challenge(Challenge)
    case voucher(Voucher)
    /// The probe request of this number cannot be served, or was not answered in time.
    case noVoucher(UInt32)
    case suspicion(Suspicion)
    /// The sender holds these heads.
    case announcement([HeadName])
    /// These heads, please.
    case wanted([HeadName])

    /// The heads that fit one datagram.
    public static let headLimit = 5

    public init(decoding bytes: [UInt8]) throws(WireError) {
        var reader = WireReader(bytes)
        let type: UInt8 = try reader.integer()
        switch type {
        case 1: self = .ping(try Ping(from: &reader))
        case 2: self = .ack(try Ping(from: &reader))
        case 3:
            let count = try reader.count(as: UInt8.self, limit: Self.headLimit, elementByteCount: 2)
            var heads: [[UInt8]] = []
            for _ in 0..<count {
                heads.append(try reader.prefixed(by: UInt16.self, limit: SealedDatagram.maximumPlaintextByteCount, field: .statement))
            }
            self = .heads(heads)
        case 4: self = .headWithChange(try HeadWithChange(from: &reader))
        case 5: self = .probeRequest(try ProbeRequest(from: &reader))
        case 6: self = .challenge(try Challenge(from: &reader))
        case 7: self = .voucher(try Voucher(from: &reader))
        case 8: self = .noVoucher(try reader.integer())
        case 9: self = .suspicion(try Suspicion(from: &reader))
        case 10: self = .announcement(try HeadName.list(from: &reader))
        case 11: self = .wanted(try HeadName.list(from: &reader))
        default: throw .invalid(.datagramType)
        }
        try reader.finish()
    }

    public func encoded() -> [UInt8] {
        var writer = WireWriter()
        switch self {
        case .ping(let ping):
            writer.integer(UInt8(1))
            ping.encode(into: &writer)
        case .ack(let ping):
            writer.integer(UInt8(2))
            ping.encode(into: &writer)
        case .heads(let heads):
            writer.integer(UInt8(3))
            writer.count(heads.count, as: UInt8.self)
            for head in heads { writer.prefixed(head, by: UInt16.self) }
        case .headWithChange(let news):
            writer.integer(UInt8(4))
            news.encode(into: &writer)
        case .probeRequest(let request):
            writer.integer(UInt8(5))
            request.encode(into: &writer)
        case .challenge(let challenge):
            writer.integer(UInt8(6))
            challenge.encode(into: &writer)
        case .voucher(let voucher):
            writer.integer(UInt8(7))
            voucher.encode(into: &writer)
        case .noVoucher(let number):
            writer.integer(UInt8(8))
            writer.integer(number)
        case .suspicion(let suspicion):
            writer.integer(UInt8(9))
            suspicion.encode(into: &writer)
        case .announcement(let names):
            writer.integer(UInt8(10))
            HeadName.encode(names, into: &writer)
        case .wanted(let names):
            writer.integer(UInt8(11))
            HeadName.encode(names, into: &writer)
        }
        return writer.bytes
    }

    /// Cuts heads into messages that each fit one datagram, in order.
    public static func messages(of heads: [[UInt8]]) -> [DatagramMessage] {
        var messages: [DatagramMessage] = []
        var current: [[UInt8]] = []
        var byteCount = 2
        for head in heads where head.count + 4 <= SealedDatagram.maximumPlaintextByteCount {
            if current.count == headLimit || byteCount + 2 + head.count > SealedDatagram.maximumPlaintextByteCount {
                messages.append(.heads(current))
                current = []
                byteCount = 2
            }
            current.append(head)
            byteCount += 2 + head.count
        }
        if !current.isEmpty { messages.append(.heads(current)) }
        return messages
    }
}
