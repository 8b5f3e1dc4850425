import Noise
import Primitives
import Testing
import WireFormat

@testable import Transport

/// What a member may try, with a handshake that succeeds.
@Suite(.serialized, .timeLimit(.minutes(1))) struct HostilePeerTests {
    @Test func aFrameOverItsLimitEndsTheSessionBeforeItsBodyComes() async throws {
        let node = try await TestNode.start()
        let peer = try await RawPeer.connect(to: node)
        var header = WireWriter()
        header.integer(UInt32(8 + 257))
        header.integer(FrameType.ping.rawValue)
        header.integer(UInt16(0))
        header.integer(UInt32(0))

        try peer.send(plaintext: header.bytes)

        #expect(try await node.log.closed() == .violation(.overLimit(.frameLength, value: 265, limit: 264)))
        #expect(await peer.socket.receiveAll() != nil)
        await node.stop()
    }

    /// Whoever connects may say who it is; a long frame is taken only from somebody the node has begun to ask.
    @Test func aLongFrameOfAStrangerEndsTheSession() async throws {
        let bob = try await TestNode.start { $0.strangerBodyLimit = 16_384 }
        let alice = try await TestNode.start()
        alice.dial(bob)
        let (here, there) = try await alice.session(with: bob)
        let long = Frame(.statements, body: [UInt8](repeating: 1, count: 20_000))

        bob.transport.send(Frame(.statementsRequest, requestID: 1, body: StatementsRequest(logID: 0, after: 0).encoded()), on: there)
        #expect(try await alice.log.frame().knownType == .statementsRequest)
        alice.transport.send(long, on: here)
        #expect(try await bob.log.frame() == long)

        let stranger = try await TestNode.start()
        stranger.dial(bob)
        let (other, _) = try await stranger.session(with: bob)
        stranger.transport.send(long, on: other)
        #expect(try await bob.log.closed() == .violation(.overLimit(.frameLength, value: 20_008, limit: 16_392)))
        for node in [alice, bob, stranger] { await node.stop() }
    }

    @Test func unknownFramesAreGivenToTheNode() async throws {
        let node = try await TestNode.start()
        let peer = try await RawPeer.connect(to: node)
        var bytes = WireWriter()
        bytes.integer(UInt32(9))
        bytes.integer(UInt16(60_000))
        bytes.integer(UInt16(0))
        bytes.integer(UInt32(77))
        bytes.integer(UInt8(1))

        try peer.send(plaintext: bytes.bytes)

        let frame = try await node.log.frame()
        #expect(frame.type == 60_000 && frame.knownType == nil && frame.requestID == 77 && frame.body == [1])
        await node.stop()
    }

    @Test func tamperingEndsTheSession() async throws {
        let node = try await TestNode.start()
        let peer = try await RawPeer.connect(to: node)
        _ = try await node.log.established()

        peer.socket.send([0, 20] + [UInt8](repeating: 1, count: 20))

        #expect(try await node.log.closed() == .channelFailed(.authenticationFailed))
        await node.stop()
    }

    @Test(arguments: [[], [UInt8](repeating: 1, count: 9), [UInt8](repeating: 1, count: 11), [UInt8](repeating: 0, count: 10)] as [[UInt8]])
    func aBadOfferEndsTheSession(_ body: [UInt8]) async throws {
        let node = try await TestNode.start()
        let peer = try await RawPeer.connect(to: node)

        try peer.send(Frame(.datagramOffer, body: body))

        guard case .violation = try await node.log.closed() else {
            Issue.record("the session ended for another reason")
            return
        }
        await node.stop()
    }

    /// A second one would start the counters again under the same keys.
    @Test func aSecondOfferEndsTheSession() async throws {
        let node = try await TestNode.start()
        let peer = try await RawPeer.connect(to: node)

        try peer.send(Frame(.datagramOffer, body: DatagramOffer(sessionID: 1, port: 1).encoded()))
        try peer.send(Frame(.datagramOffer, body: DatagramOffer(sessionID: 2, port: 1).encoded()))

        #expect(try await node.log.closed() == .violation(.invalid(.sessionID)))
        await node.stop()
    }

    @Test func unfinishedFramesOfAllSessionsTogetherAreLimited() async throws {
        let node = try await TestNode.start { $0.unfinishedByteLimit = 10_000 }
        let peers = [try await RawPeer.connect(to: node), try await RawPeer.connect(to: node)]
        let part = Array(Frame(.statements, body: [UInt8](repeating: 1, count: 100_000)).encoded().prefix(6_000))
        try peers[0].send(Frame(.ping, requestID: 1, body: []))
        try peers[0].send(plaintext: part)
        #expect(try await node.log.frame().requestID == 1)

        try peers[1].send(plaintext: part)

        #expect(try await node.log.closed() == .outOfMemory)
        withExtendedLifetime(peers) {}  // Otherwise an optimised build closes their sockets before the node does.
        await node.stop()
    }

    @Test func aNodeWithoutRoomStopsReadingAndGoesOnLater() async throws {
        let alice = try await TestNode.start()
        let bob = try await TestNode.start()
        let (here, _) = try await alice.session(with: bob)
        let count: UInt32 = 24

        bob.log.shut()
        for number in 0..<count { alice.transport.send(Frame(.statements, requestID: number, body: [UInt8](repeating: 1, count: 1_000_000)), on: here) }
        try await bob.log.firstRefusal()
        #expect(!bob.log.events.contains { if case .frame = $0 { true } else { false } })
        bob.log.open()

        for number in 0..<count { #expect(try await bob.log.frame().requestID == number) }
        #expect(bob.log.refusedCount == 1)
        await alice.stop()
        await bob.stop()
    }

    /// Also shows that the side without room has stopped reading: otherwise nothing would have piled up here.
    @Test func aPeerThatDoesNotReadIsCutOff() async throws {
        let alice = try await TestNode.start { $0.outboundByteLimit = 3_000_000 }
        let bob = try await TestNode.start()
        let (here, _) = try await alice.session(with: bob)

        bob.log.shut()
        for _ in 0..<64 { alice.transport.send(Frame(.statements, body: [UInt8](repeating: 1, count: 1_000_000)), on: here) }

        #expect(try await alice.log.closed() == .peerIsNotReading)
        bob.log.open()
        #expect(try await bob.log.closed() == .closedByPeer)
        await alice.stop()
        await bob.stop()
    }
}
