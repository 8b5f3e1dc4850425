/// A code as it is published and asked for: 16 hex digits.
enum PublishedCode {
    static func text(_ code: UInt64) -> String {
        let digits = String(code, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
