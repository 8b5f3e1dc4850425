import Cryptography
import Ledger
import Membership
import NodeCore
import Primitives
import Testing
import WireFormat

/// An operator certifies nodes of its own with the transport key of somebody else's: nobody checks whether they hold it (`Protocol/statements.md` §6).
@Suite struct ClaimedKeyTests {
    private static let (alpha, beta, mallory) = (0, 1, 2)

    /// Three nodes that know each other; alpha then learns that so many nodes of mallory's claim beta's key.
    private func mesh(seed: UInt64, claimants: Int, at place: Int = mallory) -> TinyMesh {
        let mesh = TinyMesh(["alpha", "beta", "mallory"], seed: seed)
        mesh.start()
        mesh.run(for: .seconds(30))
        let (victim, thief) = (mesh.operators[Self.beta], mesh.operators[Self.mallory])
        for _ in 0..<claimants {
            let nodeKey = SigningKey(using: &mesh.random)
            let node = NodeID(nodeKey.verifyingKey.raw)
            let certificate = NodeCertificate(
                origin: thief.origin, serial: 1, node: node, transportKey: victim.transportKey.publicKey, roles: .replica, notBefore: mesh.now.timestamp,
                notAfter: mesh.now.timestamp + Limits.nodeCertificateLifetime)!
            let record = PeerRecord(node: node, incarnation: 1, flags: [], addresses: [mesh.operators[place].address])!
            mesh.give(Self.alpha, .command(.learn([Signed.make(certificate, with: thief.identityKey).bytes, Signed.make(record, with: nodeKey).bytes])))
        }
        mesh.settle()
        return mesh
    }

    private func part(_ mesh: TinyMesh) {
        for session in mesh.openSessions(between: Self.alpha, and: Self.beta) { mesh.cut(session) }
        mesh.settle()
    }

    private func peer(_ index: Int, in mesh: TinyMesh) -> NodeStatus.Peer? {
        mesh.members[Self.alpha].core.status(at: mesh.now).peers.first { $0.node == mesh.operators[index].node }
    }

    @Test func blockingWhoClaimsAKeyDoesNotBlockWhoHoldsIt() {
        let mesh = mesh(seed: 1, claimants: 1)
        mesh.give(Self.alpha, .command(.rule(.blocked, on: mesh.operators[Self.mallory].origin)))
        part(mesh)
        mesh.run(for: .seconds(60))

        #expect(peer(Self.beta, in: mesh)?.isConnected == true)
        #expect(peer(Self.mallory, in: mesh)?.isConnected == false)
    }

    /// What fails because it was made up is waited with for those who made it up.
    @Test(arguments: [2, 3, 4] as [UInt64]) func attemptsAtThoseWhoClaimAKeyDoNotDelayOnesAtWhoHoldsIt(seed: UInt64) {
        let mesh = mesh(seed: seed, claimants: 14)
        mesh.cutLinks = [[Self.alpha, Self.beta]]
        part(mesh)
        mesh.run(for: .seconds(10))
        mesh.cutLinks = []
        mesh.members[Self.beta].timers = []  // It does nothing by itself any more: alpha has to.
        mesh.run(for: .seconds(30))

        #expect(peer(Self.beta, in: mesh)?.isConnected == true, "run again with seed \(seed)")
    }

    /// Where the made-up record says the truth, the handshake shows who holds the key, and not who claims it.
    @Test(arguments: [5, 6, 7] as [UInt64]) func whoOnlyClaimsAKeyIsNeverTakenForBeingThere(seed: UInt64) {
        let mesh = mesh(seed: seed, claimants: 4, at: Self.beta)
        for _ in 0..<5 {
            part(mesh)
            mesh.run(for: .seconds(60))
        }

        let peers = mesh.members[Self.alpha].core.status(at: mesh.now).peers
        let others = peers.filter { peer in mesh.operators.contains { $0.node == peer.node } }
        let claimants = peers.filter { peer in !mesh.operators.contains { $0.node == peer.node } }
        #expect(claimants.count == 4 && claimants.allSatisfy { $0.state != .alive && !$0.isConnected }, "run again with seed \(seed)")
        #expect(others.allSatisfy { $0.state == .alive && $0.isConnected }, "run again with seed \(seed)")
        #expect(mesh.openSessions(between: Self.alpha, and: Self.beta).count == 1)
        let isSuspected = mesh.members[Self.alpha].events.contains { event in
            if case .memberState(mesh.operators[Self.beta].node, _, let state) = event { state != .alive } else { false }
        }
        #expect(!isSuspected, "run again with seed \(seed)")
    }
}
