import Cryptography
import Ledger
@testable import NodeCore
import Primitives
import Replication
import Testing
import WireFormat

/// Members that answer beside the question, say too much, or go away at the wrong moment: what was asked of them is asked of others.
@Suite struct StubbornPeerTests {
    /// Beta hears of alpha's heads from gamma only, until the link is mended.
    private func mesh(seed: UInt64) -> TinyMesh {
        let mesh = TinyMesh(["alpha", "beta", "gamma"], seed: seed)
        mesh.cutLinks = [[0, 1]]
        mesh.start()
        mesh.run(for: .seconds(20))
        return mesh
    }

    @Test(arguments: [FrameType.unknown, .bucket, .history, .statements]) func contentThatIsNotAnsweredWithContentIsAskedOfOthers(type: FrameType) {
        let mesh = mesh(seed: 51)
        mesh.onFrame = { from, frame in
            guard from == 2, frame.isAnswer, frame.knownType == .changes || frame.knownType == .manifest else { return frame }
            return Frame(type, requestID: frame.requestID, isAnswer: true, body: [])
        }
        mesh.onDatagram = { from, bytes in
            guard from == 2, case .headWithChange(let news)? = try? DatagramMessage(decoding: bytes) else { return bytes }
            return DatagramMessage.heads([news.head]).encoded()
        }
        mesh.publish([1, 2], by: 0)
        mesh.run(for: .seconds(10))
        #expect(mesh.codes(of: 0, at: 2) == [1, 2] && mesh.codes(of: 0, at: 1) == [])

        mesh.cutLinks = []
        mesh.run(for: .seconds(600))
        #expect(mesh.codes(of: 0, at: 1) == [1, 2])
        #expect(mesh.members[1].events.contains { if case .misbehaviour(_, .unexpectedFrame) = $0 { true } else { false } })
    }

    /// Histories that were asked for on a session that ends are asked for on another.
    @Test func aHistoryIsAskedOfOthersWhenTheSessionEnds() {
        let mesh = TinyMesh(["alpha", "beta", "gamma"], seed: 52)
        for index in [0, 2] { mesh.give(index, .start) }
        mesh.run(for: .seconds(5))
        for last in 1...3 as ClosedRange<UInt64> {
            mesh.publish(Array(1...last), by: 0)
            mesh.run(for: .seconds(5))
        }
        var asked = 0
        mesh.onFrame = { from, frame in
            guard from == 1, frame.knownType == .historyRequest else { return frame }
            asked += 1
            return asked == 1 ? nil : frame
        }
        mesh.give(1, .start)
        mesh.run(for: .seconds(2))
        #expect(asked == 1)
        for other in [0, 2] { for session in mesh.openSessions(between: 1, and: other) { mesh.cut(session) } }
        mesh.run(for: .seconds(20))
        mesh.publish(Array(1...4), by: 0)
        mesh.run(for: .seconds(5))

        let histories = [1, 2].map { mesh.members[$0].core.histories[mesh.operators[0].origin]?.leafCount }
        #expect(asked > 1 && histories[0] != nil && histories[0] == histories[1])
    }

