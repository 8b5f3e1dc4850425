/// A UTC day, counted from 1970-01-01. The finest time a sighting ever carries.
public struct Day: Hashable, Sendable, Comparable {
    /// Days since 1970-01-01.
    public let number: UInt32

    public init(number: UInt32) { self.number = number }

    /// The last day that has a four-digit year: 9999-12-31. Later days are refused on the wire.
    public static let last = Day(number: 2_932_896)

    public static func < (left: Day, right: Day) -> Bool { left.number < right.number }

    /// Saturates at both ends.
    public func advanced(by days: Int) -> Day {
        let (sum, overflow) = Int(number).addingReportingOverflow(days)
        return Day(number: overflow ? (days < 0 ? 0 : .max) : UInt32(clamping: sum))
    }
}

extension Day: CustomStringConvertible {
    /// Reads `YYYY-MM-DD` of the years 1970 to 9999; `nil` for anything else, also for 30 February.
    public init?(_ text: some StringProtocol) {
        let bytes = Array(text.utf8)
        guard bytes.count == 10, bytes[4] == UInt8(ascii: "-"), bytes[7] == UInt8(ascii: "-") else { return nil }
        func number(_ range: Range<Int>) -> Int? {
            var value = 0
            for byte in bytes[range] {
                guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
                value = value * 10 + Int(byte - UInt8(ascii: "0"))
            }
            return value
        }
        guard let year = number(0..<4), let month = number(5..<7), let day = number(8..<10) else { return nil }
        self.init(year: year, month: month, dayOfMonth: day)
    }

    /// A day of the Gregorian calendar, years 1970 to 9999; `nil` if there is no such day.
    public init?(year: Int, month: Int, dayOfMonth: Int) {
        guard (1970...9999).contains(year), (1...12).contains(month), (1...31).contains(dayOfMonth) else { return nil }
        // Howard Hinnant, "chrono-compatible low-level date algorithms": years begin in March, so that leap days come last.
        let shifted = month <= 2 ? year - 1 : year
        let era = shifted / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + dayOfMonth - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        let days = era * 146_097 + dayOfEra - 719_468
        guard days >= 0 else { return nil }
        self.init(number: UInt32(days))
        guard calendarDate == (year, month, dayOfMonth) else { return nil }
    }

    /// Year, month and day of month in the Gregorian calendar.
    public var calendarDate: (year: Int, month: Int, dayOfMonth: Int) {
        let days = Int(number) + 719_468
        let era = days / 146_097
        let dayOfEra = days - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        return (year, month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
    }

    /// `YYYY-MM-DD`.
    public var description: String {
        let (year, month, dayOfMonth) = calendarDate
        func padded(_ value: Int, _ width: Int) -> String {
            let text = String(value)
            return String(repeating: "0", count: max(0, width - text.count)) + text
        }
        return "\(padded(year, 4))-\(padded(month, 2))-\(padded(dayOfMonth, 2))"
    }
}
