import NIOCore
import Primitives
import Testing

@testable import Transport

@Suite struct HandshakeGateTests {
    private let here = Neighbourhood(address: [192, 0, 2, 1])
    private let there = Neighbourhood(address: [192, 0, 2, 2])

    private func gate(_ change: (inout TransportConfiguration.Handshakes) -> Void) -> HandshakeGate {
        var configuration = TransportConfiguration.Handshakes()
        change(&configuration)
        return HandshakeGate(configuration, at: .zero)
    }

    @Test func placesAreCountedPerAddressAndInAll() {
        var gate = gate {
            $0.halfOpenPerAddress = 2
            $0.halfOpenInAll = 3
        }

        let answers = [here, here, here, there, there].map { gate.begin(from: $0) }
        #expect(answers == [true, true, false, true, false])
        gate.ended(from: here)
        #expect([there, here].map { gate.begin(from: $0) } == [true, false])
    }

    @Test func tokensComeBackWithTimeUpToTheBurst() {
        var gate = gate {
            $0.burst = 2
            $0.perSecond = 10
        }
        let milliseconds: [Int64] = [0, 0, 99, 101, 102, 60_000, 60_000, 60_000, 0]  // The last: a clock that goes back gives nothing.

        let answers = milliseconds.map { gate.takeToken(at: Instant(nanoseconds: $0 * 1_000_000)) }

        #expect(answers == [true, true, false, true, false, true, true, false, false])
    }

    /// One party has as many addresses of its /64 as it likes, and none of somebody else's IPv4.
    @Test(arguments: [
        ("2001:db8:0:1::1", "2001:db8:0:1:ffff::2", true), ("2001:db8:0:1::1", "2001:db8:0:2::1", false), ("192.0.2.1", "192.0.2.2", false),
        ("::ffff:192.0.2.1", "192.0.2.1", true), ("::ffff:192.0.2.1", "::ffff:192.0.2.2", false),
    ])
    func neighboursShareTheirPlaces(one: String, other: String, isShared: Bool) throws {
        let places = try [one, other].map { Neighbourhood(address: try SocketAddress(ipAddress: $0, port: 1).hostBytes) }
        #expect((places[0] == places[1]) == isShared)
    }

    @Test(arguments: [
        ("192.0.2.1", "127.0.0.1", "192.0.2.1"), ("192.0.2.1", "::", "::ffff:192.0.2.1"), ("::ffff:192.0.2.1", "0.0.0.0", "192.0.2.1"),
        ("2001:db8::1", "::", "2001:db8::1"), ("2001:db8::1", "0.0.0.0", nil),
    ] as [(String, String, String?)])
    func datagramsGoOutInTheFamilyOfTheirSocket(host: String, socket: String, expected: String?) throws {
        let destination = try SocketAddress(ipAddress: host, port: 1).destination(port: 9, from: try SocketAddress(ipAddress: socket, port: 2))
        #expect(try destination == expected.map { try SocketAddress(ipAddress: $0, port: 9) })
    }
}
