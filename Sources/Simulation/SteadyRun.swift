import Primitives

/// A mesh on an ordinary day: all nodes start, find each other, and then publish now and then while datagrams are lost.
public struct SteadyRun: Sendable {
    /// How much longer than the measurement all nodes may take to find each other.
    public static let longestStart: Duration = .seconds(1_800)
    /// How long the last heads may take once nothing more is published.
    public static let longestEnd: Duration = .seconds(120)

    /// Larger meshes begin acquainted: everybody is up and knows everybody, and nobody has a session yet. Else a start costs more than a
    /// day.
    public static let largestFromNothing = 200
    /// Between the start of all and the measurement, where they know each other already.
    public static let settlingTime: Duration = .seconds(120)
    /// How long a node that falls silent at the end is watched.
    public static let detectionTime: Duration = .seconds(90)

    public var nodeCount: Int
    public var duration: Duration
    public var lossPerMille: UInt64
    public var seed: UInt64
    /// How often each node sees something new, and so publishes a head.
    public var headsPerNodePerHour: Double

    public init(nodeCount: Int, duration: Duration, lossPerMille: UInt64, seed: UInt64, headsPerNodePerHour: Double) {
        precondition(nodeCount >= 1 && duration > .zero && headsPerNodePerHour >= 0, "a mesh of \(nodeCount) nodes for \(duration)")
        self.nodeCount = nodeCount
        self.duration = duration
        self.lossPerMille = lossPerMille
        self.seed = seed
        self.headsPerNodePerHour = headsPerNodePerHour
    }

    /// What came of it. The same in every process and build.
    public struct Report: Sendable {
        public var run: SteadyRun
        /// Until every node had everything after all had started; `nil`: they never had.
        public var startTime: Duration?
        /// Whether all replicas agreed at the end.
        public var isConverged: Bool
        public var violations: [Violation]
        /// Of the measured time only, except events and signatures.
        public var statistics: Statistics
        public var convergence: ConvergenceCurve
        /// Of one node that falls silent at the end: how long each of the others takes to suspect it, and to take it for dead.
        public var detection: LivenessFigures
        public var traceHash: UInt64

        public var isSound: Bool { startTime != nil && isConverged && violations.isEmpty }
    }

    /// - Parameter progress: is told, now and then, how much of the measured time has passed, 0 to 1.
    public func report(progress: (Double) -> Void = { _ in }) -> Report {
        var conditions = NetworkConditions()
        conditions.datagramLossPerMille = lossPerMille
        let isFromNothing = nodeCount <= Self.largestFromNothing
        let mesh = SimulatedMesh.make(operators: nodeCount, seed: seed, conditions: conditions, areAcquainted: !isFromNothing)
        if isFromNothing { mesh.startAll() } else { mesh.startTogether() }
        if isFromNothing { for node in 0..<nodeCount { mesh.observeSomething(at: node, count: 1) } } else { mesh.run(for: Self.settlingTime) }
        let hasStarted = mesh.run(until: \.isConverged, within: Self.longestStart, lookingEvery: .seconds(1))
        let startTime = mesh.now

        mesh.beginMeasurement()
        var random = SeededGenerator(seed: seed ^ 0x7374_6561_6479)
        let headsPerSecond = headsPerNodePerHour * Double(nodeCount) / 3_600
        let end = mesh.now + duration
        let tenth = duration / 10
        var nextTold = mesh.now + tenth
        while mesh.now < end {
            // Evenly drawn around the mean: the next observation of anybody in the mesh.
            let pause = headsPerSecond > 0 ? random.duration(upTo: .seconds(2 / headsPerSecond)) : duration
            mesh.run(for: min(pause, end - mesh.now))
            if mesh.now < end { mesh.observeSomething(at: Int(random.number(below: UInt64(nodeCount))), count: 1) }
            if mesh.now >= nextTold {
                progress((duration - (end - mesh.now)) / duration)
                nextTold = mesh.now + tenth
            }
        }
        let statistics = mesh.statistics
        let isConverged = mesh.run(until: \.isConverged, within: Self.longestEnd, lookingEvery: .seconds(1))
        let (convergence, disagreements) = (mesh.convergence, mesh.disagreements())
        mesh.beginMeasurement()
        if nodeCount > 2 {
            mesh.crash(nodeCount / 2, isSilent: true)
            mesh.run(for: Self.detectionTime)
        }
        return Report(
            run: self, startTime: hasStarted ? startTime : nil, isConverged: isConverged, violations: mesh.violations + disagreements,
            statistics: statistics, convergence: convergence, detection: mesh.statistics.liveness, traceHash: mesh.traceHash)
    }
}
