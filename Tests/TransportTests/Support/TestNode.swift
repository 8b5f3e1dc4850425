import Cryptography
import Noise
import Primitives
import Synchronization
import Transport
import WireFormat

/// A transport on loopback with a record of its events to await.
final class TestNode: Sendable {
    static let mesh = MeshID(bytes: [UInt8](repeating: 7, count: 32))!

    let key: AgreementKey
    let transport: MeshTransport
    let log: EventLog
    let ports: BoundPorts

    private init(key: AgreementKey, transport: MeshTransport, log: EventLog, ports: BoundPorts) {
        self.key = key
        self.transport = transport
        self.log = log
        self.ports = ports
    }

    static func start(
        mesh: MeshID = TestNode.mesh, invites: [InviteID: PreSharedKey] = [:], tap: (any FrameTap)? = nil,
        configure: (inout TransportConfiguration) -> Void = { _ in }
    ) async throws -> TestNode {
        var random = SystemRandomNumberGenerator()
        let key = AgreementKey(using: &random)
        let log = EventLog()
        var configuration = TransportConfiguration()
        configuration.closingDeadline = .milliseconds(500)  // Peers made by hand do not close by themselves.
        configure(&configuration)
        let transport = MeshTransport(configuration: configuration, mesh: mesh, staticKey: key, inviteSecret: { invites[$0] }, tap: tap) { event, _, whenRoom in
            log.take(event, whenRoom)
        }
        do {
            return TestNode(key: key, transport: transport, log: log, ports: try await transport.start())
        } catch {
            await transport.stop()
            throw error
        }
    }

    var address: NetworkAddress { NetworkAddress(host: .ipv4(0x7F00_0001), tcpPort: ports.tcp ?? 1, udpPort: ports.udp)! }

    func dial(_ other: TestNode, number: UInt64 = 1, key: TransportKey? = nil, invite: (id: InviteID, secret: PreSharedKey)? = nil) {
        transport.dial(DialNumber(number), to: [other.address], key: key ?? other.key.publicKey, invite: invite)
    }

    /// Both ends of a new session.
    func session(with other: TestNode, number: UInt64 = 1) async throws -> (here: SessionID, there: SessionID) {
        dial(other, number: number)
        let (here, facts) = try await log.established()
        let there = try await other.log.first { if case .established(let id, let its) = $0, its.handshakeHash == facts.handshakeHash { id } else { nil } }
        return (here, there)
    }

    func stop() async { await transport.stop() }
}

/// What a transport has told so far. May be shut: then it refuses frames, as a node without room does.
final class EventLog: Sendable {
    private struct State {
        var events: [TransportEvent] = []
        var isShut = false
        var refusedCount = 0
        var whenRoom: [@Sendable () -> Void] = []
    }

    private let state = Mutex(State())
    private let news = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))

    func take(_ event: TransportEvent, _ whenRoom: (@Sendable () -> Void)?) -> Bool {
        let isTaken = state.withLock { state in
            if state.isShut, event.isRefusable {
                state.refusedCount += 1
                if let whenRoom { state.whenRoom.append(whenRoom) }
                return false
            }
            state.events.append(event)
            return true
        }
        news.continuation.yield()
        return isTaken
    }

    func shut() { state.withLock { $0.isShut = true } }

    func open() {
        let waiting = state.withLock { state in
            state.isShut = false
            defer { state.whenRoom = [] }
            return state.whenRoom
        }
        for resume in waiting { resume() }
    }

    var events: [TransportEvent] { state.withLock { $0.events } }
    var refusedCount: Int { state.withLock { $0.refusedCount } }

    /// Takes the first event that fits out of the record, as soon as there is one. Throws when the test's time is over.
    func first<Value: Sendable>(_ pick: (TransportEvent) -> Value?) async throws -> Value {
        while true {
            let found: Value? = state.withLock { state in
                for place in state.events.indices {
                    guard let value = pick(state.events[place]) else { continue }
                    state.events.remove(at: place)
                    return value
                }
                return nil
            }
            if let found { return found }
            try await more()
        }
    }

    func firstRefusal() async throws {
        while refusedCount == 0 { try await more() }
    }

    private func more() async throws {
        for await _ in news.stream { return }
        throw CancellationError()
    }

    func established() async throws -> (SessionID, SessionFacts) {
        try await first { if case .established(let id, let facts) = $0 { (id, facts) } else { nil } }
    }

    func frame() async throws -> Frame { try await first { if case .frame(_, let frame) = $0 { frame } else { nil } } }

    func datagram() async throws -> [UInt8] { try await first { if case .datagram(_, let bytes) = $0 { bytes } else { nil } } }

    func dialFailure() async throws -> DialFailure { try await first { if case .dialFailed(_, let failure) = $0 { failure } else { nil } } }

    func closed() async throws -> CloseReason { try await first { if case .closed(_, let reason) = $0 { reason } else { nil } } }
}
