import Primitives
import Simulation
import Testing

@Suite struct DrawnScenarioTests {
    /// Every mixture of faults is survived: nothing happens that must not, and all agree in bounded time. `Scripts/simulate` runs many more.
    @Test(arguments: seeds(2, 3, 5, 7, 8, 15, 20, 22, 24, 54, 167))
    func aDrawnScenarioHealsAndAgrees(seed: UInt64) {
        let outcome = Scenario.drawn(seed: seed).run()

        #expect(outcome.isSound, "replay: Scripts/simulate \(seed) — \(outcome.convergenceTime as Any), \(outcome.violations)")
    }

    @Test(arguments: seeds(9, 25))
    func aDrawnScenarioRunsTheSameTwice(seed: UInt64) {
        let first = Scenario.drawn(seed: seed).run()
        let second = Scenario.drawn(seed: seed).run()

        #expect(first.traceHash == second.traceHash, "seed \(seed)")
        #expect(first.occurrences == second.occurrences, "seed \(seed)")
        #expect(first.traceHash != Scenario.drawn(seed: seed + 1).run().traceHash, "seed \(seed)")
    }

    /// The control: a fault that nothing can withstand is noticed, and shrinking leaves out only what the failure does not need.
    @Test(arguments: seeds(1_001))
    func aBrokenDiskIsNoticedAndTheScenarioShrinks(seed: UInt64) {
        var scenario = Scenario.drawn(seed: seed)
        scenario.faults = [.crashes, .loss, .pauses]
        scenario.disksLie = true
        #expect(!scenario.run().isSound, "seed \(seed)")

        let smallest = scenario.shrunk()

        #expect(smallest.faults.contains(.crashes), "seed \(seed): without crashes a disk that lies harms nobody: \(smallest.faults)")
        #expect(smallest.faults.count < 3, "seed \(seed): \(smallest.faults)")
        #expect(!smallest.run().isSound, "seed \(seed)")
    }

    /// What a fault changes is only itself: the others are drawn as before.
    @Test(arguments: seeds(31, 32, 33))
    func leavingAFaultOutKeepsTheOthers(seed: UInt64) {
        var scenario = Scenario.drawn(seed: seed)
        let drawn = scenario
        scenario.faults = []
        let outcome = scenario.run()

        #expect(scenario.operatorCount == drawn.operatorCount && scenario.chaos == drawn.chaos)
        #expect(outcome.isSound, "seed \(seed)")
        #expect(outcome.occurrences.isDisjoint(with: [.datagramsLost, .crashes, .pauses, .clockJumps, .malformedCaught, .framesStalled]), "seed \(seed)")
    }
}

