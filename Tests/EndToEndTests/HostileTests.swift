import Cryptography
import Foundation
import Ledger
import LocalCluster
import NodeRuntime
import Noise
import Primitives
import Storage
import Testing
import Transport
import WireFormat

@Suite(.serialized) struct HostileTests {
    @Test(arguments: [7] as [UInt64]) func garbageGetsNoAnswerAndHurtsNobody(seed: UInt64) async throws {
        try await Harness.run(nodes: 2) { harness in
            var random = SeededGenerator(seed: seed)
            let port = harness.cluster.members[0].port

            let datagrams = Wire(SOCK_DGRAM, port: port)
            for _ in 0..<3_000 { datagrams.send(random.bytes(count: Int(random.number(below: 1_400)))) }
            for pattern in [[], [1], [2], [9]] as [[UInt8]] {
                for length in [1, 47, 48, 64, 200, 70_000] {
                    let stream = Wire(SOCK_STREAM, port: port)
                    stream.send(pattern + random.bytes(count: length))
                    stream.finishSending()
                    #expect(stream.readToEnd().isEmpty, "seed \(seed): a stranger was answered")
                }
            }

            #expect(!datagrams.hasAnswer, "seed \(seed): a datagram was answered")
            let statuses = harness.cluster.status()
            #expect(statuses.allSatisfy { $0.status?.sessions == 1 })
            #expect(ProcessInfo.processInfo.processIdentifier != harness.cluster.members[0].process)
        }
    }

