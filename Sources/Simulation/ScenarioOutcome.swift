import NodeCore
import Primitives

/// How a scenario went.
public struct ScenarioOutcome: Sendable {
    /// What a scenario must have met somewhere, or the scenarios show nothing (`Protocol/invariants.md`, S-7).
    public enum Occurrence: String, CaseIterable, Sendable {
        case datagramsLost, datagramsDoubled, sessionsBroken, crashes, writesLost, disksFailed, newsKeptBack, framesStalled, pauses, clockJumps
        case malformedCaught, forgeryCaught, wrongContentCaught, outboundOnlyMembers, thirdOfMembersHostile, retriesNeeded, backupsRestored, generationsOpened
        case natForgotten, bitsFlipped, oldVersionAsked, newsWithheld, equivocationProven, logsCompared, headsAnnounced, nodesSlowed, ratesLimited
    }

    public let seed: UInt64
    public let faults: Set<Scenario.Fault>
    public let operatorCount: Int
    public let traceHash: UInt64
    public let virtualTime: Duration
    /// From the end of the faults; `nil`: not within `Scenario.longestConvergence`.
    public let convergenceTime: Duration?
    public let violations: [Violation]
    public let occurrences: Set<Occurrence>
    public let statistics: Statistics

    public var isSound: Bool { convergenceTime != nil && violations.isEmpty }
}

extension Scenario {
    /// Lives through it. About 0.1 s in an optimised build.
    /// - Parameter looking: is shown the mesh at the end.
    @discardableResult
    public func run(looking: (SimulatedMesh) -> Void = { _ in }) -> ScenarioOutcome {
        let mesh = SimulatedMesh.make(
            operators: operatorCount, seed: seed, roles: roles, outboundOnlyPerMille: faults.contains(.nat) ? outboundOnlyPerMille : 0, conditions: conditions,
            oldVersions: faults.contains(.oldVersions) ? oldVersions : []
        ) { ($0.busyHeads, $0.busySpan) = (40, .seconds(10)) }  // 4 a second too, but sooner: a scenario is short.
        var random = SeededGenerator(seed: seed ^ 0x6368_616F_73)
        var latest = SeededGenerator(seed: seed ^ 0x6C61_7465_7374)
        mesh.startAll(within: .seconds(5))
        var occurrences = liveThroughChaos(in: mesh, using: &random, &latest)

        mesh.conditions = NetworkConditions()
        if faults.contains(.natTimeouts) { mesh.conditions.natTimeout = .seconds(30) }  // What a network is like is no fault that ends.
        mesh.heal()
        mesh.endSlowness()
        for node in 0..<operatorCount {
            if faults.contains(.clockJumps) { mesh.setClock(of: node, offBy: random.duration(upTo: .seconds(2))) }
            if mesh.isHonest(node) { mesh.observeSomething(at: node) }
        }
        let healedAt = mesh.now
        if !mesh.isConverged { occurrences.insert(.newsKeptBack) }
        let isConverged = mesh.run(
            until: { mesh in mesh.honestMembers.allSatisfy(mesh.isUp) && mesh.isConverged }, within: Self.longestConvergence, lookingEvery: .milliseconds(250))
        let convergenceTime = mesh.now - healedAt
        if convergenceTime > .seconds(20) { occurrences.insert(.retriesNeeded) }
        mesh.run(for: .seconds(1))  // What is under way may not spoil it either.
        looking(mesh)
        return ScenarioOutcome(
            seed: seed, faults: faults, operatorCount: operatorCount, traceHash: mesh.traceHash, virtualTime: mesh.now,
            convergenceTime: isConverged ? convergenceTime : nil, violations: mesh.violations + mesh.disagreements() + mesh.overdueBuckets(),
            occurrences: occurrences.union(self.occurrences(in: mesh)), statistics: mesh.statistics)
    }

    /// Ten steps a second; in each, what is due begins or ends.
    private func liveThroughChaos(in mesh: SimulatedMesh, using random: inout SeededGenerator, _ latest: inout SeededGenerator)
        -> Set<ScenarioOutcome.Occurrence>
    {
        let step: Duration = .milliseconds(100)
        var occurrences: Set<ScenarioOutcome.Occurrence> = []
        while mesh.now < chaosDuration {
            mesh.run(for: step)
            func isDue(_ interval: Duration) -> Bool { random.duration(upTo: interval) < step }
            let somebody = Int(random.number(below: UInt64(operatorCount)))
            if isDue(observationInterval), mesh.isHonest(somebody) { mesh.observeSomething(at: somebody) }
            if isDue(partitionInterval) {
                if !mesh.isConverged { occurrences.insert(.newsKeptBack) }
                mesh.heal()
                divide(mesh, using: &random)
            }
            if isDue(pauseInterval) {
                let duration = random.duration(upTo: .seconds(random.number(below: 8) == 0 ? 40 : 5))
                if faults.contains(.pauses) { mesh.pause(somebody, for: duration) }
            }
            if isDue(clockJumpInterval) {
                // Two clocks together stay within the skew that heads are taken with.
                let error = random.duration(upTo: .seconds(480)) - .seconds(240)
                if faults.contains(.clockJumps) { mesh.setClock(of: somebody, offBy: error) }
            }
            slowDown(mesh, within: step, using: &latest)
            if faults.contains(.restores), isDue(restoreInterval) {
                if mesh.restoreBackup(of: somebody) { mesh.restart(somebody, within: .seconds(2)) } else { mesh.takeBackup(of: somebody) }
            }
        }
        return occurrences
    }

