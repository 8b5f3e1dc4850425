import Foundation
import Primitives

/// Reads what a receiver says about when to come again (RFC 9110 §10.2.3): seconds, or a date.
enum RetryAfter {
    /// `nil` if it is neither.
    static func duration(_ text: String, at now: Timestamp) -> Duration? {
        let text = text.trimmingCharacters(in: .whitespaces)
        if !text.isEmpty, text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) {
            // More digits than fit are long enough.
            return .seconds(Int64(text).map { min($0, 1 << 40) } ?? 1 << 40)
        }
        let format = DateFormatter()
        format.locale = Locale(identifier: "en_US_POSIX")
        format.timeZone = TimeZone(identifier: "GMT")
        format.dateFormat = "EEE, dd MMM yyyy HH:mm:ss 'GMT'"
        guard text.utf8.count == 29, let date = format.date(from: text) else { return nil }
        let seconds = date.timeIntervalSince1970 - Double(now.milliseconds) / 1_000
        return .seconds(max(0, min(seconds, Double(1 << 40))))
    }
}