    /// Somebody who has stolen a node's key and address, but was never admitted.
    @Test func aStrangerWhoKnowsTheKeyIsRefused() async throws {
        try await Harness.run(nodes: 1) { harness in
            let member = harness.cluster.members[0]
            let store = try MeshStore(path: member.nodeDirectory.databasePath)
            let rootHex = try #require(try store.settings()?.meshRoot)
            let root = try #require(VerifyingKey(hex: rootHex))
            let agreement = try #require(try member.nodeDirectory.agreementKey())
            let key = agreement.publicKey
            var random = SystemRandomNumberGenerator()
            let own = AgreementKey(using: &random)
            let (events, continuation) = AsyncStream.makeStream(of: TransportEvent.self)
            let transport = MeshTransport(
                configuration: outbound, mesh: MeshID(root: root), staticKey: own, inviteSecret: { _ in nil }) { event, _, _ in
                    continuation.yield(event)
                    return true
                }
            _ = try await transport.start()
            transport.dial(DialNumber(1), to: [try #require(NetworkAddress("127.0.0.1:\(member.port)"))], key: key)

            var refusal: Refusal?
            loop: for await event in events {
                switch event {
                case .established(let session, _): transport.send(Frame(.hello, body: Hello(statements: []).encoded()), on: session)
                case .frame(_, let frame) where frame.knownType == .refusal: refusal = try Refusal(decoding: frame.body)
                case .closed, .dialFailed: break loop
                case .frame, .datagram: continue
                }
            }
            await transport.stop()

            #expect(refusal == .notAMember)
            #expect(harness.cluster.status()[0].status?.sessions == 0)
        }
    }

    @Test func aUsedAndAnExpiredInviteAreRefusedWithTheReason() async throws {
        try await Harness.run(nodes: 2) { harness in
            let founder = harness.cluster.members[0]
            let token = harness.hearsayToken(try harness.hearsay("invite", "--home", founder.home))
            for name in ["third", "fourth"] {
                try harness.hearsay("init", "--name", name, "--listen", "127.0.0.1:0", "--home", harness.root + "/" + name)
            }
            let first = try harness.hearsay("join", token, "--home", harness.root + "/third")
            #expect(first.status == 0, "\(first.errors)")
            let second = try harness.hearsay("join", token, "--home", harness.root + "/fourth")
            #expect(second.status == 1 && second.errors.contains("has been used"), "\(second.errors)")

            // An invite whose end the inviting node knows better than the token.
            let expired = try Founding.invite(founder.nodeDirectory, label: "", lifetime: .seconds(3_600))
            let store = try MeshStore(path: founder.nodeDirectory.databasePath)
            let past = InviteToken(
                meshRoot: expired.meshRoot, sponsor: expired.sponsor, transportKey: expired.transportKey,
                inviteID: try #require(InviteID(bytes: [UInt8](repeating: 9, count: 16))), secret: [UInt8](repeating: 7, count: 32), notAfter: expired.notAfter,
                addresses: expired.addresses)
            let now = SystemClock.timestamp
            try store.addInvite(past.inviteID, secret: past.secret, notAfter: now + .seconds(-60), label: "", at: now)
            let third = try harness.hearsay("join", past.text, "--home", harness.root + "/fourth")
            #expect(third.status == 1 && third.errors.contains("expired"), "\(third.errors)")

            // One that was never made: no answer at all.
            let unknown = InviteToken(
                meshRoot: expired.meshRoot, sponsor: expired.sponsor, transportKey: expired.transportKey,
                inviteID: try #require(InviteID(bytes: [UInt8](repeating: 8, count: 16))), secret: [UInt8](repeating: 7, count: 32), notAfter: expired.notAfter,
                addresses: expired.addresses)
            let fourth = try harness.hearsay("join", unknown.text, "--home", harness.root + "/fourth")
            #expect(fourth.status == 1 && fourth.errors.contains("closed the connection"), "\(fourth.errors)")
            #expect(harness.cluster.status().allSatisfy { $0.status != nil })
        }
    }

    @Test func aRevokedMemberIsCutOff() async throws {
        try await Harness.run(nodes: 3) { harness in
            for index in 0..<3 { try harness.useLabPolicy(index) }
            let revoked = try harness.origin(2)
            #expect(try harness.hearsay("revoke", revoked, "--reason", "3", "--home", harness.home(0)).status == 0)

            let isOut = try await harness.cluster.wait(within: .seconds(30)) { statuses in
                statuses[..<2].allSatisfy { status in
                    status?.origins.first { $0.operator == revoked }?.standing == "revoked"
                        && status?.peers.first { $0.operator == revoked }?.connected == false && status?.sessions == 1
                } && statuses[2]?.sessions == 0
            }
            #expect(isOut)

            let log = harness.root + "/late.log"
            try Data(MailLog.line(second: 1, source: "192.0.2.1", recipient: "x@late-news.com").utf8).write(to: URL(fileURLWithPath: log))
            #expect(try harness.hearsay("collect", log, "--home", harness.home(2)).status == 0)
            #expect(try harness.hearsay("collect", log, "--home", harness.home(1)).status == 0)
            let second = try harness.origin(1)
            #expect(try await harness.cluster.wait(within: .seconds(20)) { Harness.sightings(of: second, in: $0[0]) == 1 })
            #expect(Harness.sightings(of: revoked, in: harness.cluster.status()[0].status) == 0)
        }
    }

    private var outbound: TransportConfiguration {
        var configuration = TransportConfiguration()
        configuration.isOutboundOnly = true
        return configuration
    }
}

extension Harness {
    func hearsayToken(_ output: Output) -> String { output.text.trimmingCharacters(in: .whitespacesAndNewlines) }
}

/// A plain socket to a node on loopback.
final class Wire {
    private let descriptor: Int32

    init(_ type: __socket_type, port: UInt16) {
        descriptor = socket(AF_INET, Int32(type.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        _ = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
        }
        // A node that does not close is found out after its own deadline of 5 s.
        var timeout = timeval(tv_sec: 15, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
    }

    deinit { close(descriptor) }

    func send(_ bytes: [UInt8]) { _ = bytes.withUnsafeBytes { Foundation.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) } }
    func finishSending() { shutdown(descriptor, Int32(SHUT_WR)) }

    func readToEnd() -> [UInt8] {
        var all: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4_096)
        while true {
            let count = chunk.withUnsafeMutableBytes { recv(descriptor, $0.baseAddress, $0.count, 0) }
            guard count > 0 else { return all }
            all += chunk.prefix(count)
        }
    }

    var hasAnswer: Bool {
        var byte: UInt8 = 0
        return recv(descriptor, &byte, 1, Int32(MSG_DONTWAIT)) >= 0
    }
}
