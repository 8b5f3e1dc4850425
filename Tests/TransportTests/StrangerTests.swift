import Cryptography
import Noise
import Primitives
import Testing
import WireFormat

@testable import Transport

/// What whoever does not know a node's transport key gets from it: nothing.
@Suite(.serialized, .timeLimit(.minutes(1))) struct StrangerTests {
    /// Beginnings that are none, each with one fault.
    static let garbage: [[UInt8]] = [
        [0], [3], [0xFF], Array("GET / HTTP/1.1\r\n\r\n".utf8), Array("SSH-2.0-x\r\n".utf8), [0x16, 0x03, 0x01, 0x02, 0x00],
        [1, 0, 47], [1, 0, 49], [1, 0xFF, 0xFF], [2, 0, 48], [1, 0, 0],
        [1, 0, 48] + [UInt8](repeating: 9, count: 48),  // A key that may be one, and no tag.
        [2, 0, 64] + [UInt8](repeating: 9, count: 64),
        [1, 0, 48] + [UInt8](repeating: 0, count: 48),  // A key of small order.
    ]

    @Test(arguments: garbage) func garbageIsClosedWithoutAByte(_ bytes: [UInt8]) async throws {
        let node = try await TestNode.start { $0.handshakes.deadline = .seconds(60) }
        let stranger = try #require(RawSocket(.tcp, to: node.address.tcpPort))

        stranger.send(bytes)

        #expect(await stranger.receiveAll() == [])
        await node.stop()
        #expect(node.log.events.isEmpty)
    }

    @Test(arguments: [(true, false), (false, true)]) func aStrangersHandshakeIsClosedWithoutAByte(knowsKey: Bool, knowsMesh: Bool) async throws {
        var random = SystemRandomNumberGenerator()
        let node = try await TestNode.start { $0.handshakes.deadline = .seconds(60) }
        let stranger = try #require(RawSocket(.tcp, to: node.address.tcpPort))
        let mesh = knowsMesh ? TestNode.mesh : MeshID(bytes: [UInt8](repeating: 1, count: 32))!
        let target = knowsKey ? node.key.publicKey : AgreementKey(using: &random).publicKey
        var channel = SecureChannel.initiator(mesh: mesh, staticKey: AgreementKey(using: &random), remoteKey: target)

        stranger.send(try channel.start(using: &random))

        #expect(await stranger.receiveAll() == [])
        await node.stop()
        #expect(node.log.events.isEmpty)
    }

    @Test(arguments: [[], [1], [1, 0], [1, 0, 48, 9], [1, 0, 48] + [UInt8](repeating: 9, count: 47)] as [[UInt8]])
    func whoDawdlesIsCutOffAtTheDeadline(_ beginning: [UInt8]) async throws {
        let deadline = Duration.milliseconds(150)
        let node = try await TestNode.start { $0.handshakes.deadline = deadline }
        let clock = ContinuousClock()
        let start = clock.now
        let stranger = try #require(RawSocket(.tcp, to: node.address.tcpPort))

        stranger.send(beginning)

        #expect(await stranger.receiveAll() == [])
        #expect(clock.now - start >= deadline)
        await node.stop()
    }

    /// A dialing side that stops before its last message.
    @Test func whoDoesNotFinishTheHandshakeIsCutOffToo() async throws {
        var random = SystemRandomNumberGenerator()
        let node = try await TestNode.start { $0.handshakes.deadline = .seconds(1) }
        let stranger = try #require(RawSocket(.tcp, to: node.address.tcpPort))
        var channel = SecureChannel.initiator(mesh: TestNode.mesh, staticKey: AgreementKey(using: &random), remoteKey: node.key.publicKey)

        stranger.send(try channel.start(using: &random))

        #expect(await stranger.receiveAll()?.count == 50)
        await node.stop()
        #expect(node.log.events.isEmpty)
    }

    @Test func oneAddressGetsOnlyItsShareOfHalfOpenConnections() async throws {
        let node = try await TestNode.start {
            $0.handshakes.halfOpenPerAddress = 2
            $0.handshakes.deadline = .seconds(60)
        }
        let alice = try await TestNode.start()
        var holders = [try #require(RawSocket(.tcp, to: node.address.tcpPort)), try #require(RawSocket(.tcp, to: node.address.tcpPort))]

        let third = try #require(RawSocket(.tcp, to: node.address.tcpPort))
        #expect(await third.receiveAll() == [])

        withExtendedLifetime(holders) {}  // Otherwise an optimised build closes them before the third has been judged.
        // Places come back: once the node has noticed that the holders are gone, a handshake succeeds.
        holders.removeAll()
        var number: UInt64 = 0
        repeat {
            number += 1
            alice.dial(node, number: number)
            let isIn = try await alice.log.first { event -> Bool? in
                switch event {
                case .established: true
                case .dialFailed: false
                default: nil
                }
            }
            if isIn { break }
        } while number < 10_000
        #expect(number < 10_000)
        await alice.stop()
        await node.stop()
    }

    @Test func aFloodOfFirstMessagesIsAnsweredOnlyAsOftenAsAllowed() async throws {
        let node = try await TestNode.start {
            $0.handshakes.burst = 2
            $0.handshakes.perSecond = 0
        }
        let alice = try await TestNode.start()
        for _ in 0..<4 {  // Too short for a Diffie-Hellman, so free.
            let stranger = try #require(RawSocket(.tcp, to: node.address.tcpPort))
            stranger.send([9])
            #expect(await stranger.receiveAll() == [])
        }

        _ = try await alice.session(with: node, number: 1)
        _ = try await alice.session(with: node, number: 2)
        alice.dial(node, number: 3)

        #expect(try await alice.log.dialFailure().reason == .refused)
        await alice.stop()
        await node.stop()
    }
}
