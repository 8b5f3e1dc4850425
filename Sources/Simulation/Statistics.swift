import Ledger
import Primitives

/// Figures of one run.
public struct Statistics: Sendable, CustomStringConvertible {
    /// From a head on its origin's disk to the last honest running node's replica.
    public var headToLastNode: Distribution
    /// Heads that some node has not adopted yet, nor a later one.
    public var headsUnderWay: Int
    public var bytesPerNodePerSecond: Double
    public var packetsPerNodePerSecond: Double
    /// What the bytes are made of, most first.
    public var bytesPerNodePerSecondByType: [(name: String, bytes: Double)]
    /// The most that one node has sent, over the whole time.
    public var mostBytesPerSecond: Double
    public var eventCount: Int
    public var checkCount: Int
    public var crashCount: Int
    public var sessionBreakCount: Int
    public var sessionsMade: Int
    public var lostDatagramCount: Int
    public var longestDiskQueue: Int
    public var mostChecksUnderWay: Int
    public var liveness: LivenessFigures

    public var description: String {
        "head to last node \(headToLastNode), \(headsUnderWay) under way; per node \(Int(bytesPerNodePerSecond)) B/s and "
            + "\(Int(packetsPerNodePerSecond)) packets/s; \(eventCount) events, \(checkCount) signatures checked, \(sessionsMade) sessions made, "
            + "\(sessionBreakCount) broken, \(crashCount) crashes, \(lostDatagramCount) datagrams lost; \(liveness)"
    }

    public struct Distribution: Sendable, CustomStringConvertible {
        public var count: Int
        public var median: Duration
        public var percentile99: Duration
        public var maximum: Duration

        init(of durations: [Int64]) {
            let sorted = durations.sorted()
            func at(_ perMille: Int) -> Duration {
                sorted.isEmpty ? .zero : .nanoseconds(sorted[min(sorted.count - 1, sorted.count * perMille / 1_000)])
            }
            count = sorted.count
            median = at(500)
            percentile99 = at(990)
            maximum = .nanoseconds(sorted.last ?? 0)
        }

        public var description: String {
            "p50 \(median.clampedMilliseconds) ms, p99 \(percentile99.clampedMilliseconds) ms, max \(maximum.clampedMilliseconds) ms (\(count) heads)"
        }
    }
}