@Suite struct FaultTests {
    /// A one-way cut: nothing of the deaf side's news is heard, and no session can be made, until it heals.
    @Test(arguments: seeds(61, 62))
    func aOneWayCutKeepsNewsBackUntilItHeals(seed: UInt64) {
        let mesh = SimulatedMesh.make(operators: 6, seed: seed)
        mesh.startAll()
        for node in 0..<6 { mesh.observeSomething(at: node) }
        #expect(mesh.run(until: \.isConverged, within: .seconds(30)), replay(mesh))
        let before = mesh.publishedPosition(of: 1)

        mesh.cut(from: [0, 1, 2], to: [3, 4, 5])
        mesh.observeSomething(at: 1)
        mesh.observeSomething(at: 4)
        mesh.run(for: .seconds(20))
        #expect(mesh.publishedPosition(of: 1) != before, replay(mesh))
        for node in 3..<6 { #expect(mesh.adoptedPosition(of: 1, at: node) == before, replay(mesh)) }
        for node in [0, 2] { #expect(mesh.adoptedPosition(of: 1, at: node) == mesh.publishedPosition(of: 1), replay(mesh)) }

        mesh.heal()
        #expect(mesh.run(until: \.isConverged, within: .seconds(120)), replay(mesh))
        expectSound(mesh)
    }

    /// A process that stands still for longer than its neighbours wait loses its sessions, and catches up when it goes on.
    @Test(arguments: seeds(63, 64))
    func aPausedNodeCatchesUp(seed: UInt64) {
        let mesh = SimulatedMesh.make(operators: 5, seed: seed)
        mesh.startAll()
        for node in 0..<5 { mesh.observeSomething(at: node) }
        #expect(mesh.run(until: \.isConverged, within: .seconds(30)), replay(mesh))

        mesh.pause(2, for: .seconds(45))
        mesh.observeSomething(at: 3)
        mesh.run(for: .seconds(44))
        #expect(mesh.adoptedPosition(of: 3, at: 2) != mesh.publishedPosition(of: 3), "the paused node went on working")
        #expect(mesh.adoptedPosition(of: 3, at: 1) == mesh.publishedPosition(of: 3), replay(mesh))

        #expect(mesh.run(until: \.isConverged, within: .seconds(60)), replay(mesh))
        expectSound(mesh)
    }

    /// A shorter pause does not end a longer one: the greeting that waits would be overtaken by what comes later, and an honest node accused of leaving it out.
    @Test(arguments: seeds(30, 98))
    func overlappingPausesKeepTheOrderOfWhatArrives(seed: UInt64) {
        for millisecond in stride(from: 2, to: 400, by: 6) {
            let mesh = SimulatedMesh.make(operators: 2, seed: seed)
            mesh.start(0)
            mesh.start(1)
            mesh.run(for: .milliseconds(millisecond))  // At one of these moments a greeting is on its way.
            mesh.pause(1, for: .seconds(40))
            mesh.run(for: .seconds(5))
            mesh.pause(1, for: .milliseconds(100))
            mesh.run(for: .seconds(60))

            #expect(mesh.violations.isEmpty, "after \(millisecond) ms; \(replay(mesh).description)")
        }
    }

    /// A machine that takes a hundred times as long for everything falls behind, harms nobody, and catches up; the others do not wait for it.
    @Test(arguments: seeds(67, 68))
    func aSlowNodeHarmsNobodyAndCatchesUp(seed: UInt64) {
        let mesh = SimulatedMesh.make(operators: 6, seed: seed)
        mesh.startAll()
        for node in 0..<6 { mesh.observeSomething(at: node) }
        #expect(mesh.run(until: \.isConverged, within: .seconds(30)), replay(mesh))

        mesh.slow(2, by: 100, for: .seconds(60))
        var wasBehind = false
        for round in 0..<40 {
            mesh.observeSomething(at: 3 + round % 3, count: 1)
            mesh.run(for: .seconds(1))
            for origin in 3..<6 {
                #expect(mesh.adoptedPosition(of: origin, at: 1) == mesh.publishedPosition(of: origin), "second \(round); \(replay(mesh).description)")
                if mesh.adoptedPosition(of: origin, at: 2) != mesh.publishedPosition(of: origin) { wasBehind = true }
            }
        }
        #expect(wasBehind, "the slow node kept up: it was not slow; \(replay(mesh).description)")
        mesh.endSlowness()

        #expect(mesh.run(until: \.isConverged, within: .seconds(60)), replay(mesh))
        expectSound(mesh)
    }

    /// Between two nodes hardly anything passes: each still has all that the other has published, by way of the rest.
    @Test(arguments: seeds(69))
    func aLinkThatIsCutToAKilobyteKeepsNothingBack(seed: UInt64) {
        let mesh = SimulatedMesh.make(operators: 5, seed: seed)
        mesh.startAll()
        mesh.run(for: .seconds(5))
        for other in [0, 2, 3] { mesh.limit(1, other, bitsPerSecond: 8_000) }
        for node in 0..<5 { mesh.observeSomething(at: node, count: 200) }

        #expect(mesh.run(until: \.isConverged, within: .seconds(120)), replay(mesh))
        expectSound(mesh)
    }

    /// A clock within the skew that heads are taken with harms nobody, in either direction.
    @Test(arguments: seeds(65, 66))
    func clocksThatJumpWithinTheSkewKeepNothingBack(seed: UInt64) {
        let mesh = SimulatedMesh.make(operators: 5, seed: seed)
        mesh.startAll()
        for round in 0..<20 {
            mesh.setClock(of: round % 5, offBy: .seconds(round.isMultiple(of: 2) ? 280 : -280))
            mesh.observeSomething(at: round * 3 % 5)
            mesh.run(for: .seconds(1))
        }

        #expect(mesh.run(until: \.isConverged, within: .seconds(60)), replay(mesh))
        expectSound(mesh)
    }
}

@Suite struct SteadyRunTests {
    @Test(arguments: seeds(91))
    func anOrdinaryDayIsReportedAndDrawn(seed: UInt64) {
        let run = SteadyRun(nodeCount: 20, duration: .seconds(120), lossPerMille: 100, seed: seed, headsPerNodePerHour: 30)

        let report = run.report()

        #expect(report.isSound, "replay: hearsay simulate --nodes 20 --seed \(seed): \(report.violations)")
        #expect(report.statistics.headToLastNode.count > 5)
        #expect(report.convergence.pairCount >= report.statistics.headToLastNode.count * 19)
        #expect(report.convergence.share(after: .zero) == 0)
        #expect(report.convergence.share(after: .seconds(120)) == 1, "all nodes got every head")
        let half = report.convergence.time(toReach: 0.5) ?? .seconds(999)
        #expect(half > .zero && half <= report.statistics.headToLastNode.maximum + ConvergenceCurve.step)
        #expect(report.convergence.share(after: half) >= 0.5)
        #expect(report.traceHash == run.report().traceHash, "seed \(seed)")

        let svg = ConvergencePlot(of: report.convergence, title: "20 nodes").svg
        #expect(svg.hasPrefix("<svg ") && svg.hasSuffix("</svg>\n"))
        #expect(svg.split(separator: " ").count { $0.contains(",") } > 300, "one point for each step of the axis")
    }
}

/// Large meshes, which begin acquainted: everybody holds the credentials and a first head of everybody.
@Suite struct LargeMeshTests {
    /// Sharing what nodes have in common changes nothing: the same inputs arrive at the same moments, whatever happens after the start.
    @Test(arguments: seeds(95, 96)) func nodesThatShareTheirTablesGoTheSameWay(seed: UInt64) {
        func mesh(sharing: Bool) -> SimulatedMesh {
            var conditions = NetworkConditions()
            conditions.datagramLossPerMille = 100
            let mesh = SimulatedMesh.make(
                operators: 24, seed: seed, roles: [5: .equivocator, 6: .garbage, 7: .withholder(Withholding())], outboundOnlyPerMille: 200,
                conditions: conditions, areAcquainted: true, sharesTables: sharing)
            mesh.startTogether()
            mesh.run(for: .seconds(20))
            for node in mesh.honestMembers { mesh.observeSomething(at: node) }
            mesh.run(for: .seconds(20))
            mesh.crash(3)
            mesh.run(for: .seconds(10))
            mesh.start(3)
            mesh.crash(4, isSilent: true)
            mesh.run(for: .seconds(30))
            mesh.observeSomething(at: 3)
            mesh.revoke(9, by: 0)
            mesh.run(for: .seconds(60))
            return mesh
        }
        let (shared, plain) = (mesh(sharing: true), mesh(sharing: false))

        #expect(shared.traceHash == plain.traceHash && shared.statistics.eventCount == plain.statistics.eventCount, "seed \(seed)")
        for node in shared.honestMembers where shared.isUp(node) {
            #expect(shared.status(of: node).map { "\($0)" } == plain.status(of: node).map { "\($0)" }, "seed \(seed), node \(node)")
        }
        #expect(shared.violations.isEmpty && plain.violations.isEmpty, "\(replay(shared).description)")
        #expect(shared.reports.contains { if case .equivocation = $0.event { true } else { false } }, "the books agreed; \(replay(shared).description)")
    }

    /// An ordinary quarter of an hour of a large mesh; `Scripts/simulate large` has more of them, and longer.
    @Test(arguments: seeds(97)) func aLargeMeshLosesNothingAndTakesNobodyForDead(seed: UInt64) {
        let nodeCount = 300
        let report = SteadyRun(nodeCount: nodeCount, duration: .seconds(600), lossPerMille: 100, seed: seed, headsPerNodePerHour: 1).report()

        #expect(report.isSound, "replay: hearsay simulate --nodes \(nodeCount) --seed \(seed): \(report.violations)")
        #expect(report.statistics.headToLastNode.count > 20)
        #expect(report.statistics.headToLastNode.maximum < AttackScenario.round * 10, "\(report.statistics.headToLastNode)")
        #expect(report.statistics.liveness.falseDeathCount == 0, "\(report.statistics.liveness)")
        print("\(nodeCount) nodes, seed \(seed): \(report.statistics.headToLastNode); \(report.statistics.liveness)")
    }

    @Test(arguments: seeds(98)) func evidenceReachesALargeMeshThoughThreeOfTenDropIt(seed: UInt64) {
        let report = EvidenceRun(nodeCount: 300, seed: seed, lossPerMille: 100).report()

        #expect(report.isSound, "replay: hearsay simulate --evidence --nodes 300 --seed \(seed): \(report)")
        #expect(report.honestCount == 209, "one keeps two books, and 90 pass on nothing")
        print("seed \(seed): evidence at \(report.informedCount) of \(report.honestCount) after \(report.spread as Any)")
    }
}
