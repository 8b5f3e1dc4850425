/// A domain name in the one form that is published and asked for: lower-case LDH labels joined by dots, no trailing dot.
///
/// This type checks the grammar only (RFC 1123 §2.1, RFC 1035 §2.3.4). Reducing a name to its registrable part and turning
/// international names into A-labels happen before, on the operator's side.
public struct DomainName: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// The longest name, in bytes.
    public static let maximumByteCount = 253
    /// The longest label, in bytes.
    public static let maximumLabelByteCount = 63

    public let text: String

    /// Takes a name that is already in normal form; `nil` for anything else.
    ///
    /// At least two labels, each of `a-z 0-9 -`, not starting or ending with a hyphen; the last label is not all digits.
    public init?(_ bytes: some Collection<UInt8>) {
        guard (3...Self.maximumByteCount).contains(bytes.count) else { return nil }
        var labelCount = 0
        var length = 0
        var previous: UInt8 = UInt8(ascii: ".")
        var lastLabelHasLetter = false
        for byte in bytes {
            switch byte {
            case UInt8(ascii: "."):
                guard length > 0, previous != UInt8(ascii: "-") else { return nil }
                labelCount += 1
                length = 0
                lastLabelHasLetter = false
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"):
                if length == 0, byte == UInt8(ascii: "-") { return nil }
                length += 1
                guard length <= Self.maximumLabelByteCount else { return nil }
                if byte >= UInt8(ascii: "a") { lastLabelHasLetter = true }
            default: return nil
            }
            previous = byte
        }
        guard length > 0, previous != UInt8(ascii: "-"), labelCount >= 1, lastLabelHasLetter else { return nil }
        text = String(decoding: bytes, as: UTF8.self)
    }

    public init?(_ text: some StringProtocol) { self.init(Array(text.utf8)) }

    public var bytes: [UInt8] { Array(text.utf8) }
    public var description: String { text }

    public static func < (left: DomainName, right: DomainName) -> Bool {
        left.text.utf8.lexicographicallyPrecedes(right.text.utf8)
    }
}
