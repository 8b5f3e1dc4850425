import Membership
import NodeCore
import Primitives
import Simulation
import Testing

/// What nodes think of each other, in whole meshes (`Protocol/liveness.md`).
@Suite struct LivenessTests {
    /// Sixty operators, a twentieth of all datagrams lost; one process is killed, and comes back.
    @Test(arguments: seeds(41, 42)) func aKilledNodeIsNoticedByAllWithinTenSecondsAndComesBack(seed: UInt64) {
        let mesh = Self.mesh(of: 60, seed: seed)
        mesh.beginMeasurement()

        mesh.crash(7)
        mesh.run(for: .seconds(10))

        #expect(Self.observers(of: 7, in: mesh) { $0 == .suspect || $0 == .dead } == 59, replay(mesh))
        mesh.run(for: .seconds(30))
        #expect(Self.observers(of: 7, in: mesh) { $0 == .dead } == 59, replay(mesh))
        #expect(mesh.statistics.liveness.falseSuspicionCount == 0, replay(mesh))

        mesh.start(7)
        mesh.run(for: .seconds(60))

        #expect(Self.observers(of: 7, in: mesh) { $0 == .alive } == 59, replay(mesh))
        print("seed \(seed): \(mesh.statistics.liveness)")
    }

    /// The power goes: nobody is told, nothing answers any more.
    @Test(arguments: seeds(43)) func aNodeThatFallsSilentIsFoundOutByAll(seed: UInt64) {
        let mesh = Self.mesh(of: 60, seed: seed)

        mesh.crash(7, isSilent: true)
        mesh.run(for: .seconds(40))

        #expect(Self.observers(of: 7, in: mesh) { $0 == .dead } == 59, replay(mesh))
    }

    /// A hundred operators for two hours: nobody who is there is ever taken for dead.
    @Test(arguments: seeds(44)) func nobodyAliveIsTakenForDeadAtFivePercentLoss(seed: UInt64) {
        let mesh = Self.mesh(of: 100, seed: seed)
        mesh.beginMeasurement()

        mesh.run(for: .seconds(7_200))

        #expect(mesh.statistics.liveness.falseDeathCount == 0, replay(mesh))
        #expect(mesh.statistics.liveness.falseSuspicionsPerNodeHour < 0.01, replay(mesh))
        #expect(mesh.statistics.lostDatagramCount > 1_000, "the faults did not happen")
        print("seed \(seed): \(mesh.statistics)")
    }

    /// Two halves take each other for dead, and grow together again by themselves.
    @Test(arguments: seeds(45)) func aHealedPartitionRejoinsByItself(seed: UInt64) {
        let mesh = Self.mesh(of: 20, seed: seed)
        mesh.partition([Array(0..<10), Array(10..<20)])
        mesh.run(for: .seconds(300))
        let parted = (1..<10).map { Self.observers(of: $0, in: mesh) { $0 == .dead } }
        #expect(parted.allSatisfy { $0 == 10 }, "\(parted) \(replay(mesh))")

        mesh.heal()
        mesh.run(for: .seconds(900))

        let together = (0..<20).map { Self.observers(of: $0, in: mesh) { $0 == .alive } }
        #expect(together.allSatisfy { $0 == 19 }, "\(together) \(replay(mesh))")
    }

    /// Members that cannot be dialed are known to be there all the same.
    @Test(arguments: seeds(46)) func outboundOnlyMembersAreNotSuspected(seed: UInt64) {
        let mesh = Self.mesh(of: 30, seed: seed, outboundOnlyPerMille: 300)
        mesh.beginMeasurement()

        mesh.run(for: .seconds(1_800))

        #expect(mesh.statistics.liveness.falseSuspicionCount == 0, replay(mesh))
    }

    /// Nobody can look at it itself: what its neighbours have found, of several operators, spreads all the same.
    @Test(arguments: seeds(49)) func anOutboundOnlyMemberThatFallsSilentIsFoundOutByAll(seed: UInt64) throws {
        let mesh = Self.mesh(of: 30, seed: seed, outboundOnlyPerMille: 300)
        let silent = try #require((1..<30).first { node in
            mesh.status(of: 0)?.peers.contains { $0.origin == mesh.origin(of: node) && $0.addresses.isEmpty } ?? false
        })

        mesh.crash(silent, isSilent: true)
        mesh.run(for: .seconds(90))

        #expect(Self.observers(of: silent, in: mesh) { $0 == .dead } == 29, replay(mesh))
    }

    /// Stops in order: nobody suspects it, all know that it has left.
    @Test(arguments: seeds(47)) func whoLeavesSaysSo(seed: UInt64) {
        let mesh = Self.mesh(of: 20, seed: seed)
        mesh.beginMeasurement()

        mesh.command(.leave, at: 7)
        mesh.run(for: .milliseconds(500))
        mesh.crash(7)
        mesh.run(for: .seconds(60))

        #expect(Self.observers(of: 7, in: mesh) { $0 == .left } == 19, replay(mesh))
        #expect(mesh.statistics.liveness.falseSuspicionCount == 0, replay(mesh))
        mesh.start(7)
        mesh.run(for: .seconds(90))
        #expect(Self.observers(of: 7, in: mesh) { $0 == .alive } == 19, replay(mesh))
    }

    /// TCP keeps the order: what has waited out a cut is not overtaken by what is sent after it, whatever divides the mesh next.
    @Test(arguments: seeds(48)) func whatWaitedForACutIsNotOvertaken(seed: UInt64) {
        let mesh = SimulatedMesh.make(operators: 4, seed: seed)
        mesh.startAll(within: .milliseconds(10))
        for _ in 0..<40 {
            mesh.cut(from: [0, 1], to: [2, 3])
            mesh.run(for: .milliseconds(150))
            mesh.partition([[0, 1, 2, 3]])
            mesh.run(for: .milliseconds(700))
            mesh.crash(2)
            mesh.start(2)
        }

        #expect(mesh.violations.isEmpty, "\(mesh.violations) \(replay(mesh))")
    }

    /// Started, and settled down: everybody has been heard.
    static func mesh(of count: Int, seed: UInt64, outboundOnlyPerMille: UInt64 = 0) -> SimulatedMesh {
        var conditions = NetworkConditions()
        conditions.datagramLossPerMille = 50
        let mesh = SimulatedMesh.make(operators: count, seed: seed, outboundOnlyPerMille: outboundOnlyPerMille, conditions: conditions)
        mesh.startAll()
        mesh.run(for: .seconds(120))
        return mesh
    }

    /// How many of the others see a node in such a state.
    static func observers(of node: Int, in mesh: SimulatedMesh, _ matches: (FailureDetector.State) -> Bool) -> Int {
        (0..<mesh.count).count { observer in
            guard observer != node, let status = mesh.status(of: observer) else { return false }
            return status.peers.contains { $0.origin == mesh.origin(of: node) && matches($0.state) }
        }
    }
}
