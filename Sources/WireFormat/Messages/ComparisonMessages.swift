import Primitives

/// `Protocol/replication.md` §3.4: "which statements have you accepted since your number X that are not in my log?"
///
/// A log is cut into parts by the first bits of its statements' hashes; of each part the asker tells a digest. 25 to 32,785 bytes.
public struct StatementsComparison: Hashable, Sendable {
    /// Whose numbering is meant; 0 asks from the beginning.
    public var logID: UInt64
    /// The last number the asker has read to the end.
    public var after: UInt64
    /// Of the asker's parts, in order: 2 to the power of 0 to 12 of them.
    public let digests: [UInt64]

    public init(logID: UInt64, after: UInt64, digests: [UInt64]) {
        precondition(isNumberOfParts(digests.count), "a log of \(digests.count) parts")
        self.logID = logID
        self.after = after
        self.digests = digests
    }

    public init(decoding bytes: [UInt8]) throws(WireError) {
        var reader = WireReader(bytes)
        logID = try reader.integer()
        after = try reader.integer()
        let count = try reader.partCount()
        var digests: [UInt64] = []
        digests.reserveCapacity(count)
        for _ in 0..<count { digests.append(try reader.integer()) }
        try reader.finish()
        self.digests = digests
    }

    public func encoded() -> [UInt8] {
        var writer = WireWriter(reserving: 17 + 8 * digests.count)
        writer.integer(logID)
        writer.integer(after)
        writer.partCount(digests.count)
        for digest in digests { writer.integer(digest) }
        return writer.bytes
    }
}

/// `Protocol/replication.md` §3.4: statements in the order in which the sender accepted them, without those in parts that are the same on both sides.
public struct StatementsDifference: Hashable, Sendable {
    public var logID: UInt64
    /// The number to ask after next time.
    public var upTo: UInt64
    /// Whether there are more behind these.
    public var hasMore: Bool
    /// Per part whether it was the same on both sides: as many as were asked about.
    public let isEqual: [Bool]
    public var statements: [[UInt8]]

    public init(logID: UInt64, upTo: UInt64, hasMore: Bool, isEqual: [Bool], statements: [[UInt8]]) {
        precondition(isNumberOfParts(isEqual.count), "a log of \(isEqual.count) parts")
        self.logID = logID
        self.upTo = upTo
        self.hasMore = hasMore
        self.isEqual = isEqual
        self.statements = statements
    }

    public init(decoding bytes: [UInt8]) throws(WireError) {
        var reader = WireReader(bytes)
        logID = try reader.integer()
        upTo = try reader.integer()
        hasMore = try reader.flag()
        let count = try reader.partCount()
        let marks = try reader.bytes((count + 7) / 8)
        // Of less than eight parts the rest of the byte is 0.
        guard count >= 8 || marks[0] & (0xFF >> UInt8(count)) == 0 else { throw .invalid(.flags) }
        isEqual = (0..<count).map { marks[$0 / 8] & (0x80 >> UInt8($0 % 8)) != 0 }
        statements = try reader.statements(limit: Limits.statementsPerAnswer)
        try reader.finish()
    }

    public func encoded() -> [UInt8] {
        var writer = WireWriter(reserving: 1_024)
        writer.integer(logID)
        writer.integer(upTo)
        writer.integer(UInt8(hasMore ? 1 : 0))
        writer.partCount(isEqual.count)
        var marks = [UInt8](repeating: 0, count: (isEqual.count + 7) / 8)
        for part in isEqual.indices where isEqual[part] { marks[part / 8] |= 0x80 >> UInt8(part % 8) }
        writer.bytes(marks)
        writer.statements(statements)
        return writer.bytes
    }

    /// The bytes around the statements, at most: what is left of a frame's limit is theirs.
    public static let overhead = 8 + 8 + 1 + 1 + (1 << Limits.comparisonBits) / 8 + 2
}

private func isNumberOfParts(_ count: Int) -> Bool { count > 0 && count & (count - 1) == 0 && count <= 1 << Limits.comparisonBits }

extension WireReader {
    /// `bits u8`: how many first bits name a part, at most 12; gives the number of parts.
    fileprivate mutating func partCount() throws(WireError) -> Int {
        let bits: UInt8 = try integer()
        guard bits <= Limits.comparisonBits else { throw .overLimit(.count, value: UInt64(bits), limit: UInt64(Limits.comparisonBits)) }
        return 1 << Int(bits)
    }
}

extension WireWriter {
    fileprivate mutating func partCount(_ count: Int) { integer(UInt8(count.trailingZeroBitCount)) }
}