    /// While the disk is at work on a head, a new generation declares it void, and a head of that follows.
    @Test func aHeadThatIsVoidBeforeTheDiskHasItDoesNotStandInTheWay() throws {
        let mesh = TinyMesh(["alpha", "beta"], seed: 53)
        mesh.start()
        mesh.run(for: .seconds(5))
        mesh.slowDisk = 1
        mesh.publish([1, 2], by: 0)
        mesh.run(for: .seconds(5))

        let (alpha, now) = (mesh.operators[0], mesh.now.timestamp)
        let key = SigningKey(using: &mesh.random)
        let certificate = Signed.make(
            try #require(
                GenerationCertificate(
                    origin: alpha.origin, generation: 2, signingKey: key.verifyingKey, notBefore: now, notAfter: now + .seconds(86_400), reason: .compromise)),
            with: alpha.identityKey)
        let empty = Signed.make(
            try #require(
                Head(
                    origin: alpha.origin, position: HeadPosition(generation: 2, sequence: 1), issuedAt: now, lifetimeSeconds: 3_600,
                    manifestRoot: Manifest.empty.root, entryCount: 0, sightingCount: 0, dataByteCount: 0,
                    historyRoot: HistoryTree(certificateHash: certificate.hash).root)), with: key)
        mesh.give(1, .command(.learn([certificate.bytes])))
        mesh.settle()
        mesh.give(1, .command(.learn([empty.bytes])))
        mesh.settle()
        mesh.releaseAdoptions()
        mesh.run(for: .seconds(1))

        #expect(mesh.members[1].core.status(at: mesh.now).origins.map(\.adopted) == [HeadPosition(generation: 2, sequence: 1)])
        #expect(mesh.members[1].core.fetches.pendingCount == 0)
    }

    // MARK: Statements that wait

    /// Heads of generations that nobody has heard of, by an operator that is a member; they need no signature to be let wait.
    private func unheardOf(_ count: Int, of mesh: TinyMesh) -> [[UInt8]] {
        (1...count).map { number in
            Signed.make(
                Head(
                    origin: mesh.operators[2].origin, position: HeadPosition(generation: 9, sequence: UInt64(number)), issuedAt: mesh.now.timestamp,
                    lifetimeSeconds: 60, manifestRoot: .zero, entryCount: 0, sightingCount: 0, dataByteCount: 0, historyRoot: .zero)!,
                with: mesh.operators[2].nodeKey).bytes
        }
    }

    @Test func oneOperatorDoesNotFillTheRoomForAll() throws {
        let mesh = TinyMesh(["alpha", "beta", "gamma"], seed: 54)
        mesh.start()
        mesh.run(for: .seconds(20))
        let session = try #require(mesh.openSessions(between: 1, and: 2).first)
        let heads = unheardOf(600, of: mesh)
        for start in stride(from: 0, to: heads.count, by: 5) {
            mesh.give(1, .datagram(session, DatagramMessage.heads(Array(heads[start..<start + 5])).encoded()))
            mesh.settle()
        }
        #expect(mesh.members[1].core.pending.count == NodeCore.Bound.pendingStatementsPerOperator)
        #expect(!mesh.members[1].events.contains(.limitReached(.pendingStatements)))

        // What another brings, the wrong way round, still waits, and is taken when what it rests on has come.
        var random = SeededGenerator(seed: 55)
        let delta = TestOperator(name: "delta", using: &random)
        for statement in [delta.nodeCertificate(at: mesh.now.timestamp), delta.membership(in: mesh.mesh, sponsor: mesh.root, at: mesh.now.timestamp)] {
            mesh.give(1, .command(.learn([statement.bytes])))
            mesh.settle()
        }
        #expect(mesh.members[1].core.status(at: mesh.now).peers.contains { $0.node == delta.node })
    }

    @Test func nothingOfAStrangersHelloWaits() {
        let mesh = TinyMesh(["alpha", "beta"], seed: 56)
        mesh.start()
        mesh.run(for: .seconds(5))
        var random = SeededGenerator(seed: 57)
        let (stranger, sponsor) = (TestOperator(name: "stranger", using: &random), TestOperator(name: "sponsor", using: &random))
        let shown = [
            stranger.membership(in: mesh.mesh, sponsor: sponsor.identityKey, at: mesh.now.timestamp), stranger.nodeCertificate(at: mesh.now.timestamp),
        ]
        let session = SessionID(9_999)
        mesh.give(1, .sessionOpened(session, SessionOpening(remoteKey: stranger.transportKey.publicKey)))
        mesh.give(1, .frame(session, Frame(.hello, body: Hello(statements: shown.map(\.bytes)).encoded())))
        mesh.settle()

        #expect(mesh.members[1].core.pending.count == 0)
        #expect(mesh.members[1].events.contains(.sessionRefused(session, .notAMember)))
    }

    /// What there was no room for is brought again by comparing.
    @Test func whatCouldNotWaitComesAgain() {
        let mesh = TinyMesh(["alpha", "beta"], seed: 58)
        var random = SeededGenerator(seed: 59)
        let now = mesh.now.timestamp
        let sponsor = TestOperator(name: "sponsor", using: &random)
        let sponsored = (0..<400).map { TestOperator(name: "member\($0)", using: &random) }
        mesh.start()
        // Alpha learns them in order; then the sponsor's membership is renewed, and so comes after theirs in alpha's log.
        let memberships = sponsored.map { $0.membership(in: mesh.mesh, sponsor: sponsor.identityKey, at: now) }
        mesh.cutLinks = [[0, 1]]
        for session in mesh.openSessions(between: 0, and: 1) { mesh.cut(session) }
        for statement in [sponsor.membership(in: mesh.mesh, sponsor: mesh.root, at: now)] + memberships
            + [sponsor.membership(in: mesh.mesh, sponsor: mesh.root, at: now + .seconds(60))]
        {
            mesh.give(0, .command(.learn([statement.bytes])))
        }
        mesh.run(for: .seconds(5))
        mesh.cutLinks = []
        mesh.run(for: .seconds(60))

        #expect(mesh.members[1].core.status(at: mesh.now).origins.count == 402)
        #expect(mesh.members[1].core.pending.count == 0)
    }

    @Test func whatIsSaidAnewAgainAndAgainIsKeptOnce() {
        let mesh = TinyMesh(["alpha", "beta", "gamma"], seed: 60)
        mesh.start()
        mesh.run(for: .seconds(20))
        let gamma = mesh.operators[2]
        let records = (10...200 as ClosedRange<UInt64>).map { incarnation in
            Signed.make(PeerRecord(node: gamma.node, incarnation: incarnation, flags: [], addresses: [gamma.address])!, with: gamma.nodeKey).bytes
        }
        let before = mesh.members[1].keepCount
        mesh.give(1, .command(.learn(records)))
        mesh.settle()

        #expect(mesh.members[1].keepCount == before + 1)
        #expect(mesh.members[1].core.nodes[gamma.node]?.record?.body.incarnation == 200)
    }

    /// Who puts something forged beside a head keeps nobody from bringing that head.
    @Test func aForgeryDoesNotSwallowWhatOthersBring() throws {
        let mesh = TinyMesh(["alpha", "beta", "gamma"], seed: 61)
        mesh.start()
        mesh.run(for: .seconds(20))
        let news = Signed.make(
            try #require(
                Head(
                    origin: mesh.operators[2].origin, position: HeadPosition(generation: 1, sequence: 40), issuedAt: mesh.now.timestamp, lifetimeSeconds: 3_600,
                    manifestRoot: Manifest.empty.root, entryCount: 0, sightingCount: 0, dataByteCount: 0, historyRoot: .zero)),
            with: mesh.operators[2].generationKey)
        var forged = news.bytes
        forged[forged.count - 1] ^= 1
        let (liar, other) = (
            try #require(mesh.openSessions(between: 1, and: 2).first), try #require(mesh.openSessions(between: 1, and: 0).first)
        )
        // Both come before either is checked.
        mesh.give(1, .datagram(liar, DatagramMessage.heads([news.bytes, forged]).encoded()))
        mesh.give(1, .datagram(other, DatagramMessage.heads([news.bytes]).encoded()))
        mesh.settle()

        let known = mesh.members[1].core.status(at: mesh.now).origins.first { $0.origin == mesh.operators[2].origin }
        #expect(known?.adopted == HeadPosition(generation: 1, sequence: 40))
    }
}
