import Foundation
import Primitives

/// The two clocks of the machine, read together: what the pure floors are told as "now".
public struct SystemClock: Sendable {
    private let start = ContinuousClock.now

    public init() {}

    public var now: Moment { Moment(instant: Instant(nanoseconds: (ContinuousClock.now - start).clampedNanoseconds), timestamp: Self.timestamp) }

    public static var timestamp: Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(milliseconds: UInt64(max(0, time.tv_sec)) * 1_000 + UInt64(time.tv_nsec / 1_000_000))
    }
}
