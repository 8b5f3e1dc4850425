import NodeCore
import Primitives
import Simulation
import Testing

@Suite struct HostileMemberTests {
    /// Two of twelve members send noise, lies about contents and forged statements; the others converge and accuse nobody else.
    @Test func membersThatSpeakGarbageAreHarmless() {
        var kinds: Set<String> = []
        for seed in seeds(71, 72, 73) {
            var conditions = NetworkConditions()
            conditions.datagramLossPerMille = 50
            let mesh = SimulatedMesh.make(operators: 12, seed: seed, garbageSpeakers: [4, 9], conditions: conditions)
            mesh.startAll()
            for round in 0..<60 {
                mesh.run(for: .milliseconds(500))
                let node = round * 5 % 12
                if node != 4, node != 9 { mesh.observeSomething(at: node) }
            }

            let converged = mesh.run(until: \.isConverged, within: .seconds(90))

            #expect(converged, replay(mesh))
            expectSound(mesh)
            for case .misbehaviour(_, let misbehaviour) in mesh.reports.map(\.event) { kinds.insert(String("\(misbehaviour)".prefix { $0 != "(" })) }
        }
        // Not in each run: whoever sends noise as well is not listened to for long.
        #expect(kinds.isSuperset(of: ["malformed", "forgedStatements", "unexpectedFrame", "wrongContent"]), "the garbage did not arrive: \(kinds)")
    }

    /// The sponsor of a member revokes it: nobody talks to it any more, and what it publishes afterwards reaches nobody.
    @Test(arguments: seeds(81, 82, 83))
    func aRevokedMemberIsCutOffEverywhere(seed: UInt64) throws {
        let mesh = SimulatedMesh.make(operators: 10, seed: seed)
        // Rather one that was admitted by another operator than by the root, whose key the first operator holds.
        let outcast = (1..<10).first { mesh.sponsor(of: $0) != nil } ?? 9
        let sponsor = mesh.sponsor(of: outcast) ?? 0
        mesh.startAll()
        for node in 0..<10 { mesh.observeSomething(at: node) }
        #expect(mesh.run(until: \.isConverged, within: .seconds(30)), replay(mesh))
        let before = try #require(mesh.publishedPosition(of: outcast))

        mesh.revoke(outcast, by: sponsor)
        let isCutOff = mesh.run(until: { $0.sessionsOfRevoked().isEmpty }, within: .seconds(30))
        #expect(isCutOff, replay(mesh))
        mesh.observeSomething(at: outcast)
        mesh.observeSomething(at: mesh.honestMembers[0])
        mesh.run(for: .seconds(60))

        #expect(mesh.sessionsOfRevoked().isEmpty, replay(mesh))
        let after = try #require(mesh.publishedPosition(of: outcast))
        #expect(after > before, "the outcast has published nothing that could leak")
        for node in mesh.honestMembers { #expect(mesh.adoptedPosition(of: outcast, at: node) == nil, replay(mesh)) }
        #expect(mesh.isConverged, replay(mesh))
        expectSound(mesh)
    }
}
