import Cryptography
import Noise
import Primitives
import Testing
import Transport
import WireFormat

@Suite(.serialized, .timeLimit(.minutes(1))) struct DialingTests {
    private static func secret(_ byte: UInt8) -> PreSharedKey { PreSharedKey(SecretBytes(copying: [UInt8](repeating: byte, count: 32)))! }
    private let invite = InviteID(bytes: [UInt8](repeating: 5, count: 16))!

    @Test func theRightInviteIsProvenToBothSides() async throws {
        let sponsor = try await TestNode.start(invites: [invite: Self.secret(1)])
        let newcomer = try await TestNode.start()

        newcomer.dial(sponsor, invite: (invite, Self.secret(1)))

        #expect(try await sponsor.log.established().1.inviteID == invite)
        let (session, facts) = try await newcomer.log.established()
        #expect(facts.remoteKey == sponsor.key.publicKey)
        newcomer.transport.send(Frame(.joinRequest, requestID: 1, body: [1]), on: session)
        #expect(try await sponsor.log.frame().knownType == .joinRequest)
        await newcomer.stop()
        await sponsor.stop()
    }

    @Test(arguments: [(5, 2), (6, 1)] as [(id: UInt8, secret: UInt8)])
    func aWrongSecretAndAnUnknownInviteAreRefusedWithoutASession(id: UInt8, secret: UInt8) async throws {
        let sponsor = try await TestNode.start(invites: [invite: Self.secret(1)])
        let newcomer = try await TestNode.start()

        newcomer.dial(sponsor, invite: (InviteID(bytes: [UInt8](repeating: id, count: 16))!, Self.secret(secret)))

        #expect(try await newcomer.log.dialFailure().reason == .refused)
        await sponsor.stop()
        #expect(sponsor.log.events.isEmpty)
        #expect(newcomer.log.events.isEmpty)
        await newcomer.stop()
    }

    @Test func aNodeWithAnotherKeyIsNotTheOneAskedFor() async throws {
        let alice = try await TestNode.start()
        let bob = try await TestNode.start()

        alice.dial(bob, key: alice.key.publicKey)

        #expect(try await alice.log.dialFailure().reason == .refused)
        await bob.stop()
        #expect(bob.log.events.isEmpty)
        await alice.stop()
    }

    @Test func aNodeOfAnotherMeshIsRefused() async throws {
        let alice = try await TestNode.start(mesh: MeshID(bytes: [UInt8](repeating: 1, count: 32))!)
        let bob = try await TestNode.start()

        alice.dial(bob)

        #expect(try await alice.log.dialFailure().reason == .refused)
        await bob.stop()
        #expect(bob.log.events.isEmpty)
        await alice.stop()
    }

    /// Of small order: the result of an agreement with it would be known to everybody.
    @Test func aWeakKeyIsNotDialed() async throws {
        let alice = try await TestNode.start()
        let bob = try await TestNode.start()

        alice.dial(bob, key: TransportKey(bytes: [UInt8](repeating: 0, count: 32))!)

        #expect(try await alice.log.dialFailure().reason == .handshakeFailed(.weakKey))
        await alice.stop()
        await bob.stop()
    }

    @Test func addressesAreTriedInTurnAndEachFailureIsReported() async throws {
        let (silent, port) = try #require(RawSocket.silentListener())
        let gone = try await TestNode.start()
        await gone.stop()
        let quiet = NetworkAddress(host: .ipv4(0x7F00_0001), tcpPort: port, udpPort: 1)!
        let alice = try await TestNode.start { $0.handshakes.deadline = .seconds(1) }
        let bob = try await TestNode.start()

        alice.transport.dial(DialNumber(1), to: [gone.address, quiet, bob.address], key: bob.key.publicKey)
        #expect(try await alice.log.established().1.dial == DialNumber(1))

        alice.transport.dial(DialNumber(2), to: [gone.address, quiet], key: bob.key.publicKey)
        let failure = try await alice.log.dialFailure()
        #expect(failure.attempts == [.init(address: gone.address, reason: .unreachable), .init(address: quiet, reason: .timedOut)])
        #expect(failure.reason == .timedOut)

        alice.transport.dial(DialNumber(3), to: [], key: bob.key.publicKey)
        #expect(try await alice.log.dialFailure().attempts.isEmpty)
        _ = silent.port  // Open until here.
        await alice.stop()
        await bob.stop()
    }

    @Test func moreSessionsThanAllowedAreNotDialed() async throws {
        let alice = try await TestNode.start { $0.sessionLimit = 1 }
        let bob = try await TestNode.start()

        _ = try await alice.session(with: bob)
        alice.dial(bob, number: 2)

        #expect(try await alice.log.dialFailure().reason == .noRoom)
        await alice.stop()
        await bob.stop()
    }

    @Test func oneAddressGetsOnlyItsShareOfSessions() async throws {
        let alice = try await TestNode.start()
        let bob = try await TestNode.start { $0.acceptedPerAddress = 2 }

        let first = try await alice.session(with: bob, number: 1)
        _ = try await alice.session(with: bob, number: 2)
        alice.dial(bob, number: 3)
        #expect(try await alice.log.dialFailure().reason == .refused)

        bob.transport.close(first.there)
        _ = try await bob.log.closed()
        alice.dial(bob, number: 4)
        #expect(try await alice.log.established().1.dial == DialNumber(4))
        await alice.stop()
        await bob.stop()
    }
}
