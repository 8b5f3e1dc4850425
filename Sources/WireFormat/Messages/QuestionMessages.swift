import Primitives

/// `Protocol/answers.md` §6.1: asks a peer that holds a replica what it may say of one code or one domain. 258 bytes, always.
public struct PeerQuestion: Hashable, Sendable {
    public static let byteCount = 5 + Limits.keyByteCount

    public let stream: StreamID
    /// 8 bytes of a code, or a domain name; the rest of its field is zeros.
    public let key: [UInt8]

    /// `nil` for a stream that cannot be asked for, or a key that it cannot have.
    public init?(stream: StreamID, key: [UInt8]) {
        self.stream = stream
        self.key = key
        guard isAllowed else { return nil }
    }

    public init(decoding bytes: [UInt8]) throws(WireError) {
        var reader = WireReader(bytes)
        stream = try reader.stream()
        let count = Int(try reader.integer(UInt8.self))
        let field = try reader.bytes(Limits.keyByteCount)
        try reader.finish()
        guard count <= Limits.keyByteCount else { throw .overLimit(.key, value: UInt64(count), limit: UInt64(Limits.keyByteCount)) }
        key = Array(field.prefix(count))
        guard isAllowed, field.dropFirst(count).allSatisfy({ $0 == 0 }) else { throw .invalid(.key) }
    }

    public func encoded() -> [UInt8] {
        var writer = WireWriter(reserving: Self.byteCount)
        writer.stream(stream)
        writer.count(key.count, as: UInt8.self)
        writer.bytes(key)
        writer.bytes(repeatElement(0, count: Limits.keyByteCount - key.count))
        return writer.bytes
    }

    private var isAllowed: Bool {
        switch stream {
        case .sessionSimHash1, .sessionSimHash2: key.count == 8 && key.contains { $0 != 0 }
        case .smtpTarget1: DomainName(key) != nil
        default: false
        }
    }
}

/// `Protocol/answers.md` §6.2: all that a peer says about a question: four bytes, each a step of a scale.
///
/// There is no room for an operator, a day, a code or an exact number. `none` is the answer to what nobody has seen, and to what too few have seen.
public struct AggregateAnswer: Hashable, Sendable {
    public enum Operators: UInt8, Sendable, CaseIterable { case from3 = 1, from5, from10, from20 }
    public enum Recency: UInt8, Sendable, CaseIterable { case within7Days = 1, within30Days, within90Days }
    public enum Nearness: UInt8, Sendable, CaseIterable { case within6Bits = 1, within10Bits, within16Bits }

    public struct Seen: Hashable, Sendable {
        public let operators: Operators
        /// Decimal digits of the number of sessions, or of attacker-days: 1 to 9.
        public let digits: UInt8
        public let recency: Recency
        /// `nil` for domains.
        public let nearness: Nearness?

        public init(operators: Operators, digits: UInt8, recency: Recency, nearness: Nearness?) {
            self.operators = operators
            self.digits = min(max(digits, 1), 9)
            self.recency = recency
            self.nearness = nearness
        }
    }

    public static let none = AggregateAnswer(seen: nil)

    /// `nil`: fewer than three operators, or nobody.
    public let seen: Seen?

    public init(seen: Seen?) { self.seen = seen }

    public init(decoding bytes: [UInt8]) throws(WireError) {
        var reader = WireReader(bytes)
        let (operators, digits, recency, nearness) = (
            try reader.integer(UInt8.self), try reader.integer(UInt8.self), try reader.integer(UInt8.self), try reader.integer(UInt8.self)
        )
        try reader.finish()
        if (operators, digits, recency, nearness) == (0, 0, 0, 0) {
            seen = nil
            return
        }
        guard let operators = Operators(rawValue: operators), (1...9).contains(digits), let recency = Recency(rawValue: recency),
            nearness == 0 || Nearness(rawValue: nearness) != nil
        else { throw .invalid(.value) }
        seen = Seen(operators: operators, digits: digits, recency: recency, nearness: Nearness(rawValue: nearness))
    }

    public func encoded() -> [UInt8] {
        guard let seen else { return [0, 0, 0, 0] }
        return [seen.operators.rawValue, seen.digits, seen.recency.rawValue, seen.nearness?.rawValue ?? 0]
    }
}
