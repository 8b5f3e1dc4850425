import Primitives

/// Reads the times of sources: UTC milliseconds since 1970.
enum SourceTime {
    /// `YYYY-MM-DD`, a `T` or a space, `HH:MM:SS`, an optional fraction, and `Z`, an offset or nothing (then UTC). `nil` for anything else.
    static func milliseconds(_ text: some StringProtocol) -> Int64? {
        let bytes = Array(text.utf8)
        guard bytes.count >= 19, bytes[10] == UInt8(ascii: "T") || bytes[10] == UInt8(ascii: " "), let day = Day(String(decoding: bytes[..<10], as: UTF8.self)),
            bytes[13] == UInt8(ascii: ":"), bytes[16] == UInt8(ascii: ":"),
            let hour = number(bytes[11..<13], below: 24), let minute = number(bytes[14..<16], below: 60), let second = number(bytes[17..<19], below: 61)
        else { return nil }
        var place = 19
        var milliseconds: Int64 = 0
        if place < bytes.count, bytes[place] == UInt8(ascii: ".") {
            place += 1
            var weight: Int64 = 100
            while place < bytes.count, let digit = number(bytes[place..<place + 1], below: 10) {
                milliseconds += digit * weight
                weight /= 10
                place += 1
            }
        }
        guard let offset = offset(bytes[place...]) else { return nil }
        let time = Int64(day.number) * 86_400_000 + (hour * 3_600 + minute * 60 + second) * 1_000 + milliseconds - offset * 60_000
        return time >= 0 ? time : nil
    }

    /// Minutes east of UTC.
    private static func offset(_ bytes: ArraySlice<UInt8>) -> Int64? {
        guard let sign = bytes.first, bytes != [UInt8(ascii: "Z")] else { return 0 }
        guard sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") else { return nil }
        let digits = bytes.dropFirst().filter { $0 != UInt8(ascii: ":") }
        guard digits.count == 4, let hours = number(digits[..<2], below: 15), let minutes = number(digits[2...], below: 60) else { return nil }
        return (sign == UInt8(ascii: "-") ? -1 : 1) * (hours * 60 + minutes)
    }

    private static func number(_ digits: ArraySlice<UInt8>, below limit: Int64) -> Int64? {
        var value: Int64 = 0
        for digit in digits {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { return nil }
            value = value * 10 + Int64(digit - UInt8(ascii: "0"))
        }
        return value < limit ? value : nil
    }
}

/// Names that come from sources.
enum SourceName {
    /// A session id is 1 to 64 of `A-Z a-z 0-9 . _ -`, and no dot first.
    static func sid(_ bytes: [UInt8]) -> String? {
        guard (1...64).contains(bytes.count), bytes[0] != UInt8(ascii: "."), bytes.allSatisfy(isPlain) else { return nil }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// A numeric address as sources write it: never resolved, only stored.
    static func address(_ bytes: [UInt8]) -> String? {
        guard (2...45).contains(bytes.count), bytes.allSatisfy({ isHex($0) || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: ":") }) else { return nil }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        case UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"): true
        default: false
        }
    }

    private static func isHex(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "f"), UInt8(ascii: "A")...UInt8(ascii: "F"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        default: false
        }
    }
}