    /// A machine that takes 10 to 100 times as long for everything, and pairs between which hardly anything passes. Drawn from a generator of their own, so that
    /// earlier seeds stay what they were.
    private func slowDown(_ mesh: SimulatedMesh, within step: Duration, using random: inout SeededGenerator) {
        let isSlowDue = random.duration(upTo: slowInterval) < step
        let (node, factor) = (Int(random.number(below: UInt64(operatorCount))), 10 + Int(random.number(below: 91)))
        let duration = .seconds(1) + random.duration(upTo: .seconds(29))
        if isSlowDue, faults.contains(.slowNodes) { mesh.slow(node, by: factor, for: duration) }
        let isLimitDue = random.duration(upTo: rateLimitInterval) < step
        let other = Int(random.number(below: UInt64(operatorCount)))
        let rate = Int64(8_000) << Int64(random.number(below: 5))  // 1 to 16 kB a second.
        if isLimitDue, faults.contains(.rateLimits), node != other { mesh.limit(node, other, bitsPerSecond: rate) }
    }

    /// Whole, in two parts, cut in one direction, or with many pairs that do not reach each other.
    private func divide(_ mesh: SimulatedMesh, using random: inout SeededGenerator) {
        let order = Array(0..<operatorCount).sample(operatorCount, using: &random)
        let part = Array(order.prefix(1 + Int(random.number(below: UInt64(operatorCount)))))
        let rest = Array(order.dropFirst(part.count))
        switch random.number(below: 5) {
        case 0, 1: if faults.contains(.partitions) { mesh.partition([part, rest]) }
        case 2: if faults.contains(.cuts) { mesh.cut(from: part, to: rest) }
        case 3:
            for (left, right) in zip(order, order.dropFirst(1 + operatorCount / 3)) where faults.contains(.cuts) {
                mesh.cut(from: [left], to: [right])
                mesh.cut(from: [right], to: [left])
            }
        default: break
        }
    }

    private func occurrences(in mesh: SimulatedMesh) -> Set<ScenarioOutcome.Occurrence> {
        var found: Set<ScenarioOutcome.Occurrence> = []
        func note(_ occurrence: ScenarioOutcome.Occurrence, if happened: Bool) { if happened { found.insert(occurrence) } }
        let counts = mesh.counts
        note(.datagramsLost, if: counts.lostDatagrams > 0)
        note(.datagramsDoubled, if: counts.doubledDatagrams > 0)
        note(.sessionsBroken, if: counts.sessionBreaks > 0)
        note(.crashes, if: counts.crashes > 0)
        note(.writesLost, if: counts.lostWrites > 0)
        note(.disksFailed, if: counts.diskFailures > 0)
        note(.framesStalled, if: counts.stalledFrames > 0)
        note(.pauses, if: counts.pauses > 0)
        note(.clockJumps, if: counts.clockJumps > operatorCount)
        note(.natForgotten, if: counts.natForgotten > 0)
        note(.nodesSlowed, if: counts.slowedOperations > 0)
        note(.ratesLimited, if: counts.limitedFrames > 0)
        note(.bitsFlipped, if: counts.bitsFlipped > 0)
        note(.oldVersionAsked, if: counts.oldVersionAsked > 0)
        note(.newsWithheld, if: counts.newsWithheld > 0)
        note(.equivocationProven, if: mesh.events.contains { if case .equivocation = $0.event { true } else { false } })
        note(.logsCompared, if: mesh.nodes.contains { $0.isHonest && $0.traffic.hasSentDifference })
        note(.headsAnnounced, if: mesh.nodes.contains { $0.isHonest && $0.traffic.hasSentAnnouncement })
        note(.backupsRestored, if: counts.restoredBackups > 0)
        note(.generationsOpened, if: counts.generationsOpened > 0)
        note(.outboundOnlyMembers, if: mesh.founder.operators.contains { $0.addresses.isEmpty })
        note(.thirdOfMembersHostile, if: (0..<operatorCount).count { !mesh.isHonest($0) } * 3 + 2 >= operatorCount && operatorCount > 3)
        for case .misbehaviour(_, let misbehaviour) in mesh.events.map(\.event) {
            switch misbehaviour {
            case .malformed: found.insert(.malformedCaught)
            case .forgedStatements: found.insert(.forgeryCaught)
            case .wrongContent: found.insert(.wrongContentCaught)
            case .unexpectedFrame, .helloTimeout, .silent: break
            }
        }
        return found
    }
}
