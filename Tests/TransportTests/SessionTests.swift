import Primitives
import Synchronization
import Testing
import Transport
import WireFormat

@Suite(.serialized, .timeLimit(.minutes(1))) struct SessionTests {
    @Test func twoNodesTalkFramesAndDatagrams() async throws {
        let alice = try await TestNode.start()
        let bob = try await TestNode.start()

        alice.dial(bob, number: 9)
        let (here, facts) = try await alice.log.established()
        let (there, bobsFacts) = try await bob.log.established()

        #expect(facts.remoteKey == bob.key.publicKey && facts.dial == DialNumber(9) && facts.isDialed)
        #expect(bobsFacts.remoteKey == alice.key.publicKey && bobsFacts.dial == nil && !bobsFacts.isDialed)
        #expect(facts.handshakeHash == bobsFacts.handshakeHash && facts.handshakeHash.count == 32)
        #expect(facts.remoteHost == "127.0.0.1" && facts.remotePort == bob.ports.tcp)

        let question = Frame(.ping, requestID: 5, body: [1, 2, 3])
        alice.transport.send(question, on: here)
        #expect(try await bob.log.frame() == question)
        let answer = Frame(.pong, requestID: 5, isAnswer: true, body: [4])
        bob.transport.send(answer, on: there)
        #expect(try await alice.log.frame() == answer)

        // Frames are here, so both offers have been taken: they came first.
        let longest = [UInt8](repeating: 8, count: SealedDatagram.maximumPlaintextByteCount)
        alice.transport.sendDatagram(longest, on: here)
        #expect(try await bob.log.datagram() == longest)
        bob.transport.sendDatagram([], on: there)
        #expect(try await alice.log.datagram() == [])

        await alice.stop()
        await bob.stop()
    }

    @Test func theLongestFrameArrivesWhole() async throws {
        let alice = try await TestNode.start()
        let bob = try await TestNode.start()
        let (here, _) = try await alice.session(with: bob)
        let frame = Frame(.manifest, body: (0..<Limits.manifestByteCount).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 13) })

        alice.transport.send(frame, on: here)

        #expect(try await bob.log.frame() == frame)
        await alice.stop()
        await bob.stop()
    }

    /// Whoever refuses and closes wants the reason to arrive.
    @Test func whatWasSentBeforeClosingArrives() async throws {
        let alice = try await TestNode.start { $0.closingDeadline = .seconds(30) }
        let bob = try await TestNode.start()
        let (here, there) = try await alice.session(with: bob)
        let last = Frame(.statements, body: [UInt8](repeating: 3, count: 1_000_000))
        for _ in 0..<64 { bob.transport.send(Frame(.statements, body: [UInt8](repeating: 4, count: 65_536)), on: there) }  // Still coming while Alice closes.

        alice.transport.send(last, on: here)
        alice.transport.close(here)

        #expect(try await bob.log.frame() == last)
        #expect(try await bob.log.closed() == .closedByPeer)
        #expect(try await alice.log.closed() == .closedHere)
        await alice.stop()
        await bob.stop()
    }

    /// What had arrived when the connection ended is not lost because the node was busy.
    @Test func framesThatWaitForRoomSurviveTheConnection() async throws {
        let alice = try await TestNode.start()
        let bob = try await TestNode.start()
        let (here, there) = try await alice.session(with: bob)

        bob.log.shut()
        alice.transport.send(Frame(.ping, requestID: 1, body: []), on: here)
        alice.transport.send(Frame(.ping, requestID: 2, body: []), on: here)
        try await bob.log.firstRefusal()
        await alice.stop()
        #expect(!bob.log.events.contains { if case .closed = $0 { true } else { false } })
        bob.log.open()

        #expect(try await bob.log.frame().requestID == 1)
        #expect(try await bob.log.frame().requestID == 2)
        let reason = try await bob.log.first { if case .closed(let id, let reason) = $0, id == there { reason } else { nil as CloseReason? } }
        #expect(reason == .closedByPeer)
        await bob.stop()
    }

    @Test func fiftySessionsAtOnceEachKeepTheirOwnFrames() async throws {
        let count = 50
        let alice = try await TestNode.start()
        let bob = try await TestNode.start { $0.handshakes.halfOpenPerAddress = count }

        for number in 0..<count { alice.dial(bob, number: UInt64(number)) }
        var numbers: [SessionID: UInt32] = [:]
        for _ in 0..<count {
            let (id, facts) = try await alice.log.established()
            numbers[id] = UInt32(try #require(facts.dial).number)
        }
        #expect(Set(numbers.values).count == count)
        for (id, number) in numbers { alice.transport.send(Frame(.ping, requestID: number, body: []), on: id) }
        var answered: Set<UInt32> = []
        for _ in 0..<count {
            let (there, number) = try await bob.log.first { if case .frame(let id, let frame) = $0 { (id, frame.requestID) } else { nil } }
            bob.transport.send(Frame(.pong, requestID: number, isAnswer: true, body: []), on: there)
        }
        for _ in 0..<count {
            let (here, number) = try await alice.log.first { if case .frame(let id, let frame) = $0 { (id, frame.requestID) } else { nil } }
            #expect(numbers[here] == number)
            answered.insert(number)
        }
        #expect(answered.count == count)
        await alice.stop()
        await bob.stop()
    }

    @Test func anOutboundOnlyNodeIsAFullPeerButCannotBeDialed() async throws {
        let alice = try await TestNode.start { $0.isOutboundOnly = true }
        let bob = try await TestNode.start()
        #expect(alice.ports.tcp == nil)

        let (here, there) = try await alice.session(with: bob)
        bob.transport.send(Frame(.ping, body: []), on: there)
        _ = try await alice.log.frame()
        alice.transport.sendDatagram([1], on: here)
        #expect(try await bob.log.datagram() == [1])
        bob.transport.sendDatagram([2], on: there)
        #expect(try await alice.log.datagram() == [2])

        await alice.stop()
        await bob.stop()
    }

    @Test func stoppingEndsEverything() async throws {
        let alice = try await TestNode.start()
        let bob = try await TestNode.start()
        let (here, _) = try await alice.session(with: bob)
        let halfOpen = try #require(RawSocket(.tcp, to: bob.address.tcpPort))

        await bob.stop()

        #expect(bob.log.events.contains { if case .closed(_, .stopped) = $0 { true } else { false } })
        #expect(try await alice.log.closed() == .closedByPeer)
        #expect(await halfOpen.receiveAll() == [])
        #expect(RawSocket(.tcp, to: bob.address.tcpPort) == nil)
        let eventCount = bob.log.events.count
        bob.dial(alice)
        bob.transport.send(Frame(.ping, body: []), on: SessionID(1))
        alice.transport.send(Frame(.ping, body: []), on: here)  // To a session that is gone.
        alice.dial(bob, number: 2)
        #expect(try await alice.log.dialFailure().reason == .unreachable)
        #expect(bob.log.events.count == eventCount)
        await alice.stop()
    }

    @Test func aPortInUseIsSaidWithItsNumber() async throws {
        let alice = try await TestNode.start()
        let taken = alice.ports

        await #expect { _ = try await TestNode.start { $0.tcpPort = taken.tcp ?? 0 } } throws: { error in
            guard let error = error as? TransportError else { return false }
            return error.socket == .tcp && error.port == taken.tcp && error.address == "127.0.0.1"
        }
        await #expect { _ = try await TestNode.start { $0.udpPort = taken.udp } } throws: { ($0 as? TransportError)?.socket == .udp }
        await alice.stop()
    }

    @Test func aTapSeesAllPlaintextBothWays() async throws {
        let tap = RecordingTap()
        let alice = try await TestNode.start(tap: tap)
        let bob = try await TestNode.start()
        let (here, there) = try await alice.session(with: bob)
        let sent = Frame(.ping, requestID: 1, body: [0xCA, 0xFE])
        let received = Frame(.pong, requestID: 2, body: [0xBE, 0xEF])

        alice.transport.send(sent, on: here)
        bob.transport.send(received, on: there)
        _ = try await bob.log.frame()
        _ = try await alice.log.frame()
        alice.transport.sendDatagram([7, 7], on: here)
        #expect(try await bob.log.datagram() == [7, 7])

        let seen = tap.items
        #expect(seen.contains { $0 == (.sent, .frame, sent.encoded()) })
        #expect(seen.contains { $0 == (.received, .frame, received.encoded()) })
        #expect(seen.contains { $0 == (.sent, .datagram, [7, 7]) })
        await alice.stop()
        await bob.stop()
    }
}

final class RecordingTap: FrameTap {
    private let seen = Mutex<[(TapDirection, TapKind, [UInt8])]>([])

    func saw(_ direction: TapDirection, _ kind: TapKind, _ bytes: [UInt8]) { seen.withLock { $0.append((direction, kind, bytes)) } }

    var items: [(TapDirection, TapKind, [UInt8])] { seen.withLock { $0 } }
}
