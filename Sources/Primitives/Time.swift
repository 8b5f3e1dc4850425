/// A point on a clock that only moves forward; nothing but timers is measured with it.
///
/// Its zero has no meaning outside the process. Never leaves the process.
public struct Instant: Hashable, Sendable, Comparable {
    /// Nanoseconds since the clock's own zero.
    public let nanoseconds: Int64

    public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    public static let zero = Instant(nanoseconds: 0)

    /// Saturates at the ends of the clock (292 years).
    public static func + (instant: Instant, duration: Duration) -> Instant {
        let (sum, overflow) = instant.nanoseconds.addingReportingOverflow(duration.clampedNanoseconds)
        return Instant(nanoseconds: overflow ? (duration < .zero ? .min : .max) : sum)
    }

    /// Saturates at the ends of the clock (292 years).
    public static func - (later: Instant, earlier: Instant) -> Duration {
        let (difference, overflow) = later.nanoseconds.subtractingReportingOverflow(earlier.nanoseconds)
        return .nanoseconds(overflow ? (later < earlier ? .min : .max) : difference)
    }

    public static func < (left: Instant, right: Instant) -> Bool { left.nanoseconds < right.nanoseconds }
}

/// A point in UTC: what signed statements carry. May jump, since wall clocks do.
public struct Timestamp: Hashable, Sendable, Comparable {
    /// Milliseconds since 1970-01-01T00:00:00Z, leap seconds not counted.
    public let milliseconds: UInt64

    public init(milliseconds: UInt64) { self.milliseconds = milliseconds }

    public static let zero = Timestamp(milliseconds: 0)
    public static let distantFuture = Timestamp(milliseconds: .max)

    /// Saturates at 1970 and at the end of the range.
    public static func + (timestamp: Timestamp, duration: Duration) -> Timestamp {
        let step = duration.clampedMilliseconds
        if step < 0 {
            let (less, underflow) = timestamp.milliseconds.subtractingReportingOverflow(step.magnitude)
            return Timestamp(milliseconds: underflow ? 0 : less)
        }
        let (sum, overflow) = timestamp.milliseconds.addingReportingOverflow(step.magnitude)
        return Timestamp(milliseconds: overflow ? .max : sum)
    }

    public static func < (left: Timestamp, right: Timestamp) -> Bool { left.milliseconds < right.milliseconds }

    /// The UTC day this point lies in. Saturates at the last day a `Day` can name.
    public var day: Day { Day(number: UInt32(clamping: milliseconds / 86_400_000)) }
}

/// Both clocks, read once: the "now" that every machine is given.
public struct Moment: Hashable, Sendable {
    public var instant: Instant
    public var timestamp: Timestamp

    public init(instant: Instant, timestamp: Timestamp) {
        self.instant = instant
        self.timestamp = timestamp
    }
}

extension Duration {
    /// Whole milliseconds towards zero, clamped to `Int64`.
    public var clampedMilliseconds: Int64 {
        let (seconds, attoseconds) = components
        let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1_000)
        if overflow { return seconds < 0 ? .min : .max }
        let (sum, carried) = whole.addingReportingOverflow(attoseconds / 1_000_000_000_000_000)
        return carried ? (seconds < 0 ? .min : .max) : sum
    }

    /// Whole nanoseconds towards zero, clamped to `Int64`.
    public var clampedNanoseconds: Int64 {
        // Up to 18 s, as nearly all are: without the division of 128-bit numbers.
        if attoseconds >= 0, attoseconds <= Int128(UInt64.max) { return Int64(UInt64(truncatingIfNeeded: attoseconds) / 1_000_000_000) }
        let (seconds, attoseconds) = components
        let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        if overflow { return seconds < 0 ? .min : .max }
        let (sum, carried) = whole.addingReportingOverflow(attoseconds / 1_000_000_000)
        return carried ? (seconds < 0 ? .min : .max) : sum
    }
}
