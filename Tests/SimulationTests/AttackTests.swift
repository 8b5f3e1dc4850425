import Primitives
import Simulation
import Testing

/// The attacks that GossipSub's evaluation names (`Protocol/invariants.md`).
@Suite struct AttackTests {
    /// Whatever a third of the members do, the others hear of each other in time, and nobody is accused or taken for dead.
    @Test(arguments: AttackScenario.allCases.filter { $0 != .coLocation }, seeds(401))
    func anAttackComesToNothing(scenario: AttackScenario, seed: UInt64) {
        let outcome = scenario.run(nodeCount: 30, seed: seed)

        #expect(outcome.failures.isEmpty, "replay: hearsay simulate --attack \(scenario.rawValue) --nodes 30 --seed \(seed)")
        #expect(outcome.withheldCount > 100, "there was hardly an attack")
        print("\(scenario.rawValue), seed \(seed): \(outcome.statistics.headToLastNode)")
    }

    /// Half of the members sit in one network: chance would give them half of the sessions that the others dial, and they get a quarter at most.
    @Test(arguments: seeds(1, 402)) func attackersInOnePlaceGetFewSessions(seed: UInt64) {
        let outcome = AttackScenario.coLocation.run(nodeCount: 80, seed: seed)

        #expect(outcome.failures.isEmpty, "replay: hearsay simulate --attack coLocation --nodes 80 --seed \(seed): \(outcome.failures)")
        print("coLocation, seed \(seed): \(outcome.dialedAttackersPerMille) of 1,000 dialed sessions, \(outcome.statistics.headToLastNode)")
    }

    /// The control: if hardly anybody passes anything on, that is noticed.
    @Test(arguments: seeds(403)) func anAttackBeyondAThirdIsNoticed(seed: UInt64) {
        var roles: [Int: MemberRole] = [:]
        for place in 2..<12 { roles[place] = .withholder(Withholding()) }
        let mesh = SimulatedMesh.make(operators: 12, seed: seed, roles: roles)
        mesh.separate(0, 1)
        mesh.startAll()
        for node in [0, 1] { mesh.observeSomething(at: node, count: 1) }

        #expect(!mesh.run(until: \.isConverged, within: .seconds(120)), "news passed where nobody passes it on; \(replay(mesh).description)")
    }
}
