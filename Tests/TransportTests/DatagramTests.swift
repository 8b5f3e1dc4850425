import Noise
import Primitives
import Testing
import WireFormat

@testable import Transport

@Suite(.serialized, .timeLimit(.minutes(1))) struct DatagramTests {
    /// A peer whose datagrams a test makes itself.
    private struct Peer {
        let stream: RawPeer
        let socket: RawSocket
        var session: DatagramSession

        init(to node: TestNode) async throws {
            stream = try await RawPeer.connect(to: node)
            guard let socket = RawSocket(.udp, to: node.ports.udp) else { throw RawPeer.Failure() }
            self.socket = socket
            let offer = try await stream.offer()
            session = DatagramSession(keys: stream.established.datagramKeys, incomingID: 42, outgoingID: offer.sessionID)
            try stream.send(Frame(.datagramOffer, body: DatagramOffer(sessionID: 42, port: socket.port).encoded()))
            try stream.send(Frame(.ping, body: []))
            _ = try await node.log.frame()  // The offer has been taken.
        }
    }

    @Test func onlyFreshDatagramsOfALiveSessionArrive() async throws {
        let node = try await TestNode.start()
        var peer = try await Peer(to: node)
        let first = try peer.session.seal([1])
        let second = try peer.session.seal([2])
        var forged = try peer.session.seal([3])
        forged[forged.count - 1] ^= 1
        var misnamed = try peer.session.seal([4])
        misnamed[0] ^= 1

        for garbage in [[], [1], Array("stats".utf8), [UInt8](repeating: 0xA5, count: 1_200), [UInt8](repeating: 0, count: 9_000)] as [[UInt8]] {
            peer.socket.send(garbage)
        }
        for datagram in [second, second, first, first, forged, misnamed, Array(first.prefix(31)), second + [0]] { peer.socket.send(datagram) }
        peer.socket.send(try peer.session.seal([9]))

        #expect(try await node.log.datagram() == [2])
        #expect(try await node.log.datagram() == [1])
        #expect(try await node.log.datagram() == [9])
        #expect(!node.log.events.contains { if case .datagram = $0 { true } else { false } })
        #expect(!peer.socket.hasBytes)
        await node.stop()
    }

    @Test func answersFollowThePeerToItsNewAddress() async throws {
        let node = try await TestNode.start()
        var peer = try await Peer(to: node)
        let (session, _) = try await node.log.established()
        let elsewhere = try #require(RawSocket(.udp, to: node.ports.udp))

        node.transport.sendDatagram([1], on: session)
        #expect(try peer.session.open(try #require(await peer.socket.receive())) == [1])

        var forged = try peer.session.seal([2])
        forged[20] ^= 1
        elsewhere.send(forged)  // Must not move anything.
        peer.socket.send(try peer.session.seal([3]))
        #expect(try await node.log.datagram() == [3])
        node.transport.sendDatagram([4], on: session)
        #expect(try peer.session.open(try #require(await peer.socket.receive())) == [4])

        elsewhere.send(try peer.session.seal([5]))
        #expect(try await node.log.datagram() == [5])
        node.transport.sendDatagram([6], on: session)
        #expect(try peer.session.open(try #require(await elsewhere.receive())) == [6])
        #expect(!peer.socket.hasBytes)
        await node.stop()
    }

    @Test func nothingIsSentBeforeTheOfferOrWhenTooLong() async throws {
        let node = try await TestNode.start()
        let stream = try await RawPeer.connect(to: node)
        let socket = try #require(RawSocket(.udp, to: node.ports.udp))
        let (session, _) = try await node.log.established()
        let offer = try await stream.offer()

        node.transport.sendDatagram([1], on: session)
        node.transport.send(Frame(.ping, body: []), on: session)
        _ = try await stream.frame()  // So the datagram has been dealt with.
        try stream.send(Frame(.datagramOffer, body: DatagramOffer(sessionID: 42, port: socket.port).encoded()))
        try stream.send(Frame(.ping, body: []))
        _ = try await node.log.frame()
        node.transport.sendDatagram([UInt8](repeating: 1, count: SealedDatagram.maximumPlaintextByteCount + 1), on: session)
        node.transport.sendDatagram([3], on: session)

        var receiving = DatagramSession(keys: stream.established.datagramKeys, incomingID: 42, outgoingID: offer.sessionID)
        #expect(try receiving.open(try #require(await socket.receive())) == [3])
        await node.stop()
    }

    /// A node behind a translator does not know its port: it says 0, and is answered where it sends from.
    @Test func anOfferWithoutAPortWaitsForTheFirstDatagram() async throws {
        let node = try await TestNode.start()
        let stream = try await RawPeer.connect(to: node)
        let socket = try #require(RawSocket(.udp, to: node.ports.udp))
        let (session, _) = try await node.log.established()
        let offer = try await stream.offer()
        var peer = DatagramSession(keys: stream.established.datagramKeys, incomingID: 42, outgoingID: offer.sessionID)
        try stream.send(Frame(.datagramOffer, body: DatagramOffer(sessionID: 42, port: 0).encoded()))
        try stream.send(Frame(.ping, body: []))
        _ = try await node.log.frame()

        node.transport.sendDatagram([1], on: session)
        node.transport.send(Frame(.ping, body: []), on: session)
        _ = try await stream.frame()  // So the datagram has been dealt with.
        socket.send(try peer.seal([2]))
        #expect(try await node.log.datagram() == [2])
        node.transport.sendDatagram([3], on: session)

        #expect(try peer.open(try #require(await socket.receive())) == [3])
        await node.stop()
    }

    @Test func aDatagramWithoutRoomIsDroppedAndNothingElse() async throws {
        let alice = try await TestNode.start()
        let bob = try await TestNode.start()
        let (here, there) = try await alice.session(with: bob)
        bob.transport.send(Frame(.ping, body: []), on: there)
        _ = try await alice.log.frame()

        bob.log.shut()
        alice.transport.sendDatagram([1], on: here)
        try await bob.log.firstRefusal()
        bob.log.open()
        alice.transport.sendDatagram([2], on: here)

        #expect(try await bob.log.datagram() == [2])
        await alice.stop()
        await bob.stop()
    }

    @Test func datagramsEndWithTheirSession() async throws {
        let node = try await TestNode.start()
        var peer = try await Peer(to: node)
        var other = try await Peer(to: node)
        peer.socket.send(try peer.session.seal([1]))
        #expect(try await node.log.datagram() == [1])
        let session = try await node.log.first {
            if case .established(let id, let facts) = $0, facts.handshakeHash == peer.stream.established.handshakeHash { id } else { nil }
        }

        node.transport.close(session)
        #expect(await peer.stream.socket.receiveAll() != nil)
        peer.socket.send(try peer.session.seal([2]))
        other.socket.send(try other.session.seal([3]))

        #expect(try await node.log.datagram() == [3])
        await node.stop()
    }

    @Test func offersAreReadWholeOrNotAtAll() throws {
        let offer = DatagramOffer(sessionID: 0x0102_0304_0506_0708, port: 0x090A)
        let bytes = offer.encoded()
        #expect(bytes == Array(1...10))
        #expect(try DatagramOffer(decoding: bytes) == offer)
        for count in 0..<bytes.count { #expect(throws: WireError.self) { try DatagramOffer(decoding: Array(bytes.prefix(count))) } }
        #expect(throws: WireError.trailing(count: 1)) { try DatagramOffer(decoding: bytes + [0]) }
        #expect(throws: WireError.invalid(.sessionID)) { try DatagramOffer(decoding: [UInt8](repeating: 0, count: 8) + [0, 1]) }
    }
}
