import Primitives

/// Whom a connection is meant for.
public enum DialTarget: Hashable, Sendable {
    case node(NodeID)
    /// Whoever holds this key, as long as no node is known that does.
    case key(TransportKey)
}

/// When to try again whom we could not reach: at once, then after 1 s, doubling to 5 minutes, each with up to half as much again by chance.
///
/// Never gives up: a healed partition rejoins by itself. Counted by node and not by key: whoever claims another's key would make us leave that one alone.
public struct DialBackoff: Sendable {
    public static let first: Duration = .seconds(1)
    public static let longest: Duration = .seconds(300)

    private struct Entry {
        var failureCount: Int
        var notBefore: Instant
    }

    private var entries: [DialTarget: Entry] = [:]

    public init() {}

    /// Those whom we could not reach last.
    public var count: Int { entries.count }

    public func mayDial(_ target: DialTarget, at now: Instant) -> Bool { entries[target].map { $0.notBefore <= now } ?? true }

    /// How often in a row it has failed.
    public func failureCount(of target: DialTarget) -> Int { entries[target]?.failureCount ?? 0 }

    public mutating func failed(_ target: DialTarget, at now: Instant, using random: inout some RandomNumberGenerator) {
        let count = min(failureCount(of: target) + 1, 20)
        let wait = min(Self.longest, Self.first * (1 << min(count - 1, 10)))
        entries[target] = Entry(failureCount: count, notBefore: now + wait + random.duration(upTo: wait / 2))
    }

    /// A session has been made with it.
    public mutating func succeeded(_ target: DialTarget) { entries[target] = nil }
}
