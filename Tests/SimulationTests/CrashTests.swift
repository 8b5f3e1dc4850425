import NodeCore
import Primitives
import Simulation
import Testing

@Suite struct CrashTests {
    /// Nodes crash every second, half of them without a word, and start again from what their disks kept.
    @Test(arguments: seeds(41, 42, 43, 44))
    func crashesAtRandomMomentsLoseNoAcknowledgedSighting(seed: UInt64) {
        var conditions = NetworkConditions()
        conditions.datagramLossPerMille = 50
        conditions.crashInterval = .seconds(1)
        conditions.downTime = .milliseconds(50) ... .seconds(8)
        conditions.diskFailurePerMille = 20
        let mesh = SimulatedMesh.make(operators: 12, seed: seed, conditions: conditions)
        mesh.startAll()
        for round in 0..<120 {
            mesh.run(for: .milliseconds(250))
            mesh.observeSomething(at: round * 5 % 12, count: 2)
        }

        mesh.conditions.crashInterval = nil
        mesh.conditions.diskFailurePerMille = 0
        let converged = mesh.run(until: { $0.isConverged && (0..<12).allSatisfy($0.isUp) }, within: .seconds(120))

        #expect(converged, replay(mesh))
        expectSound(mesh)
        #expect(mesh.statistics.crashCount > 10, "the faults did not happen")
    }

    /// The moments that matter: while a head is being written, and just after it has been told.
    @Test(arguments: seeds(51, 52))
    func aCrashAroundAPublicationLosesNothing(seed: UInt64) {
        let mesh = SimulatedMesh.make(operators: 3, seed: seed)
        mesh.startAll()
        for node in 0..<3 { mesh.observeSomething(at: node) }
        #expect(mesh.run(until: \.isConverged, within: .seconds(30)), replay(mesh))

        for millisecond in stride(from: 0, through: 120, by: 3) {
            mesh.observeSomething(at: 1, count: 1)
            mesh.run(for: .milliseconds(millisecond))
            mesh.crash(1, isSilent: millisecond.isMultiple(of: 2))
            mesh.run(for: .milliseconds(20))
            mesh.start(1)
            mesh.run(for: .milliseconds(400))
        }
        let converged = mesh.run(until: \.isConverged, within: .seconds(120))

        #expect(converged, replay(mesh))
        expectSound(mesh)
    }

    /// The control: with disks that answer before they have synced, the same scenario must be noticed as broken.
    ///
    /// That heads went back is seen every time. Whether somebody still holds the lost head when its node comes back, and halts it, is up to the dice.
    @Test func disksThatLieAreNoticed() {
        var haltedCount = 0
        for seed in seeds(54, 55, 56) {
            var conditions = NetworkConditions()
            conditions.disksLie = true
            conditions.crashInterval = .milliseconds(500)
            let mesh = SimulatedMesh.make(operators: 6, seed: seed, conditions: conditions)
            mesh.startAll()
            for round in 0..<240 {
                mesh.run(for: .milliseconds(250))
                mesh.observeSomething(at: round % 6, count: 2)
            }

            let wentBack = mesh.violations.contains { if case .headWentBack = $0 { true } else { false } }
            #expect(wentBack, replay(mesh))
            let isStopped = mesh.violations.contains {
                switch $0 {
                case .equivocation, .signingHalted: true
                default: false
                }
            }
            haltedCount += isStopped ? 1 : 0
        }
        #expect(haltedCount > 0)
    }

    /// Whoever is stopped again while it stands still hears everything in the order in which it was sent: on slow lines a frame would overtake the greeting.
    @Test(arguments: seeds(83)) func aPauseWithinAPauseOvertakesNothing(seed: UInt64) {
        var conditions = NetworkConditions()
        conditions.sessionBreakInterval = .milliseconds(400)
        conditions.latency = .milliseconds(50) ... .milliseconds(200)
        conditions.bitsPerSecond = 1 << 17
        conditions.jitter = .milliseconds(100)
        let mesh = SimulatedMesh.make(operators: 5, seed: seed, conditions: conditions)
        mesh.startAll()

        for round in 0..<100 {
            for node in 1...3 { mesh.pause(node, for: .milliseconds(250)) }
            mesh.observeSomething(at: round % 5, count: 1)
            mesh.run(for: .milliseconds(150))
            for node in 1...3 { mesh.pause(node, for: .milliseconds(400)) }
            mesh.run(for: .milliseconds(800))
        }

        #expect(mesh.violations.isEmpty, replay(mesh))
    }
}
