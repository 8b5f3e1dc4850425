import NodeCore
import Primitives
import Simulation
import Testing

@Suite struct VersionAndNatTests {
    /// A third know neither changes nor histories: they are told "unknown", and everything travels by whole manifests to and from them.
    @Test(arguments: seeds(601)) func olderVersionsAgreeWithNewerOnes(seed: UInt64) {
        let mesh = SimulatedMesh.make(operators: 12, seed: seed, oldVersions: [2, 5, 8, 11])
        mesh.startAll()
        for round in 0..<40 {
            mesh.run(for: .milliseconds(500))
            mesh.observeSomething(at: round * 5 % 12)
        }

        #expect(mesh.run(until: \.isConverged, within: .seconds(60)), replay(mesh))
        expectSound(mesh)
        #expect(mesh.oldVersionAskedCount > 10, "nobody asked an older version for what it does not know")
    }

    /// Members behind NATs that forget a mapping after 30 s of silence are full members, and nobody suspects them.
    @Test(arguments: seeds(602)) func aNatThatForgetsHarmsNobody(seed: UInt64) {
        var conditions = NetworkConditions()
        conditions.natTimeout = .seconds(30)
        let mesh = SimulatedMesh.make(operators: 20, seed: seed, outboundOnlyPerMille: 400, conditions: conditions)
        mesh.startAll()
        for node in 0..<20 { mesh.observeSomething(at: node) }
        #expect(mesh.run(until: \.isConverged, within: .seconds(60)), replay(mesh))
        mesh.beginMeasurement()
        for round in 0..<60 {
            mesh.run(for: .seconds(20))
            mesh.observeSomething(at: round * 7 % 20, count: 1)
        }

        #expect(mesh.run(until: \.isConverged, within: .seconds(60)), replay(mesh))
        expectSound(mesh)
        #expect(mesh.natForgottenCount > 10, "no mapping was forgotten")
        #expect(mesh.statistics.liveness.falseDeathCount == 0, replay(mesh))
    }
}
