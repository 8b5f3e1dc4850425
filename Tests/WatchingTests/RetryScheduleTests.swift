import Primitives
import Testing

@testable import Watching

@Suite struct RetryScheduleTests {
    private func decision(_ outcome: DeliveryOutcome, attempts: Int = 0, at now: Timestamp = noon, seed: UInt64 = 1) -> RetrySchedule.Decision {
        var random = SeededGenerator(seed: seed)
        return RetrySchedule.decision(after: outcome, attempts: attempts, queuedAt: noon, at: now, using: &random)
    }

    private func delay(_ decision: RetrySchedule.Decision) -> Duration? {
        if case .again(let time, _) = decision { .milliseconds(Int64(time.milliseconds) - Int64(noon.milliseconds)) } else { nil }
    }

    @Test func successEndsIt() {
        for code in [200, 202, 204, 299] { #expect(decision(.status(code, retryAfter: nil)) == .delivered) }
    }

    @Test func refusalsAndRedirectsAreForGood() {
        for code in [300, 301, 302, 307, 308, 400, 401, 403, 404, 408, 410, 422, 428, 430, 499, 600, 100] {
            guard case .failed = decision(.status(code, retryAfter: .seconds(1))) else {
                Issue.record("\(code) is tried again")
                continue
            }
        }
    }

    @Test func troubleIsTriedAgain() {
        for code in [429, 500, 502, 503, 504, 599] { #expect(delay(decision(.status(code, retryAfter: nil))) != nil, "\(code)") }
        #expect(delay(decision(.unreachable("x"))) != nil)
    }

    @Test(arguments: seeds) func eachWaitIsBetweenHalfAndAllOfTwiceTheLast(seed: UInt64) throws {
        var whole: Duration = .seconds(5)
        for attempts in 0..<20 {
            let wait = try #require(delay(decision(.unreachable("x"), attempts: attempts, seed: seed)))
            #expect(wait >= whole / 2 - .milliseconds(1) && wait <= whole, replay(seed))
            whole = min(whole * 2, .seconds(3_600))
        }
        #expect(RetrySchedule.backOff(afterTry: .max) == .seconds(3_600) && RetrySchedule.backOff(afterTry: -1) == .seconds(5))
    }

    @Test(arguments: seeds) func differentDiceWaitDifferently(seed: UInt64) {
        #expect(decision(.unreachable("x"), attempts: 9, seed: seed) != decision(.unreachable("x"), attempts: 9, seed: seed + 1), replay(seed))
    }

    @Test func aReceiverMayAskForLongerButNotForEver() throws {
        #expect(delay(decision(.status(503, retryAfter: .seconds(120)))) == .seconds(120))
        #expect(delay(decision(.status(429, retryAfter: .seconds(1 << 40)))) == .seconds(6 * 3_600))
        // Not for shorter than our own back-off.
        #expect(try #require(delay(decision(.status(429, retryAfter: .zero), attempts: 10))) >= .seconds(1_800))
        #expect(try #require(delay(decision(.status(429, retryAfter: .seconds(-5))))) > .zero)
    }

    @Test func afterThreeDaysItIsGivenUp() {
        let last = noon + (RetrySchedule.patience - .seconds(3_600))
        guard case .again = decision(.unreachable("gone"), attempts: 50, at: last) else { return #expect(Bool(false), "given up too early") }
        #expect(decision(.unreachable("gone"), attempts: 50, at: noon + RetrySchedule.patience) == .failed(because: "given up after 3 days: gone"))
    }

    @Test func aTimeToComeAgainIsReadAsSecondsOrAsADate() {
        #expect(RetryAfter.duration(" 120 ", at: noon) == .seconds(120))
        #expect(RetryAfter.duration("99999999999999999999999", at: noon) == .seconds(1 << 40))
        // Day 20,000 is 2024-10-04, a Friday.
        #expect(RetryAfter.duration("Fri, 04 Oct 2024 12:01:30 GMT", at: noon) == .seconds(90))
        #expect(RetryAfter.duration("Fri, 04 Oct 2024 11:00:00 GMT", at: noon) == .zero)
        for text in ["", "soon", "-1", "1.5", "Fri, 04 Oct 2024", "Fri, 44 Oct 2024 12:01:30 GMT"] {
            #expect(RetryAfter.duration(text, at: noon) == nil, "\(text)")
        }
    }
}
