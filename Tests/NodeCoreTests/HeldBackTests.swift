import Cryptography
import Ledger
import Primitives
import Testing
import WireFormat

@testable import NodeCore

/// Heads that are held back are not looked at every second, and are followed in time all the same (`Protocol/replication.md` §5).
@Suite struct HeldBackTests {
    /// An operator that nobody runs a node of, with one head.
    private struct Absentee {
        let keys: TestOperator
        let head: Verified<Head>

        init(in mesh: TinyMesh, issuedAt: Timestamp) {
            keys = TestOperator(name: "absent", using: &mesh.random)
            head = Signed.make(
                Head(
                    origin: keys.origin, position: HeadPosition(generation: 1, sequence: 1), issuedAt: issuedAt, lifetimeSeconds: 60, manifestRoot: .zero,
                    entryCount: 0, sightingCount: 0, dataByteCount: 0, historyRoot: .zero)!, with: keys.generationKey)
        }

        func membership(in mesh: TinyMesh, for lifetime: Duration) -> [UInt8] {
            Signed.make(
                MembershipCertificate(
                    mesh: mesh.mesh, member: keys.origin, displayName: keys.name, sponsor: mesh.root.verifyingKey, notBefore: mesh.now.timestamp,
                    notAfter: mesh.now.timestamp + lifetime)!, with: mesh.root
            ).bytes
        }
    }

    private func mesh(seed: UInt64) -> TinyMesh {
        let mesh = TinyMesh(["alpha"], seed: seed)
        mesh.start()
        mesh.run(for: .seconds(5))
        return mesh
    }

    private func learn(_ statements: [[UInt8]], in mesh: TinyMesh) {
        mesh.give(0, .command(.learn(statements)))
        mesh.settle()
    }

    private func status(of absentee: Absentee, in mesh: TinyMesh) -> NodeStatus.Origin? {
        mesh.members[0].core.status(at: mesh.now).origins.first { $0.origin == absentee.keys.origin }
    }

    @Test func whoseMembershipIsRenewedIsFollowedAtOnce() {
        let mesh = mesh(seed: 61)
        let absentee = Absentee(in: mesh, issuedAt: mesh.now.timestamp)
        learn([absentee.membership(in: mesh, for: .seconds(60)), absentee.keys.generation(at: mesh.now.timestamp).bytes], in: mesh)
        mesh.run(for: .seconds(120))
        learn([absentee.head.bytes], in: mesh)
        mesh.run(for: .seconds(60))
        #expect(status(of: absentee, in: mesh)?.heldBack == .early && status(of: absentee, in: mesh)?.wanted == nil)

        learn([absentee.membership(in: mesh, for: .seconds(3_600))], in: mesh)
        mesh.run(for: .seconds(2))

        #expect(status(of: absentee, in: mesh)?.heldBack == nil)
        #expect(status(of: absentee, in: mesh)?.wanted == absentee.head.body.position)
    }

    /// It was ahead, and its membership had ended before its time.
    @Test func aClockThatIsSetBackReleasesWhatHadLapsed() {
        let mesh = mesh(seed: 62)
        let absentee = Absentee(in: mesh, issuedAt: mesh.now.timestamp)
        learn([absentee.membership(in: mesh, for: .seconds(3_600)), absentee.keys.generation(at: mesh.now.timestamp).bytes], in: mesh)
        mesh.members[0].clockError = .seconds(7_200)
        learn([absentee.head.bytes], in: mesh)
        mesh.run(for: .seconds(60))
        #expect(status(of: absentee, in: mesh)?.heldBack == .early)

        mesh.members[0].clockError = .zero
        mesh.run(for: .seconds(2))

        #expect(status(of: absentee, in: mesh)?.wanted == absentee.head.body.position)
    }

    /// What waits for tomorrow is looked at once, and not each second.
    @Test func aHeadOfTomorrowIsLeftAloneUntilItIsDue() throws {
        let mesh = mesh(seed: 63)
        let absentee = Absentee(in: mesh, issuedAt: mesh.now.timestamp + .seconds(86_400))
        learn([absentee.membership(in: mesh, for: .seconds(86_400 * 2)), absentee.keys.generation(at: mesh.now.timestamp).bytes], in: mesh)
        learn([absentee.head.bytes], in: mesh)
        mesh.run(for: .seconds(3))

        let wait = try #require(mesh.members[0].core.early[absentee.keys.origin])
        let due = absentee.head.body.issuedAt + Limits.clockSkew * -1
        #expect(wait.isOn(at: due + .milliseconds(-1), mesh.members[0].core.members) && !wait.isOn(at: due, mesh.members[0].core.members))
    }
}
