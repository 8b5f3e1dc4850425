import Primitives

/// When to try again whom we could not reach: at once, then after 1 s, doubling to 5 minutes, each with up to half as much again by chance.
///
/// Never gives up: a healed partition rejoins by itself.
public struct DialBackoff: Sendable {
    public static let first: Duration = .seconds(1)
    public static let longest: Duration = .seconds(300)

    private struct Entry {
        var failureCount: Int
        var notBefore: Instant
    }

    private var entries: [TransportKey: Entry] = [:]

    public init() {}

    public func mayDial(_ key: TransportKey, at now: Instant) -> Bool { entries[key].map { $0.notBefore <= now } ?? true }

    /// How often in a row it has failed.
    public func failureCount(of key: TransportKey) -> Int { entries[key]?.failureCount ?? 0 }

    public mutating func failed(_ key: TransportKey, at now: Instant, using random: inout some RandomNumberGenerator) {
        let count = min(failureCount(of: key) + 1, 20)
        let wait = min(Self.longest, Self.first * (1 << min(count - 1, 10)))
        entries[key] = Entry(failureCount: count, notBefore: now + wait + random.duration(upTo: wait / 2))
    }

    /// A session has been made with it.
    public mutating func succeeded(_ key: TransportKey) { entries[key] = nil }
}
