import Primitives

/// `Protocol/replication.md` §2.1: the first frame of a session, both ways: who one is.
///
/// Signed statements: the membership certificates from oneself up to the mesh root, the node certificate, the peer record.
public struct Hello: Hashable, Sendable {
    /// A chain of 16 and the root, a node certificate, a peer record, and a few to spare.
    public static let statementLimit = 24

    public var statements: [[UInt8]]

    public init(statements: [[UInt8]]) { self.statements = statements }

    public init(decoding bytes: [UInt8]) throws(WireError) {
        var reader = WireReader(bytes)
        statements = try reader.statements(limit: Self.statementLimit)
        try reader.finish()
    }

    public func encoded() -> [UInt8] {
        var writer = WireWriter()
        writer.statements(statements)
        return writer.bytes
    }
}

/// `Protocol/replication.md` §3.1: "which statements have you accepted since your number X?"
public struct StatementsRequest: Hashable, Sendable {
    /// Whose numbering is meant; 0 asks from the beginning.
    public var logID: UInt64
    /// The last number the asker has.
    public var after: UInt64

    public init(logID: UInt64, after: UInt64) {
        self.logID = logID
        self.after = after
    }

    public init(decoding bytes: [UInt8]) throws(WireError) {
        var reader = WireReader(bytes)
        logID = try reader.integer()
        after = try reader.integer()
        try reader.finish()
    }

    public func encoded() -> [UInt8] {
        var writer = WireWriter(reserving: 16)
        writer.integer(logID)
        writer.integer(after)
        return writer.bytes
    }
}

/// `Protocol/replication.md` §3.2: statements in the order in which the sender accepted them.
public struct StatementsAnswer: Hashable, Sendable {
    /// Names the sender's numbering; new whenever it starts anew.
    public var logID: UInt64
    /// The number of the last statement here, or of the last one there is if none is newer.
    public var upTo: UInt64
    /// Whether there are more behind these.
    public var hasMore: Bool
    public var statements: [[UInt8]]

    public init(logID: UInt64, upTo: UInt64, hasMore: Bool, statements: [[UInt8]]) {
        self.logID = logID
        self.upTo = upTo
        self.hasMore = hasMore
        self.statements = statements
    }

    public init(decoding bytes: [UInt8]) throws(WireError) {
        var reader = WireReader(bytes)
        logID = try reader.integer()
        upTo = try reader.integer()
        hasMore = try reader.flag()
        statements = try reader.statements(limit: Limits.statementsPerAnswer)
        try reader.finish()
    }

    public func encoded() -> [UInt8] {
        var writer = WireWriter(reserving: 1_024)
        writer.integer(logID)
        writer.integer(upTo)
        writer.integer(UInt8(hasMore ? 1 : 0))
        writer.statements(statements)
        return writer.bytes
    }

    /// The bytes around the statements: what is left of a frame's limit is theirs.
    public static let overhead = 8 + 8 + 1 + 2
    /// What a statement costs beside its own bytes.
    public static let statementOverhead = 2
}

/// `Protocol/replication.md` §5.1: a newcomer asks, over a session made with an invite, to be admitted.
public struct JoinRequest: Hashable, Sendable {
    public var displayName: [UInt8]
    /// The newcomer's node certificate and peer record.
    public var statements: [[UInt8]]

    public init(displayName: [UInt8], statements: [[UInt8]]) {
        self.displayName = displayName
        self.statements = statements
    }

    public init(decoding bytes: [UInt8]) throws(WireError) {
        var reader = WireReader(bytes)
        displayName = try reader.prefixed(by: UInt8.self, limit: Limits.displayNameByteCount, field: .name)
        statements = try reader.statements(limit: 2)
        try reader.finish()
    }

    public func encoded() -> [UInt8] {
        var writer = WireWriter()
        writer.prefixed(displayName, by: UInt8.self)
        writer.statements(statements)
        return writer.bytes
    }
}

/// `Protocol/replication.md` §5.2: the newcomer's certificate and its chain, and where to find the sponsor.
public struct JoinAnswer: Hashable, Sendable {
    public var statements: [[UInt8]]

    public init(statements: [[UInt8]]) { self.statements = statements }

    public init(decoding bytes: [UInt8]) throws(WireError) {
        var reader = WireReader(bytes)
        statements = try reader.statements(limit: Hello.statementLimit)
        try reader.finish()
    }

    public func encoded() -> [UInt8] {
        var writer = WireWriter()
        writer.statements(statements)
        return writer.bytes
    }
}

extension WireReader {
    /// `u8`: 0 or 1.
    mutating func flag() throws(WireError) -> Bool {
        let value: UInt8 = try integer()
        guard value <= 1 else { throw .invalid(.flags) }
        return value == 1
    }

    /// `count u16`, then per statement `length u16 | bytes`.
    mutating func statements(limit: Int) throws(WireError) -> [[UInt8]] {
        let count = try count(as: UInt16.self, limit: limit, elementByteCount: 2)
        var statements: [[UInt8]] = []
        statements.reserveCapacity(count)
        for _ in 0..<count { statements.append(try prefixed(by: UInt16.self, limit: Limits.statementByteCount, field: .statement)) }
        return statements
    }
}

extension WireWriter {
    mutating func statements(_ statements: [[UInt8]]) {
        count(statements.count, as: UInt16.self)
        for statement in statements { prefixed(statement, by: UInt16.self) }
    }
}
