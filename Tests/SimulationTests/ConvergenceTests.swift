import Ledger
import NodeCore
import Primitives
import Simulation
import Testing

@Suite struct ConvergenceTests {
    /// The smallest mesh, on a network without faults.
    @Test(arguments: seeds(1, 2, 3))
    func threeNodesConverge(seed: UInt64) {
        let mesh = SimulatedMesh.make(operators: 3, seed: seed)
        mesh.startAll()
        for node in 0..<3 { mesh.observeSomething(at: node) }

        let converged = mesh.run(until: \.isConverged, within: .seconds(20))

        #expect(converged, replay(mesh))
        expectSound(mesh)
        #expect(mesh.statistics.headToLastNode.count >= 3)
    }

    /// Fifty operators, a tenth of all datagrams lost, sessions breaking every second, a fifth of the nodes behind NAT.
    @Test(arguments: seeds(11, 12, 13, 14))
    func fiftyNodesConvergeThoughDatagramsAreLostAndSessionsBreak(seed: UInt64) {
        let mesh = SimulatedMesh.make(operators: 50, seed: seed, outboundOnlyPerMille: 200, conditions: .rough)
        mesh.startAll(within: .seconds(5))
        for round in 0..<60 {
            mesh.run(for: .milliseconds(500))
            mesh.observeSomething(at: round * 13 % 50)
        }

        let converged = mesh.run(until: \.isConverged, within: .seconds(60))

        #expect(converged, replay(mesh))
        expectSound(mesh)
        #expect(mesh.statistics.sessionBreakCount > 10, "the faults did not happen")
        #expect(mesh.statistics.lostDatagramCount > 100, "the faults did not happen")
        print("seed \(seed): \(mesh.statistics)")
    }

    /// Nobody knows the newcomer's certificates yet; they come as fast as its head, and not with the next ping.
    @Test(arguments: seeds(15, 16, 17))
    func theFirstHeadOfANewcomerIsSoonEverywhere(seed: UInt64) {
        let newcomer = 39
        let mesh = SimulatedMesh.make(operators: 40, seed: seed)
        for node in 0..<newcomer {
            mesh.start(node)
            mesh.observeSomething(at: node)
        }
        #expect(mesh.run(until: \.isConverged, within: .seconds(120)), replay(mesh))
        mesh.run(for: .seconds(30))

        mesh.start(newcomer)
        mesh.observeSomething(at: newcomer)
        let start = mesh.now
        let converged = mesh.run(until: { $0.isConverged && $0.publishedPosition(of: newcomer) != nil }, within: .seconds(120))
        print("seed \(seed): \(mesh.now - start)")

        #expect(converged && mesh.now - start <= .seconds(4), replay(mesh))
        expectSound(mesh)
    }

    /// Two halves that do not hear of each other for a minute, and go on publishing.
    @Test(arguments: seeds(21, 22, 23))
    func aHealedPartitionConverges(seed: UInt64) {
        let mesh = SimulatedMesh.make(operators: 16, seed: seed)
        mesh.startAll()
        for node in 0..<16 { mesh.observeSomething(at: node) }
        #expect(mesh.run(until: \.isConverged, within: .seconds(30)), replay(mesh))

        mesh.partition([Array(0..<8)])
        for node in [0, 3, 9, 15] { mesh.observeSomething(at: node) }
        mesh.run(for: .seconds(60))
        #expect(!mesh.isConverged && !mesh.disagreements().isEmpty, "the partition let something through")
        for node in 0..<8 { #expect(mesh.adoptedPosition(of: 3, at: node) == mesh.publishedPosition(of: 3) || node == 3, replay(mesh)) }

        mesh.heal()
        mesh.observeSomething(at: 5)
        let converged = mesh.run(until: \.isConverged, within: .seconds(120))

        #expect(converged, replay(mesh))
        expectSound(mesh)
    }

    /// The same calls on the same seed give the same run; another seed gives another.
    @Test(arguments: seeds(31, 32))
    func aSeedGivesTheSameRunTwice(seed: UInt64) {
        func run(_ seed: UInt64) -> (hash: UInt64, eventCount: Int) {
            var conditions = NetworkConditions.rough
            conditions.crashInterval = .seconds(2)
            let mesh = SimulatedMesh.make(operators: 12, seed: seed, garbageSpeakers: [5], outboundOnlyPerMille: 200, conditions: conditions)
            mesh.startAll()
            for node in 0..<12 { mesh.observeSomething(at: node) }
            mesh.run(for: .seconds(20))
            return (mesh.traceHash, mesh.statistics.eventCount)
        }

        let first = run(seed)

        #expect(first == run(seed), "seed \(seed)")
        #expect(first.hash != run(seed + 1_000).hash, "seed \(seed)")
        #expect(first.eventCount > 1_000, "seed \(seed)")
    }
}
