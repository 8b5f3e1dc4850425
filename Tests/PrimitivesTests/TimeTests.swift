import Primitives
import Testing

@Suite struct DayTests {
    @Test(
        arguments: [
            ("1970-01-01", 0), ("1970-12-31", 364), ("1972-02-29", 789), ("2000-02-29", 11_016), ("2000-03-01", 11_017), ("2024-10-04", 20_000),
            ("2100-02-28", 47_540),
            ("2100-03-01", 47_541), ("9999-12-31", 2_932_896),
        ] as [(String, UInt32)])
    func aDateIsADayNumber(text: String, number: UInt32) {
        #expect(Day(text)?.number == number)
        #expect(Day(number: number).description == text)
    }

    @Test(arguments: [
        "", "1969-12-31", "10000-01-01", "2023-02-29", "2100-02-29", "2024-02-30", "2024-13-01", "2024-00-10", "2024-01-00", "2024-01-32", "2024-1-1",
        "2024/01/01",
        "2024-01-01 ", "+024-01-01", "20240101", "2024-01-1x",
    ])
    func whatIsNoDateIsRefused(text: String) { #expect(Day(text) == nil) }

    @Test func everyDayOfFourCenturiesComesBack() {
        var previous: Day?
        for number in 0..<UInt32(146_097) {
            let day = Day(number: number)
            #expect(Day(day.description) == day)
            if let previous { #expect(previous < day) }
            previous = day
        }
    }

    @Test func daysSaturateAtBothEnds() {
        #expect(Day(number: 5).advanced(by: -6) == Day(number: 0))
        #expect(Day(number: 5).advanced(by: 2) == Day(number: 7))
        #expect(Day(number: .max).advanced(by: 1) == Day(number: .max))
        #expect(Day(number: 5).advanced(by: .max) == Day(number: .max))
        #expect(Day(number: 5).advanced(by: .min) == Day(number: 0))
        #expect(Day.last.description == "9999-12-31")
        #expect(!Day(number: .max).description.isEmpty)
    }
}

@Suite struct TimeTests {
    @Test func timestampsSaturateAtBothEnds() {
        #expect(Timestamp(milliseconds: 10) + .milliseconds(-11) == .zero)
        #expect(Timestamp(milliseconds: 10) + .milliseconds(-10) == .zero)
        #expect(Timestamp(milliseconds: 10) + .milliseconds(5) == Timestamp(milliseconds: 15))
        #expect(Timestamp.distantFuture + .seconds(1) == .distantFuture)
        #expect(Timestamp(milliseconds: 10) + .seconds(Int64.max) == Timestamp(milliseconds: 10 + UInt64(Int64.max)))
        #expect(Timestamp(milliseconds: 10) + .seconds(Int64.min) == .zero)
    }

    @Test func aTimestampLiesInItsDay() {
        #expect(Timestamp(milliseconds: 86_399_999).day == Day(number: 0))
        #expect(Timestamp(milliseconds: 86_400_000).day == Day(number: 1))
        #expect(Timestamp.distantFuture.day == Day(number: .max))
    }

    @Test func instantsSaturateAtBothEnds() {
        #expect(Instant(nanoseconds: .max) + .nanoseconds(1) == Instant(nanoseconds: .max))
        #expect(Instant(nanoseconds: .min) + .nanoseconds(-1) == Instant(nanoseconds: .min))
        #expect(Instant(nanoseconds: .max) - Instant(nanoseconds: .min) == .nanoseconds(Int64.max))
        #expect(Instant(nanoseconds: .min) - Instant(nanoseconds: .max) == .nanoseconds(Int64.min))
        #expect(Instant(nanoseconds: 7) - Instant(nanoseconds: 9) == .nanoseconds(-2))
    }

    @Test func durationsAreClamped() {
        #expect(Duration.seconds(Int64.max).clampedNanoseconds == .max)
        #expect(Duration.seconds(Int64.min).clampedNanoseconds == .min)
        #expect(Duration.seconds(Int64.max).clampedMilliseconds == .max)
        #expect(Duration.seconds(Int64.min).clampedMilliseconds == .min)
        #expect(Duration.milliseconds(1_500).clampedNanoseconds == 1_500_000_000)
        #expect(Duration.nanoseconds(-1_999_999).clampedMilliseconds == -1)
    }
}
