/// The name of an invitation: 16 random bytes that say which secret a newcomer means, and are none themselves.
public struct InviteID: Hashable, Sendable, Comparable, CustomStringConvertible {
    public static let byteCount = 16

    private let high: UInt64
    private let low: UInt64

    /// Takes exactly 16 bytes; `nil` for any other number.
    public init?(bytes: some Collection<UInt8>) {
        guard bytes.count == Self.byteCount else { return nil }
        high = bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
        low = bytes.dropFirst(8).reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// A fresh name from the given generator.
    public init(using random: inout some RandomNumberGenerator) {
        high = random.next()
        low = random.next()
    }

    public var bytes: [UInt8] {
        [high, low].flatMap { word in stride(from: 56, through: 0, by: -8).map { UInt8(truncatingIfNeeded: word >> UInt64($0)) } }
    }

    public var description: String { Hex.encode(bytes) }

    public static func < (left: InviteID, right: InviteID) -> Bool { (left.high, left.low) < (right.high, right.low) }
}
