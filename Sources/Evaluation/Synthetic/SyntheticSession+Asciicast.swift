extension SyntheticSession {
    /// The session as an asciicast of version 2, with input; the times are exact to the microsecond.
    ///
    /// - Parameter startedAt: seconds since 1970.
    public func asciicast(startedAt: Int) -> [UInt8] {
        var bytes = Array("{\"version\":2,\"width\":80,\"height\":24,\"timestamp\":\(startedAt)}\n".utf8)
        for event in events {
            let fraction = String(event.time % 1_000_000)
            bytes += Array("[\(event.time / 1_000_000).\(String(repeating: "0", count: 6 - fraction.count))\(fraction),".utf8)
            bytes += Array((event.kind == .input ? "\"i\",\"" : "\"o\",\"").utf8)
            for byte in event.data {
                switch byte {
                case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes += [UInt8(ascii: "\\"), byte]
                case 0x20..<0x7F: bytes.append(byte)
                default:
                    precondition(byte < 0x80, "synthetic typists type ASCII")
                    let digits = String(byte, radix: 16)
                    bytes += Array(("\\u00" + String(repeating: "0", count: 2 - digits.count) + digits).utf8)
                }
            }
            bytes += Array("\"]\n".utf8)
        }
        return bytes
    }
}
