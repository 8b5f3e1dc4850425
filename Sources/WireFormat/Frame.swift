import Primitives

/// `Protocol/transport.md` §4: one message on a TCP session, inside the Noise channel.
///
/// `length u32 | type u16 | flags u16 | request id u32 | body`, where length counts everything after itself.
public struct Frame: Hashable, Sendable {
    /// Length, type, flags and request id, in bytes.
    public static let headerByteCount = 12

    /// Bit 0 of the flags: this frame answers the request with the same id.
    public static let answerFlag: UInt16 = 1

    /// The number of the type; may be one this node does not know.
    public var type: UInt16
    public var flags: UInt16
    /// Chosen by the asker; 0 for frames that ask nothing.
    public var requestID: UInt32
    public var body: [UInt8]

    public init(_ type: FrameType, requestID: UInt32 = 0, isAnswer: Bool = false, body: [UInt8]) {
        self.type = type.rawValue
        flags = isAnswer ? Self.answerFlag : 0
        self.requestID = requestID
        self.body = body
    }

    /// The type, if this node knows it.
    public var knownType: FrameType? { FrameType(rawValue: type) }
    public var isAnswer: Bool { flags & Self.answerFlag != 0 }

    /// The whole frame. The body must be within its type's limit: exceeding it is our own mistake.
    public func encoded() -> [UInt8] {
        var writer = WireWriter(reserving: Self.headerByteCount + body.count)
        precondition(body.count <= FrameType.maximumBodyByteCount(of: type), "a frame of type \(type) with \(body.count) bytes is over its limit")
        writer.count(Self.headerByteCount - 4 + body.count, as: UInt32.self)
        writer.integer(type)
        writer.integer(flags)
        writer.integer(requestID)
        writer.bytes(body)
        return writer.bytes
    }

    init(type: UInt16, flags: UInt16, requestID: UInt32, body: [UInt8]) {
        self.type = type
        self.flags = flags
        self.requestID = requestID
        self.body = body
    }
}

/// The frame types of `Protocol/transport.md` §5. A type that is not here is answered `unknown`.
public enum FrameType: UInt16, Sendable, CaseIterable {
    /// Credentials, first on every session, both ways.
    case hello = 1
    /// Where and under which session id the sender takes sealed datagrams.
    case datagramOffer = 2
    case ping = 3
    case pong = 4
    /// First contact with an invite: please admit this operator.
    case joinRequest = 5
    case joinAnswer = 6
    /// A request cannot be served; says why.
    case refusal = 7
    /// The answer to a frame of a type the receiver does not know.
    case unknown = 8
    case statementsRequest = 9
    case statements = 10
    case manifestRequest = 11
    case manifest = 12
    case bucketRequest = 13
    case bucket = 14
    case changesRequest = 15
    case changes = 16
    /// What is in your log that is not in mine, please: mine is told by digests of its parts.
    case comparison = 17
    case difference = 18
    /// As `statementsRequest`, but heads are left out of the answer.
    case headlessRequest = 19
    /// The stretch of a history between two heads, please.
    case historyRequest = 20
    case history = 21
    /// News that concerns everybody, unasked: evidence that an operator contradicts itself.
    case evidence = 22
    /// The sender stops, and says so: its peer record with the flag "left".
    case farewell = 24
    /// What may be said of one code or domain, to a node that holds no replica, please.
    case question = 25
    case aggregateAnswer = 26

    /// The longest body, in bytes.
    public var maximumBodyByteCount: Int {
        switch self {
        case .hello, .joinRequest: 16_384
        case .datagramOffer, .ping, .pong, .refusal, .unknown, .statementsRequest, .headlessRequest, .manifestRequest, .bucketRequest, .changesRequest,
            .historyRequest:
            256
        case .history, .evidence, .farewell: 4_096
        case .question: 512
        case .aggregateAnswer: 16
        case .joinAnswer, .statements, .difference: 1_048_576
        case .comparison: 8 + 8 + 1 + 8 << Limits.comparisonBits
        case .manifest: Limits.manifestByteCount
        case .bucket: Limits.bucketByteCount
        case .changes: 1 + Limits.changesPerAnswer * (4 + Limits.changeByteCount)
        }
    }

    /// The longest body of a type by number; of an unknown type 4,096 bytes, so that it can be skipped.
    public static func maximumBodyByteCount(of number: UInt16) -> Int {
        FrameType(rawValue: number)?.maximumBodyByteCount ?? 4_096
    }
}

/// Cuts a byte stream into frames. Holds at most one unfinished frame.
public struct FrameDecoder: Sendable {
    private var pending: [UInt8] = []
    private var offset = 0
    /// The longest body taken whatever its type: lower for as long as the sender is a stranger.
    public var bodyLimit = Int.max

    public init() {}

    /// How many bytes wait for the rest of their frame.
    public var pendingByteCount: Int { pending.count - offset }

    public mutating func append(_ bytes: some Collection<UInt8>) {
        if offset > 0, offset == pending.count || offset >= 65_536 {
            pending.removeFirst(offset)
            offset = 0
        }
        pending.append(contentsOf: bytes)
    }

    /// The next whole frame, or `nil` if more bytes are needed.
    ///
    /// Throws as soon as the header is over its type's limit, before the body arrives. The stream cannot be used on after that.
    public mutating func next() throws(WireError) -> Frame? {
        guard pendingByteCount >= Frame.headerByteCount else { return nil }
        var reader = WireReader(pending, range: offset..<offset + Frame.headerByteCount)
        let length: UInt32 = try reader.integer()
        let type: UInt16 = try reader.integer()
        let flags: UInt16 = try reader.integer()
        let requestID: UInt32 = try reader.integer()
        let limit = min(bodyLimit, FrameType.maximumBodyByteCount(of: type)) + Frame.headerByteCount - 4
        guard length >= UInt32(Frame.headerByteCount - 4) else { throw .invalid(.frameLength) }
        guard length <= UInt32(limit) else { throw .overLimit(.frameLength, value: UInt64(length), limit: UInt64(limit)) }
        let total = Int(length) + 4
        guard pendingByteCount >= total else { return nil }
        let body = Array(pending[offset + Frame.headerByteCount..<offset + total])
        offset += total
        return Frame(type: type, flags: flags, requestID: requestID, body: body)
    }
}
