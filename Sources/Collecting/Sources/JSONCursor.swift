/// Walks over one line of JSON without building a tree. Strings are bytes: what is not UTF-8 passes through as it is.
struct JSONCursor {
    /// The line is not JSON, at this byte of it.
    struct Malformed: Error { let place: Int }

    static let nestingLimit = 64

    private let bytes: ArraySlice<UInt8>
    private(set) var place: Int

    init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
        place = bytes.startIndex
    }

    var isAtEnd: Bool { place >= bytes.endIndex }

    /// The next byte that is no white space, left where it is.
    mutating func peek() throws(Malformed) -> UInt8 {
        skipSpace()
        guard place < bytes.endIndex else { throw malformed }
        return bytes[place]
    }

    mutating func expect(_ byte: UInt8) throws(Malformed) {
        guard try peek() == byte else { throw malformed }
        place += 1
    }

    /// Takes the byte if it comes next.
    mutating func take(_ byte: UInt8) throws(Malformed) -> Bool {
        guard try peek() == byte else { return false }
        place += 1
        return true
    }

    /// Nothing but white space may follow.
    mutating func finish() throws(Malformed) {
        skipSpace()
        guard isAtEnd else { throw malformed }
    }

    /// Calls `body` with every key of an object; it must read or skip the value.
    mutating func object(_ body: (inout JSONCursor, [UInt8]) throws(Malformed) -> Void) throws(Malformed) {
        try expect(UInt8(ascii: "{"))
        if try take(UInt8(ascii: "}")) { return }
        var key: [UInt8] = []
        repeat {
            try string(into: &key)
            try expect(UInt8(ascii: ":"))
            try body(&self, key)
        } while try take(UInt8(ascii: ","))
        try expect(UInt8(ascii: "}"))
    }

    mutating func string() throws(Malformed) -> [UInt8] {
        var result: [UInt8] = []
        try string(into: &result)
        return result
    }

    /// The string's content as UTF-8, escapes resolved; replaces what `result` held.
    mutating func string(into result: inout [UInt8]) throws(Malformed) {
        try expect(UInt8(ascii: "\""))
        result.removeAll(keepingCapacity: true)
        while place < bytes.endIndex {
            let byte = bytes[place]
            place += 1
            switch byte {
            case UInt8(ascii: "\""): return
            case UInt8(ascii: "\\"): try escape(into: &result)
            default: result.append(byte)
            }
        }
        throw malformed
    }

    mutating func number() throws(Malformed) -> Double {
        _ = try peek()
        let start = place
        var mantissa: UInt64 = 0
        var digitCount = 0
        var fractionCount = 0
        var isPlain = true
        let isNegative = bytes[place] == UInt8(ascii: "-")
        if isNegative { place += 1 }
        var isFraction = false
        scanning: while place < bytes.endIndex {
            switch bytes[place] {
            case UInt8(ascii: "0")...UInt8(ascii: "9"):
                digitCount += 1
                if digitCount <= 15 { mantissa = mantissa * 10 + UInt64(bytes[place] - UInt8(ascii: "0")) } else { isPlain = false }
                if isFraction { fractionCount += 1 }
            case UInt8(ascii: "."):
                guard !isFraction else { throw malformed }
                isFraction = true
            case UInt8(ascii: "e"), UInt8(ascii: "E"), UInt8(ascii: "+"), UInt8(ascii: "-"): isPlain = false
            default: break scanning
            }
            place += 1
        }
        guard digitCount > 0 else { throw malformed }
        // Up to 15 digits and 22 decimals one correctly rounded division gives the nearest number (Clinger's fast path).
        if isPlain, fractionCount <= 22 {
            let value = Double(mantissa) / Self.powersOfTen[fractionCount]
            return isNegative ? -value : value
        }
        guard let value = Double(String(decoding: bytes[start..<place], as: UTF8.self)), value.isFinite else { throw malformed }
        return value
    }

    /// A number; `nil` for a value of another kind, which is passed over.
    mutating func numberOrNothing() throws(Malformed) -> Double? {
        switch try peek() {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"): return try number()
        default:
            try skip()
            return nil
        }
    }

    /// Passes over one value of any kind.
    mutating func skip(depth: Int = 0) throws(Malformed) {
        guard depth < Self.nestingLimit else { throw malformed }
        switch try peek() {
        case UInt8(ascii: "\""):
            var ignored: [UInt8] = []
            try string(into: &ignored)
        case UInt8(ascii: "{"): try object { cursor, _ throws(Malformed) in try cursor.skip(depth: depth + 1) }
        case UInt8(ascii: "["):
            try expect(UInt8(ascii: "["))
            if try take(UInt8(ascii: "]")) { return }
            repeat { try skip(depth: depth + 1) } while try take(UInt8(ascii: ","))
            try expect(UInt8(ascii: "]"))
        case UInt8(ascii: "t"): try word("true")
        case UInt8(ascii: "f"): try word("false")
        case UInt8(ascii: "n"): try word("null")
        default: _ = try number()
        }
    }

    /// A string, or a number, true, false or null as they are written: for fields whose type has changed over time.
    mutating func scalarText() throws(Malformed) -> [UInt8]? {
        switch try peek() {
        case UInt8(ascii: "\""): return try string()
        case UInt8(ascii: "{"), UInt8(ascii: "["):
            try skip()
            return nil
        default:
            let start = place
            try skip()
            return Array(bytes[start..<place])
        }
    }

    private var malformed: Malformed { Malformed(place: place - bytes.startIndex) }
    private static let powersOfTen: [Double] = (0...22).map { exponent in (0..<exponent).reduce(1.0) { value, _ in value * 10 } }

    private mutating func skipSpace() {
        while place < bytes.endIndex, bytes[place] == 0x20 || bytes[place] == 0x09 || bytes[place] == 0x0D || bytes[place] == 0x0A { place += 1 }
    }

    private mutating func word(_ word: StaticString) throws(Malformed) {
        let end = place + word.utf8CodeUnitCount
        guard end <= bytes.endIndex, word.withUTF8Buffer({ bytes[place..<end].elementsEqual($0) }) else { throw malformed }
        place = end
    }

    private mutating func escape(into result: inout [UInt8]) throws(Malformed) {
        guard place < bytes.endIndex else { throw malformed }
        let byte = bytes[place]
        place += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): result.append(byte)
        case UInt8(ascii: "b"): result.append(0x08)
        case UInt8(ascii: "f"): result.append(0x0C)
        case UInt8(ascii: "n"): result.append(0x0A)
        case UInt8(ascii: "r"): result.append(0x0D)
        case UInt8(ascii: "t"): result.append(0x09)
        case UInt8(ascii: "u"):
            var unit = try hexUnit()
            if (0xD800...0xDBFF).contains(unit), place + 1 < bytes.endIndex, bytes[place] == UInt8(ascii: "\\"), bytes[place + 1] == UInt8(ascii: "u") {
                let mark = place
                place += 2
                let low = try hexUnit()
                if (0xDC00...0xDFFF).contains(low) {
                    unit = 0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00)
                } else {
                    place = mark
                }
            }
            append(unit, to: &result)
        default: throw malformed
        }
    }

    private mutating func hexUnit() throws(Malformed) -> UInt32 {
        guard place + 4 <= bytes.endIndex else { throw malformed }
        var unit: UInt32 = 0
        for byte in bytes[place..<place + 4] {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): unit = unit << 4 | UInt32(byte - UInt8(ascii: "0"))
            case UInt8(ascii: "a")...UInt8(ascii: "f"): unit = unit << 4 | UInt32(byte - UInt8(ascii: "a") + 10)
            case UInt8(ascii: "A")...UInt8(ascii: "F"): unit = unit << 4 | UInt32(byte - UInt8(ascii: "A") + 10)
            default: throw malformed
            }
        }
        place += 4
        return unit
    }

    /// A lone low surrogate of the range that stands for raw bytes in many writers becomes that byte; others keep their three bytes.
    private func append(_ value: UInt32, to result: inout [UInt8]) {
        switch value {
        case 0..<0x80: result.append(UInt8(value))
        case 0xDC80...0xDCFF: result.append(UInt8(value & 0xFF))
        case 0x80..<0x800: result += [UInt8(0xC0 | value >> 6), UInt8(0x80 | value & 0x3F)]
        case 0x800..<0x10000: result += [UInt8(0xE0 | value >> 12), UInt8(0x80 | value >> 6 & 0x3F), UInt8(0x80 | value & 0x3F)]
        default:
            result += [UInt8(0xF0 | value >> 18), UInt8(0x80 | value >> 12 & 0x3F), UInt8(0x80 | value >> 6 & 0x3F), UInt8(0x80 | value & 0x3F)]
        }
    }
}
