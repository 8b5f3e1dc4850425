import Primitives
import WireFormat

/// What it costs each node to hear of many heads (`Protocol/replication.md` §6.1): measured in a small mesh, and computed for a large one.
///
/// A node takes and passes on each head about once, however many nodes there are, so bytes per head can be measured among few. What is read of logs grows with
/// the number of origins, and is computed (`LogReading`). At the rate of 10,000 origins 60 have a head every third of a second each, so that many heads are
/// overtaken by the next one before they have come around: that costs less for them, and more for their histories. At a lower rate it does not happen.
public struct NewsRun: Sendable {
    public var nodeCount = 60
    /// Of all origins together.
    public var headsPerSecond = 20.0
    public var duration: Duration = .seconds(10)
    public var lossPerMille: UInt64 = 0
    public var seed: UInt64 = 1
    /// Whether heads are announced where there are many, or always told whole.
    public var announces = true

    /// Until all are busy, and what happens at the start is over.
    public static let settlingTime: Duration = .seconds(10)
    /// 10,000 origins with one head a minute.
    public static let largeMesh = (origins: 10_000, headsPerSecond: 10_000.0 / 60)

    public init() {}

    public struct Report: Sendable {
        public var run: NewsRun
        /// Of the measured time.
        public var statistics: Statistics
        /// Sessions of a node, on average.
        public var neighbourCount: Double
        public var isConverged: Bool
        public var violations: [Violation]

        public var isSound: Bool { isConverged && violations.isEmpty }

        /// Bytes that a node sends in a second but for reading logs: as many in a mesh of any size, at this rate of heads.
        public var newsBytesPerSecond: Double {
            let logs: Set<String> = ["statements", "statementsRequest", "comparison", "difference"]
            return statistics.bytesPerNodePerSecondByType.filter { !logs.contains($0.name) }.reduce(0) { $0 + $1.bytes }
        }

        /// A node's own heads are told whole to 12 neighbours, with their change: about so many bytes each.
        static let ownHeadByteCount = 12.0 * 308

        /// Bytes that a node would send in a second in a mesh of so many origins with so many heads: the measured ones grow with the heads, and what reading
        /// logs costs there is computed.
        ///
        /// Of its own heads a node has more in the small mesh, where each origin publishes so much more often: those are taken out, where heads are announced.
        public func bytesPerSecond(origins: Int, headsPerSecond: Double) -> Double {
            let reading = LogReading(origins: origins, headsPerSecond: headsPerSecond, neighbours: neighbourCount)
            let news = newsBytesPerSecond * headsPerSecond / run.headsPerSecond
            guard run.announces else { return news + reading.pulled }
            let surplus = headsPerSecond / Double(run.nodeCount) - headsPerSecond / Double(origins)
            return news - surplus * Self.ownHeadByteCount + reading.compared
        }
    }

    public func report() -> Report {
        var conditions = NetworkConditions()
        conditions.datagramLossPerMille = lossPerMille
        let announces = announces
        let mesh = SimulatedMesh.make(operators: nodeCount, seed: seed, conditions: conditions, areAcquainted: true) {
            $0.announcesHeads = announces
            ($0.busyHeads, $0.busySpan) = (40, .seconds(10))  // As a mesh that has long been busy: it is only watched for seconds.
        }
        mesh.startAll()
        for node in 0..<nodeCount { mesh.observeSomething(at: node, count: 1) }
        let hasStarted = mesh.run(until: \.isConverged, within: .seconds(600), lookingEvery: .seconds(1))
        var random = SeededGenerator(seed: seed ^ 0x6E65_7773)
        publish(on: mesh, for: Self.settlingTime, using: &random)
        mesh.beginMeasurement()
        publish(on: mesh, for: duration, using: &random)
        let statistics = mesh.statistics
        let sessions = (0..<nodeCount).reduce(0) { $0 + (mesh.status(of: $1)?.openSessionCount ?? 0) }
        let isConverged = mesh.run(until: \.isConverged, within: SteadyRun.longestEnd, lookingEvery: .seconds(1))
        return Report(
            run: self, statistics: statistics, neighbourCount: Double(sessions) / Double(nodeCount), isConverged: hasStarted && isConverged,
            violations: mesh.violations)
    }

    private func publish(on mesh: SimulatedMesh, for duration: Duration, using random: inout SeededGenerator) {
        let end = mesh.now + duration
        while mesh.now < end {
            mesh.run(for: min(random.duration(upTo: .seconds(2 / headsPerSecond)), end - mesh.now))
            if mesh.now < end { mesh.observeSomething(at: Int(random.number(below: UInt64(nodeCount))), count: 1) }
        }
    }
}

/// What a node sends in a second because logs are read: computed, not measured. Each answer is sent by one and read by another, so a node sends as much as
/// it reads.
public struct LogReading: Sendable {
    /// A head in an answer, and the other statements that there are of each origin: membership, generation, node certificate, peer record.
    static let headByteCount = 212.0, otherStatements = 4.0
    /// From a neighbour's adopting a head to one's own, roughly: what is under way for so long differs between two logs.
    static let spreadSeconds = 1.0
    static let pullSeconds = 15.0

    /// Every hint of every neighbour is followed, and brings all heads since the last one.
    public let pulled: Double
    /// One comparison in 15 s. Holds where more than 256 heads come between two hints of one neighbour, some 8 s; below that hints are followed as ever, which
    /// costs at most what `pulled` says for 32 heads a second.
    public let compared: Double

    public init(origins: Int, headsPerSecond: Double, neighbours: Double) {
        // Of an origin with several heads in the time between two pulls only the last is in the log.
        func heads(in seconds: Double) -> Double { min(Double(origins), headsPerSecond * seconds) }
        pulled = neighbours * heads(in: Self.pullSeconds) * Self.headByteCount / Self.pullSeconds
        var parts = 1.0
        while parts < Double(1 << Limits.comparisonBits), Double(origins) * (1 + Self.otherStatements) > 8 * parts { parts *= 2 }
        // Each head under way makes two parts differ: that of the earlier head, and its own.
        let underWay = 2 * heads(in: Self.spreadSeconds)
        var same = 1.0
        for _ in 0..<Int(underWay) { same *= 1 - 1 / parts }
        // Each neighbour is compared with once in so many times 15 s: of its differing parts the heads since then are sent.
        let told = (1 - same) * heads(in: Self.pullSeconds * neighbours)
        compared = (17 + 8 * parts + told * Self.headByteCount) / Self.pullSeconds
    }
}
