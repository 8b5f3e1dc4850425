import Primitives

/// Appends big-endian fields to a byte array.
public struct WireWriter: Sendable {
    public private(set) var bytes: [UInt8]

    public init(reserving byteCount: Int = 64) {
        bytes = []
        bytes.reserveCapacity(byteCount)
    }

    public mutating func integer<Value: FixedWidthInteger & UnsignedInteger>(_ value: Value) {
        for shift in stride(from: Value.bitWidth - 8, through: 0, by: -8) { bytes.append(UInt8(truncatingIfNeeded: value >> Value(shift))) }
    }

    public mutating func bytes(_ content: some Sequence<UInt8>) { bytes.append(contentsOf: content) }
    public mutating func bytes32(_ value: Bytes32) { value.append(to: &bytes) }
    public mutating func identifier(_ value: some Identifier) { value.raw.append(to: &bytes) }
    public mutating func timestamp(_ value: Timestamp) { integer(value.milliseconds) }
    public mutating func day(_ value: Day) { integer(value.number) }

    public mutating func stream(_ value: StreamID) {
        integer(value.kind)
        integer(value.schemaVersion)
    }

    /// A number of elements, written in the width of `type`. The count must fit: exceeding it is our own mistake.
    public mutating func count<Width: FixedWidthInteger & UnsignedInteger>(_ value: Int, as type: Width.Type) {
        guard let width = Width(exactly: value) else { preconditionFailure("\(value) elements do not fit a count of \(Width.bitWidth) bits") }
        integer(width)
    }

    /// A length in the width of `type`, then the bytes. The length must fit: exceeding it is our own mistake.
    public mutating func prefixed<Width: FixedWidthInteger & UnsignedInteger>(_ content: [UInt8], by type: Width.Type) {
        count(content.count, as: type)
        bytes(content)
    }

    public mutating func structure(_ number: UInt16, version: UInt16 = 1) {
        integer(number)
        integer(version)
    }
}
