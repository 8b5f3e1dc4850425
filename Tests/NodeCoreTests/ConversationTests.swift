import Cryptography
import Ledger
import NodeCore
import Primitives
import Testing
import WireFormat

@Suite struct ConversationTests {
    @Test(arguments: [1, 2, 3] as [UInt64]) func threeNodesFindEachOtherAndShareWhatTheyPublish(seed: UInt64) {
        let mesh = TinyMesh(["alpha", "beta", "gamma"], seed: seed)

        mesh.start()
        mesh.run(for: .seconds(5))
        mesh.publish([1, 2, 3], by: 0)
        mesh.publish([4, 5], by: 1)
        mesh.run(for: .seconds(5))

        for index in 0..<3 {
            if index != 0 { #expect(mesh.codes(of: 0, at: index) == [1, 2, 3], "seed \(seed)") }
            if index != 1 { #expect(mesh.codes(of: 1, at: index) == [4, 5], "seed \(seed)") }
            #expect(mesh.members[index].core.status(at: mesh.now).openSessionCount == 2, "seed \(seed)")
        }
    }

    @Test func aNewHeadReplacesTheOldReplica() {
        let mesh = TinyMesh(["alpha", "beta"], seed: 4)
        mesh.start()
        mesh.publish([1, 2, 3], by: 0)
        mesh.run(for: .seconds(5))

        mesh.publish([2, 9], by: 0)
        mesh.run(for: .seconds(5))

        #expect(mesh.codes(of: 0, at: 1) == [2, 9])
    }

    /// Who tells of our head holds it; nobody else is said to.
    @Test func aNeighbourConfirmsOurHeadByTellingOfIt() {
        let mesh = TinyMesh(["alpha", "beta", "gamma"], seed: 11)
        func confirmed(by index: Int) -> HeadPosition? {
            mesh.members[0].core.status(at: mesh.now).peers.first { $0.origin == mesh.operators[index].origin }?.confirmed
        }
        mesh.cutLinks = [[0, 2]]
        mesh.start()
        mesh.publish([1, 2, 3], by: 0)
        mesh.run(for: .seconds(20))
        let first = mesh.members[0].core.ownState?.head.body.position
        #expect(first != nil && confirmed(by: 1) == first)
        #expect(mesh.codes(of: 0, at: 2) == [1, 2, 3] && confirmed(by: 2) == nil, "it holds it, but we have no session with it to hear so")

        let now = mesh.now
        #expect(mesh.members[0].core.status(at: now).peers.allSatisfy { $0.isCertified })
        let later = Moment(instant: now.instant, timestamp: now.timestamp + .seconds(91 * 86_400))
        #expect(mesh.members[0].core.status(at: later).peers.allSatisfy { !$0.isCertified }, "what an ended node confirms is not waited for")

        mesh.publish([2, 3], by: 0)
        #expect(confirmed(by: 1) == first, "not before it has adopted it")
        mesh.run(for: .seconds(20))

        #expect(mesh.codes(of: 0, at: 1) == [2, 3])
        #expect(confirmed(by: 1) == mesh.members[0].core.ownState?.head.body.position && confirmed(by: 1) != first)
    }

    @Test func aChainOfSponsorsIsEnoughForStrangersToTalk() {
        let mesh = TinyMesh(["alpha", "beta", "gamma", "delta"], seed: 5, sponsors: [1: 0, 2: 1, 3: 2])

        mesh.start()
        mesh.run(for: .seconds(10))
        mesh.publish([77], by: 3)
        mesh.run(for: .seconds(5))

        for index in 0..<3 { #expect(mesh.codes(of: 3, at: index) == [77]) }
    }

    @Test func newsTravelsOverANodeThatDoesNotKnowTheStream() {
        let mesh = TinyMesh(["alpha", "beta", "gamma"], seed: 6)
        mesh.cutLinks = [[0, 2]]
        let future = StreamID(kind: 900, schemaVersion: 7)

        mesh.start()
        mesh.run(for: .seconds(10))
        mesh.publish([11, 12], by: 0, in: future)
        mesh.publish([13], by: 0, in: StreamID(kind: 1, schemaVersion: 3))
        mesh.run(for: .seconds(20))

        #expect(mesh.codes(of: 0, at: 2) == [11, 12, 13])
    }

    @Test func aRevokedMemberIsCutOffAndStaysOut() {
        let mesh = TinyMesh(["alpha", "beta", "gamma"], seed: 7)
        mesh.start()
        mesh.run(for: .seconds(5))

        mesh.give(0, .command(.revoke(mesh.operators[2].origin, .misbehaviour)))
        mesh.run(for: .seconds(60))
        mesh.publish([5], by: 2)
        mesh.publish([6], by: 0)
        mesh.run(for: .seconds(30))

        #expect(mesh.codes(of: 2, at: 0) == [])
        #expect(mesh.codes(of: 2, at: 1) == [])
        #expect(mesh.codes(of: 0, at: 1) == [6])
        #expect(mesh.codes(of: 0, at: 2) == [])
        #expect(mesh.members[0].core.status(at: mesh.now).openSessionCount == 1)
    }

    @Test func onlyWhoStandsAboveMayRevoke() {
        let mesh = TinyMesh(["alpha", "beta", "gamma"], seed: 8)
        mesh.start()
        mesh.run(for: .seconds(5))

        mesh.give(1, .command(.revoke(mesh.operators[2].origin, .misbehaviour)))
        mesh.run(for: .seconds(5))

        #expect(mesh.members[1].events.contains(.commandRefused(.cannotAdmit)))
        #expect(mesh.members[0].core.status(at: mesh.now).openSessionCount == 2)
    }

    @Test func aStrangerIsToldThatItIsNoMember() {
        let mesh = TinyMesh(["alpha", "beta"], seed: 9)
        let stranger = TestOperator(name: "mallory", using: &mesh.random)
        let otherRoot = SigningKey(using: &mesh.random)
        var stored = StoredState()
        stored.statements = [
            stranger.membership(in: mesh.mesh, sponsor: otherRoot, at: mesh.now.timestamp), stranger.nodeCertificate(at: mesh.now.timestamp),
            stranger.generation(at: mesh.now.timestamp),
        ]
        mesh.operators.append(stranger)
        mesh.members.append(.init(core: mesh.makeCore(2, stored, incarnation: 1), stored: stored))

        mesh.start()
        mesh.publish([1], by: 2)
        mesh.run(for: .seconds(30))

        #expect(mesh.members[0].core.status(at: mesh.now).openSessionCount == 1)
        #expect(mesh.codes(of: 2, at: 0) == [] && mesh.codes(of: 2, at: 1) == [])
        #expect(mesh.members[0].events.contains { if case .sessionRefused(_, .notAMember) = $0 { true } else { false } })
    }

    @Test func wrongContentEndsTheSessionWithItsDeliverer() {
        let mesh = TinyMesh(["alpha", "beta"], seed: 10)
        mesh.start()
        mesh.run(for: .seconds(5))
        // Heads come alone, so that their content is asked for.
        mesh.onDatagram = { _, bytes in
            guard case .headWithChange(let news)? = try? DatagramMessage(decoding: bytes) else { return bytes }
            return DatagramMessage.heads([news.head]).encoded()
        }
        mesh.onFrame = { _, frame in
            guard frame.knownType == .bucket || frame.knownType == .changes else { return frame }
            var spoiled = frame
            spoiled.body[spoiled.body.count - 1] ^= 1
            return spoiled
        }

        mesh.publish([1, 2], by: 0)
        mesh.run(for: .seconds(3))
        #expect(mesh.codes(of: 0, at: 1) == [])
        #expect(mesh.members[1].events.contains { if case .misbehaviour(_, .wrongContent) = $0 { true } else { false } })

        mesh.onFrame = { _, frame in frame }
        mesh.run(for: .seconds(60))
        #expect(mesh.codes(of: 0, at: 1) == [1, 2])
    }

    /// A later version may say more than we know; what is no datagram at all is somebody's fault.
    @Test func aDatagramOfALaterVersionIsPassedOverAndAMalformedOneEndsTheSession() throws {
        let mesh = TinyMesh(["alpha", "beta"], seed: 12)
        mesh.start()
        mesh.run(for: .seconds(10))
        let session = try #require(mesh.openSessions(between: 0, and: 1).first)

        for type in UInt8(12)...255 { mesh.give(0, .datagram(session, [type, 1, 2, 3])) }
        mesh.settle()
        #expect(mesh.openSessions(between: 0, and: 1).contains(session))

        mesh.give(0, .datagram(session, [1, 2, 3]))
        mesh.settle()
        #expect(!mesh.openSessions(between: 0, and: 1).contains(session))
    }

    @Test func aRestartedNodeGoesOnWhereItStopped() {
        let mesh = TinyMesh(["alpha", "beta"], seed: 11)
        mesh.start()
        mesh.publish([1], by: 0)
        mesh.run(for: .seconds(5))

        let before = mesh.members[0].core.ownState
        mesh.members[0].core = mesh.makeCore(0, mesh.members[0].stored, incarnation: 2)
        mesh.members[0].timers = []
        mesh.give(0, .start)
        mesh.publish([1, 2], by: 0)
        mesh.run(for: .seconds(60))

        #expect(mesh.codes(of: 0, at: 1) == [1, 2])
        #expect((mesh.members[0].core.ownState?.head.body.position.sequence ?? 0) > (before?.head.body.position.sequence ?? .max))
    }

    @Test func aRestoredBackupSignsNothing() {
        let mesh = TinyMesh(["alpha", "beta"], seed: 12)
        mesh.start()
        mesh.run(for: .seconds(5))
        let backup = mesh.members[0].stored
        mesh.publish([1], by: 0)
        mesh.run(for: .seconds(5))

        mesh.members[0].core = mesh.makeCore(0, backup, incarnation: 3)
        mesh.members[0].timers = []
        mesh.give(0, .start)
        mesh.run(for: .seconds(60))
        mesh.publish([9], by: 0)
        mesh.run(for: .seconds(60))

        #expect(mesh.members[0].core.status(at: mesh.now).signing.isHalted)
        #expect(mesh.codes(of: 0, at: 1) == [1])
    }

    /// A power cut says no goodbye: the neighbour still holds the old session, and must not prefer it to the new one, whoever dials.
    @Test(arguments: [31, 32, 33, 34] as [UInt64]) func aNodeThatRestartsSilentlyIsHeardAtOnce(seed: UInt64) {
        let mesh = TinyMesh(["alpha", "beta"], seed: seed)
        mesh.start()
        mesh.run(for: .seconds(10))

        for index in 0..<2 {
            mesh.members[index].core = mesh.makeCore(index, mesh.members[index].stored, incarnation: 2)
            mesh.members[index].timers = []
            mesh.give(index, .start)
            mesh.publish([UInt64(index) + 40], by: index)
            mesh.run(for: .seconds(8))

            #expect(mesh.codes(of: index, at: 1 - index) == [UInt64(index) + 40], "seed \(seed)")
        }
    }

    /// The backup is so old that its next number is taken: it must ask before it signs, or it would equivocate.
    @Test(arguments: [21, 22, 23] as [UInt64]) func aRestoredBackupAsksBeforeItSigns(seed: UInt64) {
        let mesh = TinyMesh(["alpha", "beta", "gamma", "delta"], seed: seed)
        mesh.start()
        mesh.run(for: .seconds(5))
        let backup = mesh.members[0].stored
        for code in 1...4 as ClosedRange<UInt64> {
            mesh.publish([code], by: 0)
            mesh.run(for: .seconds(2))
        }

        mesh.members[0].core = mesh.makeCore(0, backup, incarnation: 3)
        mesh.members[0].timers = []
        mesh.members[0].events = []
        mesh.give(0, .start)
        mesh.publish([99], by: 0)
        mesh.cutLinks = [[0, 1], [0, 2], [0, 3]]  // For a while nobody can say anything.
        mesh.run(for: .seconds(20))
        mesh.cutLinks = []
        mesh.run(for: .seconds(60))

        #expect(mesh.members[0].core.status(at: mesh.now).signing == .halted(.newerHead(HeadPosition(generation: 1, sequence: 5))), "seed \(seed)")
        #expect(!mesh.members[0].events.contains { if case .published = $0 { true } else { false } }, "seed \(seed)")
        for index in 1...3 { #expect(mesh.codes(of: 0, at: index) == [4], "seed \(seed)") }
        #expect(!mesh.members.contains { $0.events.contains { if case .equivocation = $0 { true } else { false } } })
    }

    /// Keys that came back without their database: the first number is taken as well.
    @Test func aLostDiskAsksBeforeItSignsAnew() {
        let mesh = TinyMesh(["alpha", "beta"], seed: 24)
        let bare = mesh.members[0].stored
        mesh.start()
        mesh.publish([7], by: 0)
        mesh.run(for: .seconds(5))

        mesh.members[0].core = mesh.makeCore(0, bare, incarnation: 3)
        mesh.members[0].timers = []
        mesh.members[0].events = []
        mesh.give(0, .start)
        mesh.publish([8], by: 0)
        mesh.cutLinks = [[0, 1]]
        mesh.run(for: .seconds(20))
        mesh.cutLinks = []
        mesh.run(for: .seconds(60))

        #expect(!mesh.members[0].events.contains { if case .published = $0 { true } else { false } })
        #expect(mesh.members[0].core.status(at: mesh.now).signing.isHalted)
        #expect(mesh.codes(of: 0, at: 1) == [7])
    }

    @Test func whoKnowsNobodySignsAtOnce() {
        let mesh = TinyMesh(["alpha"], seed: 25)
        mesh.start()
        #expect(mesh.members[0].core.ownState?.head.body.position.sequence == 1)
    }

    @Test func daysEndWithTheirRetention() {
        let mesh = TinyMesh(["alpha", "beta"], seed: 13)
        mesh.start()
        mesh.publish([1], by: 0, day: mesh.now.timestamp.day.advanced(by: -90))
        mesh.publish([2], by: 0, day: mesh.now.timestamp.day)
        mesh.run(for: .seconds(10))
        #expect(mesh.codes(of: 0, at: 1) == [1, 2])

        mesh.run(for: .seconds(86_400))

        #expect(mesh.codes(of: 0, at: 1) == [2])
        #expect(mesh.codes(of: 0, at: 0) == [2] || mesh.members[0].core.ownState?.manifest.entries.count == 1)
    }

    /// What a node shows of itself may be older than what is known of it: the newest counts.
    @Test func aHelloIsJudgedByTheNewestCertificateThatIsKnown() {
        let mesh = TinyMesh(["alpha", "beta"], seed: 41)
        mesh.withholdsIdentityKey = true
        let (now, beta) = (mesh.now.timestamp, mesh.operators[1])
        let ended = beta.nodeCertificate(at: now + Limits.nodeCertificateLifetime * -1)
        mesh.members[1].stored.statements.removeAll { $0.slot == ended.slot }
        mesh.members[1].stored.statements.append(ended)
        mesh.members[0].stored.statements += [beta.membership(in: mesh.mesh, sponsor: mesh.root, at: now), beta.nodeCertificate(at: now, serial: 2)]
        for index in 0..<2 { mesh.members[index].core = mesh.makeCore(index, mesh.members[index].stored, incarnation: 1) }

        mesh.start()
        mesh.run(for: .seconds(1))

        #expect(mesh.members[0].core.status(at: mesh.now).peers.map(\.isConnected) == [true])
    }
}

extension NodeStatus.Signing {
    var isHalted: Bool { if case .halted = self { true } else { false } }
}
