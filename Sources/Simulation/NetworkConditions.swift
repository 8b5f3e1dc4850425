import Primitives

/// How well the simulated network works. May be changed at any time; what is under way stays as it was.
public struct NetworkConditions: Hashable, Sendable {
    /// One way, between two nodes: drawn once for each pair.
    public var latency: ClosedRange<Duration> = .milliseconds(5) ... .milliseconds(80)
    /// What a single packet may take longer.
    public var jitter: Duration = .milliseconds(3)
    /// Of one session, each way.
    public var bitsPerSecond: Int64 = 50_000_000

    public var datagramLossPerMille: UInt64 = 0
    public var datagramDuplicatePerMille: UInt64 = 0
    /// What a single datagram may take longer: later ones overtake it.
    public var datagramDelay: Duration = .milliseconds(10)

    /// Of frames and datagrams one bit is not what it was: the seal does not fit. A datagram is gone, and a session with its frame.
    public var bitFlipPerMillion: UInt64 = 0
    /// How long the NAT before a node that cannot be dialed lets datagrams in after the last one that went out on the same session; `nil`: for ever.
    public var natTimeout: Duration?

    public var dialFailurePerMille: UInt64 = 0
    /// How long a dialer waits for a host that does not answer.
    public var dialTimeout: Duration = .seconds(5)
    /// On average one session of the whole mesh breaks in this time; `nil`: none do.
    public var sessionBreakInterval: Duration?
    /// On average one node of the whole mesh crashes in this time; `nil`: none do.
    public var crashInterval: Duration?
    /// How long a crashed node stays down.
    public var downTime: ClosedRange<Duration> = .milliseconds(200) ... .seconds(20)
    /// Of adoptions and publications.
    public var diskFailurePerMille: UInt64 = 0
    /// Disks answer before they have synced: no node can keep its word then, and the checkers must notice.
    public var disksLie = false

    public init() {}

    /// Everything that goes wrong on a bad day, except crashes.
    public static var rough: NetworkConditions {
        var conditions = NetworkConditions()
        conditions.datagramLossPerMille = 100
        conditions.datagramDuplicatePerMille = 20
        conditions.datagramDelay = .milliseconds(200)
        conditions.dialFailurePerMille = 50
        conditions.sessionBreakInterval = .seconds(1)
        return conditions
    }
}
