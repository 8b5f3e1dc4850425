import Cryptography
import Primitives
import Testing
import WireFormat

@testable import NodeCore

/// Whoever can connect, and is nobody: as many keys as it likes cost it nothing.
@Suite struct StrangerTests {
    @Test func strangersThatMisbehaveLeaveNothingBehind() {
        let mesh = TinyMesh(["alpha", "beta"], seed: 51)
        mesh.start()
        mesh.run(for: .seconds(20))
        let before = mesh.members[0].core.backoff.count

        for number in 0..<500 as Range<UInt64> {
            let id = SessionID(1 << 40 + number)
            mesh.give(0, .sessionOpened(id, SessionOpening(remoteKey: AgreementKey(using: &mesh.random).publicKey)))
            mesh.give(0, .frame(id, Frame(.ping, body: [])))
            mesh.give(0, .sessionClosed(id))
        }
        mesh.settle()

        #expect(mesh.members[0].events.count { if case .misbehaviour = $0 { true } else { false } } == 500)
        #expect(mesh.members[0].core.backoff.count == before)
        #expect(mesh.members[0].core.sessions.count == 1)
    }
}
