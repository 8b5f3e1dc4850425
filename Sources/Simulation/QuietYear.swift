import Ledger
import NodeCore
import Primitives

/// A small mesh that lives for a long time: certificates are renewed, retention ends, nodes come and go, and hardly anything else happens.
///
/// The cores are the same; only their own intervals are longer, so that a year is a few million events. What the protocol fixes (lifetimes, retention,
/// heartbeats) is as it is.
public struct QuietYear: Sendable {
    /// How much longer the intervals are that a node's operator may choose.
    public static let slowness = 200
    /// A node that is not there is missed for so long, at most, and news may take that long.
    public static let longestConvergence: Duration = .seconds(6 * 3_600)

    public var operatorCount: Int
    public var days: Int
    public var seed: UInt64

    public init(operatorCount: Int, days: Int, seed: UInt64) {
        precondition(operatorCount >= 3 && days >= 1, "a mesh of \(operatorCount) operators for \(days) days")
        (self.operatorCount, self.days, self.seed) = (operatorCount, days, seed)
    }

    public struct Outcome: Sendable {
        /// What running nodes have lived through together.
        public var nodeYears: Double
        /// Days at whose end the replicas did not agree within `longestConvergence`.
        public var daysApart: [Int]
        public var violations: [Violation]
        public var certificatesRenewed: Int
        public var restartCount: Int
        public var eventCount: Int
        public var traceHash: UInt64

        public var isSound: Bool { daysApart.isEmpty && violations.isEmpty }
    }

    /// Lives through it: each day some see something, every few days a node stands still or is started anew, every month the mesh is divided for a night.
    public func run() -> Outcome {
        var conditions = NetworkConditions()
        conditions.datagramLossPerMille = 50
        let mesh = SimulatedMesh.make(operators: operatorCount, seed: seed, conditions: conditions) { $0.slow(by: Self.slowness) }
        mesh.startAll()
        for node in 0..<operatorCount { mesh.observeSomething(at: node, count: 1) }
        var random = SeededGenerator(seed: seed ^ 0x7965_6172)
        var outcome = Outcome(nodeYears: 0, daysApart: [], violations: [], certificatesRenewed: 0, restartCount: 0, eventCount: 0, traceHash: 0)
        for day in 0..<days {
            let end = mesh.now + .seconds(86_400)
            let somebody = Int(random.number(below: UInt64(operatorCount)))
            mesh.observeSomething(at: somebody, count: 2)
            if random.number(below: 6) == 0 {
                mesh.crash(somebody, isSilent: random.number(below: 2) == 0)
                mesh.restart(somebody, within: .seconds(3_600))
                outcome.restartCount += 1
            }
            let isDivided = day % 30 == 29
            if isDivided { mesh.partition([Array(0..<(operatorCount / 2))]) }
            mesh.run(for: .seconds(8 * 3_600))
            if isDivided { mesh.heal() }
            let isTogether = mesh.run(
                until: { $0.honestMembers.allSatisfy($0.isUp) && $0.isConverged }, within: Self.longestConvergence, lookingEvery: .seconds(60))
            if !isTogether { outcome.daysApart.append(day) }
            mesh.run(for: end - mesh.now)
        }
        outcome.nodeYears = Double(operatorCount * days) / 365
        outcome.violations = mesh.violations + mesh.overdueBuckets()
        outcome.certificatesRenewed = mesh.renewedCertificateCount
        outcome.eventCount = mesh.statistics.eventCount
        outcome.traceHash = mesh.traceHash
        return outcome
    }
}

extension NodeCore.Configuration {
    /// Makes everything longer that a node does by itself again and again.
    fileprivate mutating func slow(by factor: Int) {
        tickInterval *= factor
        pullInterval *= factor
        idleBeforePing *= factor
        idleBeforeClose *= factor
        helloTimeout *= factor
        requestTimeout *= factor
        liveness.period *= factor
        liveness.farPeriod *= factor
        liveness.hintInterval *= factor
        liveness.lossInterval *= factor
    }
}

extension SimulatedMesh {
    /// Node certificates that are not the first ones of their nodes, as each node holds its own.
    var renewedCertificateCount: Int {
        nodes.indices.count { node in
            guard case .node(let certificate)? = nodes[node].disk.content.statements[StatementSubject(.node(founder.operators[node].node))] else {
                return false
            }
            return certificate.body.serial > 1
        }
    }
}
