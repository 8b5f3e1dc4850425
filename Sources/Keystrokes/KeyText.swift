/// The keys in a record: code points, and for bytes that are not UTF-8 one key each (`Protocol/session-profile.md` §2).
enum KeyText {
    /// An invalid byte is key 0xDC00 + byte: different from every code point, and between U+D7FF and U+E000 in order.
    private static let invalidByteBase: UInt32 = 0xDC00

    /// The only key of a record; `nil` if there are none or more.
    static func singleKey(in bytes: Span<UInt8>) -> UInt32? {
        // The common case first: one ASCII byte.
        if bytes.count == 1 { return bytes[0] < 0x80 ? UInt32(bytes[0]) : invalidByteBase + UInt32(bytes[0]) }
        guard (2...4).contains(bytes.count) else { return nil }
        return onlyScalar(of: bytes)
    }

    static func isInvalidByte(_ key: UInt32) -> Bool { (0xDC80...0xDCFF).contains(key) }

    /// The code point, if two to four bytes are exactly one whole, shortest-form sequence (Unicode, table 3-7).
    private static func onlyScalar(of bytes: Span<UInt8>) -> UInt32? {
        let first = bytes[0]
        let length: Int
        var value: UInt32
        var second: ClosedRange<UInt8> = 0x80...0xBF
        switch first {
        case 0xC2...0xDF: (length, value) = (2, UInt32(first & 0x1F))
        case 0xE0: (length, value, second) = (3, 0, 0xA0...0xBF)
        case 0xED: (length, value, second) = (3, 0x0D, 0x80...0x9F)
        case 0xE1...0xEF: (length, value) = (3, UInt32(first & 0x0F))
        case 0xF0: (length, value, second) = (4, 0, 0x90...0xBF)
        case 0xF1...0xF3: (length, value) = (4, UInt32(first & 0x07))
        case 0xF4: (length, value, second) = (4, 4, 0x80...0x8F)
        default: return nil
        }
        guard bytes.count == length, second.contains(bytes[1]) else { return nil }
        for place in 1..<length {
            let byte = bytes[place]
            guard byte & 0xC0 == 0x80 else { return nil }
            value = value << 6 | UInt32(byte & 0x3F)
        }
        return value
    }

    /// UTF-8 of a key as it is hashed: `?` for an invalid byte.
    static func appendHashed(_ key: UInt32, to bytes: inout [UInt8]) {
        guard !isInvalidByte(key), let scalar = Unicode.Scalar(key), let encoded = UTF8.encode(scalar) else {
            return bytes.append(UInt8(ascii: "?"))
        }
        bytes.append(contentsOf: encoded)
    }

    /// A key inside a JSON string: U+FFFD for an invalid byte (many readers refuse a lone surrogate), and escapes where JSON wants them.
    static func appendJSON(_ key: UInt32, to text: inout String) {
        switch key {
        case 0x22: text += "\\\""
        case 0x5C: text += "\\\\"
        case 0..<0x20, 0x7F:
            let digits = String(key, radix: 16)
            text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        default: text.unicodeScalars.append(Unicode.Scalar(key) ?? "\u{FFFD}")
        }
    }
}
