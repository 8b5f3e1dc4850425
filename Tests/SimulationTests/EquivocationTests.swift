import NodeCore
import Primitives
import Simulation
import Testing

/// Operators that keep two books, in meshes where not everybody passes on what it knows: `Protocol/replication.md` §8.
@Suite struct EquivocationTests {
    /// Places of the members that have the evidence.
    private func informed(_ mesh: SimulatedMesh, of origin: Int) -> Set<Int> {
        Set(
            mesh.reports.compactMap { report in
                if case .equivocation(mesh.origin(of: origin), _) = report.event { report.node } else { nil }
            })
    }

    /// Three of ten members pass on nothing at all. Everybody honest has the proof soon after the second book was opened, and of the equivocator nothing is left.
    @Test(arguments: seeds(301, 302, 303, 304))
    func anEquivocatorIsKnownToAllThoughManyKeepItToThemselves(seed: UInt64) {
        let equivocator = 7
        var roles: [Int: MemberRole] = [equivocator: .equivocator]
        for place in [2, 5, 8, 11, 14, 17, 20, 23, 26] { roles[place] = .withholder(Withholding()) }
        var conditions = NetworkConditions()
        conditions.datagramLossPerMille = 100
        let mesh = SimulatedMesh.make(operators: 30, seed: seed, roles: roles, conditions: conditions)
        mesh.startAll()
        for node in mesh.honestMembers { mesh.observeSomething(at: node) }

        let isKnown = mesh.run(until: { self.informed($0, of: equivocator).isSuperset(of: $0.honestMembers) }, within: .seconds(60))
        let time = mesh.now
        mesh.run(for: .seconds(30))

        #expect(isKnown, "\(informed(mesh, of: equivocator).count) of \(mesh.honestMembers.count) know; \(replay(mesh).description)")
        #expect(time < .seconds(60))
        for node in mesh.honestMembers { #expect(mesh.adoptedPosition(of: equivocator, at: node) == nil, replay(mesh)) }
        #expect(mesh.run(until: \.isConverged, within: .seconds(120)), replay(mesh))
        expectSound(mesh)
    }

    /// A hundred members, three of ten pass on nothing: 99 % of the honest ones have the proof within 20 rounds of the first.
    @Test(arguments: seeds(321)) func evidenceIsEverywhereWithinTwentyRoundsThoughThreeOfTenDropIt(seed: UInt64) {
        var roles: [Int: MemberRole] = [7: .equivocator]
        for place in stride(from: 10, to: 100, by: 3) { roles[place] = .withholder(Withholding()) }
        var conditions = NetworkConditions()
        conditions.datagramLossPerMille = 100
        let mesh = SimulatedMesh.make(operators: 100, seed: seed, roles: roles, conditions: conditions)
        mesh.startAll()

        #expect(mesh.run(until: { !self.informed($0, of: 7).isEmpty }, within: .seconds(60)), replay(mesh))
        let found = mesh.now
        let enough = mesh.honestMembers.count * 99 / 100
        let isKnown = mesh.run(until: { self.informed($0, of: 7).count >= enough }, within: .seconds(60), lookingEvery: .milliseconds(250))

        #expect(isKnown, "\(informed(mesh, of: 7).count) of \(mesh.honestMembers.count); \(replay(mesh).description)")
        #expect(mesh.honestMembers.count == 69 && mesh.violations.isEmpty, replay(mesh))
        print("seed \(seed): evidence at 99 % after \((mesh.now - found).clampedMilliseconds) ms")
    }

    /// Disks are put back to old copies again and again: each time the operator recovers, nobody loses a sighting and nobody is accused.
    @Test(arguments: seeds(311, 312, 313))
    func restoredBackupsAreMendedWithoutLoss(seed: UInt64) {
        let mesh = SimulatedMesh.make(operators: 8, seed: seed)
        mesh.startAll()
        for node in 0..<8 { mesh.observeSomething(at: node) }
        #expect(mesh.run(until: \.isConverged, within: .seconds(30)), replay(mesh))
        var restoredCount = 0
        for round in 0..<6 {
            let node = 1 + round % 4
            mesh.takeBackup(of: node)
            for _ in 0..<3 {
                mesh.observeSomething(at: node)
                mesh.run(for: .seconds(2))
            }
            restoredCount += mesh.restoreBackup(of: node) ? 1 : 0
            mesh.start(node)
            mesh.run(for: .seconds(20))
            mesh.observeSomething(at: node)
        }

        #expect(restoredCount == 6, replay(mesh))
        #expect(mesh.run(until: \.isConverged, within: .seconds(120)), replay(mesh))
        expectSound(mesh)
        for node in 1...4 { #expect((mesh.publishedPosition(of: node)?.generation ?? 0) > 1, "no new generation was needed; \(replay(mesh).description)") }
        #expect(!mesh.reports.contains { if case .equivocation = $0.event { true } else { false } }, replay(mesh))
    }
}
