import Primitives

/// What a try to deliver came to.
public enum DeliveryOutcome: Hashable, Sendable {
    /// The receiver's answer.
    case status(Int, retryAfter: Duration?)
    /// No answer, for a reason in a few words.
    case unreachable(String)
}

/// When a delivery is tried again, and when it is given up: the decision, without any clock or socket (`Protocol/alerts.md` §4).
public struct RetrySchedule: Sendable {
    /// Before the second try. Each further wait is twice as long, up to the longest; each is drawn between half of it and all of it.
    public static let firstDelay: Duration = .seconds(5)
    public static let longestDelay: Duration = .seconds(3_600)
    /// A receiver cannot put us off for longer.
    public static let longestRetryAfter: Duration = .seconds(6 * 3_600)
    /// From making the alert to giving it up.
    public static let patience: Duration = .seconds(3 * 86_400)

    public enum Decision: Hashable, Sendable {
        case delivered
        case again(at: Timestamp, because: String)
        /// For good.
        case failed(because: String)
    }

    /// - Parameter attempts: failed tries before this one.
    public static func decision(
        after outcome: DeliveryOutcome, attempts: Int, queuedAt: Timestamp, at now: Timestamp, using random: inout some RandomNumberGenerator
    ) -> Decision {
        let reason: String
        var asked: Duration?
        switch outcome {
        case .status(200..<300, _): return .delivered
        case .status(let code, let retryAfter) where code == 429 || (500..<600).contains(code):
            reason = "the receiver has answered \(code)"
            asked = retryAfter.map { min(max($0, .zero), longestRetryAfter) }
        case .status(let code, _) where (300..<400).contains(code): return .failed(because: "the receiver has answered \(code); redirects are not followed")
        case .status(let code, _): return .failed(because: "the receiver has answered \(code)")
        case .unreachable(let why): reason = why
        }
        let whole = backOff(afterTry: attempts)
        let drawn = whole / 2 + random.duration(upTo: whole / 2)
        let time = now + max(drawn, asked ?? .zero)
        guard time <= queuedAt + patience else { return .failed(because: "given up after \(patience.components.seconds / 86_400) days: \(reason)") }
        return .again(at: time, because: reason)
    }

    static func backOff(afterTry attempts: Int) -> Duration {
        var delay = firstDelay
        for _ in 0..<min(max(0, attempts), 32) where delay < longestDelay { delay = min(delay * 2, longestDelay) }
        return delay
    }
}
