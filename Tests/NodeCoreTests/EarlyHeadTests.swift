import Cryptography
import Ledger
import NodeCore
import Primitives
import Testing
import WireFormat

/// Heads whose time is still to come, by the clock of whoever receives them (`Protocol/replication.md` §5).
@Suite struct EarlyHeadTests {
    private static let hour = Duration.seconds(3_600)
    private static let twentyMinutes = Duration.seconds(1_200)

    private func heldBack(_ mesh: TinyMesh, at index: Int) -> [NodeStatus.HeldBack?] {
        mesh.members[index].core.status(at: mesh.now).origins.map(\.heldBack)
    }

    @Test func whatAWrongClockHasHeldBackIsFollowedOnceTheClockIsRight() {
        let mesh = TinyMesh(["alpha", "beta"], seed: 31)
        mesh.start()
        mesh.run(for: .seconds(20))
        mesh.members[1].clockError = Self.hour * -1
        mesh.publish([1, 2, 3], by: 0)
        mesh.run(for: .seconds(60))
        #expect(mesh.codes(of: 0, at: 1) == [] && heldBack(mesh, at: 1) == [.early])

        mesh.members[1].clockError = .zero
        mesh.run(for: .seconds(2))
        #expect(mesh.codes(of: 0, at: 1) == [1, 2, 3] && heldBack(mesh, at: 1) == [nil])
    }

    @Test func aHeadThatIsAheadOfTimeIsFollowedWhenItsTimeHasCome() {
        let mesh = TinyMesh(["alpha", "beta"], seed: 32)
        mesh.start()
        mesh.run(for: .seconds(20))
        mesh.members[0].clockError = Self.twentyMinutes
        mesh.publish([1, 2, 3], by: 0)
        mesh.run(for: Self.twentyMinutes - Limits.clockSkew - .seconds(60))
        #expect(mesh.codes(of: 0, at: 1) == [] && heldBack(mesh, at: 1) == [.early])

        mesh.run(for: .seconds(120))
        #expect(mesh.codes(of: 0, at: 1) == [1, 2, 3])
    }

    /// Whoever has stolen a key could else keep the owner's heads out by one from far ahead.
    @Test func aHeadFromFarAheadDoesNotStandInTheWayOfOthers() {
        let mesh = TinyMesh(["alpha", "beta"], seed: 33)
        mesh.start()
        mesh.run(for: .seconds(20))
        let ahead = Signed.make(
            Head(
                origin: mesh.operators[0].origin, position: HeadPosition(generation: 1, sequence: 3_000), issuedAt: mesh.now.timestamp + Self.hour * 24,
                lifetimeSeconds: 60, manifestRoot: .zero, entryCount: 0, sightingCount: 0, dataByteCount: 0, historyRoot: .zero)!,
            with: mesh.operators[0].generationKey)
        for session in mesh.openSessions(between: 1, and: 0) { mesh.give(1, .datagram(session, DatagramMessage.heads([ahead.bytes]).encoded())) }
        mesh.run(for: .seconds(1))
        #expect(heldBack(mesh, at: 1) == [.early])

        mesh.publish([1, 2, 3], by: 0)
        mesh.run(for: .seconds(20))
        #expect(mesh.codes(of: 0, at: 1) == [1, 2, 3])
    }
}
