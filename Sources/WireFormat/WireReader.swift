import Primitives

/// Reads big-endian fields one after another and never past the end.
///
/// Every failure is a `WireError`; a reader that failed must not be used on.
public struct WireReader: Sendable {
    @usableFromInline let bytes: [UInt8]
    public private(set) var offset: Int
    @usableFromInline let end: Int

    /// Reads `bytes` from the start.
    public init(_ bytes: [UInt8]) {
        self.bytes = bytes
        offset = 0
        end = bytes.count
    }

    /// Reads a part of `bytes`; the range is cut to what there is.
    public init(_ bytes: [UInt8], range: Range<Int>) {
        self.bytes = bytes
        let range = range.clamped(to: 0..<bytes.count)
        offset = range.lowerBound
        end = range.upperBound
    }

    /// How many bytes are left.
    public var remaining: Int { end - offset }

    public mutating func integer<Value: FixedWidthInteger & UnsignedInteger>(_ type: Value.Type = Value.self) throws(WireError) -> Value {
        let width = Value.bitWidth / 8
        let start = try take(width)
        var value: Value = 0
        for place in start..<start + width { value = value << 8 | Value(truncatingIfNeeded: bytes[place]) }
        return value
    }

    /// The next `count` bytes as an array of their own.
    public mutating func bytes(_ count: Int) throws(WireError) -> [UInt8] {
        let start = try take(count)
        return Array(bytes[start..<start + count])
    }

    /// Where the next `count` bytes lie in the whole, without copying them.
    public mutating func range(_ count: Int) throws(WireError) -> Range<Int> {
        let start = try take(count)
        return start..<start + count
    }

    public mutating func bytes32() throws(WireError) -> Bytes32 {
        let start = try take(Bytes32.byteCount)
        guard let value = Bytes32(bytes[start..<start + Bytes32.byteCount]) else {
            throw .truncated(need: Bytes32.byteCount, have: end - start)
        }
        return value
    }

    public mutating func identifier<Value: Identifier>(_ type: Value.Type = Value.self) throws(WireError) -> Value {
        Value(try bytes32())
    }

    public mutating func timestamp() throws(WireError) -> Timestamp {
        Timestamp(milliseconds: try integer())
    }

    /// A day up to 9999-12-31.
    public mutating func day() throws(WireError) -> Day {
        let day = Day(number: try integer())
        guard day <= .last else { throw .invalid(.day) }
        return day
    }

    public mutating func stream() throws(WireError) -> StreamID {
        StreamID(kind: try integer(), schemaVersion: try integer())
    }

    /// A number of elements, refused above `limit` and also where that many elements of at least `elementByteCount` bytes cannot follow.
    public mutating func count<Width: FixedWidthInteger & UnsignedInteger>(
        as type: Width.Type, limit: Int, elementByteCount: Int
    ) throws(WireError) -> Int {
        let value = UInt64(try integer(type))
        guard value <= UInt64(limit) else { throw .overLimit(.count, value: value, limit: UInt64(limit)) }
        let (need, overflow) = Int(value).multipliedReportingOverflow(by: elementByteCount)
        guard !overflow, need <= remaining else { throw .truncated(need: overflow ? .max : need, have: remaining) }
        return Int(value)
    }

    /// A length followed by that many bytes, refused above `limit`.
    public mutating func prefixed<Width: FixedWidthInteger & UnsignedInteger>(
        by type: Width.Type, limit: Int, field: WireError.Field
    ) throws(WireError) -> [UInt8] {
        let value = UInt64(try integer(type))
        guard value <= UInt64(limit) else { throw .overLimit(field, value: value, limit: UInt64(limit)) }
        return try bytes(Int(value))
    }

    /// The two fields every signed statement begins with.
    public mutating func structure(_ expected: UInt16, version: UInt16 = 1) throws(WireError) {
        let found: UInt16 = try integer()
        guard found == expected else { throw .wrongStructure(expected: expected, found: found) }
        let foundVersion: UInt16 = try integer()
        guard foundVersion == version else { throw .unsupportedVersion(foundVersion) }
    }

    /// Accounts for every byte: throws if any is left.
    public func finish() throws(WireError) {
        guard remaining == 0 else { throw .trailing(count: remaining) }
    }

    private mutating func take(_ count: Int) throws(WireError) -> Int {
        guard count >= 0, count <= remaining else { throw .truncated(need: count, have: remaining) }
        let start = offset
        offset += count
        return start
    }
}
