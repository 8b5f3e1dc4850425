import Cryptography
import NIOCore
import NIOPosix
import Noise
import Primitives
import WireFormat

/// The state behind a transport, touched on its event loop only.
final class SocketLoop: @unchecked Sendable {
    // Sendable: every access to stored variables is on `loop`, which `execute` sees to.
    let loop: any EventLoop
    let configuration: TransportConfiguration
    let mesh: MeshID
    let staticKey: AgreementKey
    let inviteSecret: @Sendable (InviteID) async -> PreSharedKey?
    let tap: (any FrameTap)?
    let deliver: MeshTransport.Delivery

    private(set) var gate: HandshakeGate
    private var listener: (any Channel)?
    private var datagrams: (any Channel)?
    private var channels: [ObjectIdentifier: any Channel] = [:]
    private var connections: [SessionID: Connection] = [:]
    private var connectionsByDatagramID: [UInt64: Connection] = [:]
    private var nextSession: UInt64 = 1
    private var isStopped = false
    /// Bytes of unfinished frames of all sessions.
    private var unfinishedByteCount = 0
    private let startedAt = ContinuousClock.now
    var random = SystemRandomNumberGenerator()

    init(
        loop: any EventLoop, configuration: TransportConfiguration, mesh: MeshID, staticKey: AgreementKey,
        inviteSecret: @escaping @Sendable (InviteID) async -> PreSharedKey?, tap: (any FrameTap)?, deliver: @escaping MeshTransport.Delivery
    ) {
        self.loop = loop
        self.configuration = configuration
        self.mesh = mesh
        self.staticKey = staticKey
        self.inviteSecret = inviteSecret
        self.tap = tap
        self.deliver = deliver
        gate = HandshakeGate(configuration.handshakes, at: .zero)
    }

    func execute(_ body: @escaping @Sendable (SocketLoop) -> Void) {
        loop.execute { body(self) }
    }

    var now: Instant { Instant(nanoseconds: (ContinuousClock.now - startedAt).clampedNanoseconds) }
    var udpPort: UInt16 { datagrams?.localAddress?.port.flatMap { UInt16(exactly: $0) } ?? 0 }

    // MARK: Starting and stopping

    func start() async throws -> BoundPorts {
        let address = configuration.bindAddress
        let udp: any Channel
        do {
            udp = try await DatagramBootstrap(group: loop)
                .channelOption(.socketOption(.so_reuseaddr), value: 1)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(DatagramHandler(owner: self)) }
                }
                .bind(host: address, port: Int(configuration.udpPort)).get()
        } catch { throw TransportError(socket: .udp, address: address, port: configuration.udpPort, cause: "\(error)") }
        var tcp: (any Channel)?
        if !configuration.isOutboundOnly {
            do {
                tcp = try await ServerBootstrap(group: loop)
                    .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                    .serverChannelOption(.backlog, value: 256)
                    .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
                    .childChannelInitializer { channel in
                        channel.eventLoop.makeCompletedFuture {
                            try channel.pipeline.syncOperations.addHandler(Connection(owner: self, channel: channel, dialing: nil))
                        }
                    }
                    .bind(host: address, port: Int(configuration.tcpPort)).get()
            } catch {
                try? await udp.close()
                throw TransportError(socket: .tcp, address: address, port: configuration.tcpPort, cause: "\(error)")
            }
        }
        let listener = tcp
        return try await loop.submit {
            self.datagrams = udp
            self.listener = listener
            return BoundPorts(tcp: listener?.localAddress?.port.flatMap { UInt16(exactly: $0) }, udp: self.udpPort)
        }.get()
    }

    func stop() async {
        let closing = (try? await loop.submit { () -> [any Channel] in
            self.isStopped = true
            for connection in self.connections.values { connection.close(.stopped) }
            return [self.listener, self.datagrams].compactMap { $0 } + self.channels.values
        }.get()) ?? []
        for channel in closing { try? await channel.close() }
    }

    // MARK: Connections

    func connection(_ session: SessionID) -> Connection? { connections[session] }

    func add(_ channel: any Channel) { channels[ObjectIdentifier(channel)] = channel }
    func remove(_ channel: any Channel) { channels[ObjectIdentifier(channel)] = nil }

    func beginHandshake(from neighbourhood: Neighbourhood) -> Bool { !isStopped && gate.begin(from: neighbourhood) }
    func endHandshake(from neighbourhood: Neighbourhood) { gate.ended(from: neighbourhood) }
    func takeHandshakeToken() -> Bool { gate.takeToken(at: now) }

    /// A number for a session that has just been established; `nil` if there are too many.
    func register(_ connection: Connection) -> SessionID? {
        guard connections.count < configuration.sessionLimit, !isStopped else { return nil }
        let id = SessionID(nextSession)
        nextSession += 1
        connections[id] = connection
        return id
    }

    /// A datagram session id that nobody can guess and no other session has.
    func registerDatagrams(of connection: Connection) -> UInt64 {
        var id = random.next()
        while id == 0 || connectionsByDatagramID[id] != nil { id = random.next() }
        connectionsByDatagramID[id] = connection
        return id
    }

    func unregister(_ session: SessionID, datagramID: UInt64?) {
        connections[session] = nil
        if let datagramID { connectionsByDatagramID[datagramID] = nil }
    }

    /// Counts bytes of unfinished frames in and out; whether all together are within the limit.
    func countUnfinished(_ change: Int) -> Bool {
        unfinishedByteCount += change
        return change <= 0 || unfinishedByteCount <= configuration.unfinishedByteLimit
    }

    func dial(_ dialing: Dialing) {
        guard dialing.attempts.count < dialing.addresses.count else {
            return report(dialing, reason: dialing.attempts.last?.reason ?? .unreachable)
        }
        guard !isStopped else { return report(dialing, reason: .stopped) }
        guard connections.count < configuration.sessionLimit else { return report(dialing, reason: .noRoom) }
        let address = dialing.addresses[dialing.attempts.count]
        ClientBootstrap(group: loop)
            .connectTimeout(.nanoseconds(configuration.handshakes.deadline.clampedNanoseconds))
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Connection(owner: self, channel: channel, dialing: dialing))
                }
            }
            .connect(host: address.host.resolvable, port: Int(address.tcpPort))
            .whenFailure { error in
                let isTimeout = if case .connectTimeout? = error as? ChannelError { true } else { false }
                self.dialFailed(dialing, isTimeout ? .timedOut : .unreachable)
            }
    }

    /// One address has failed: the next is tried.
    func dialFailed(_ dialing: Dialing, _ reason: DialFailure.Reason) {
        var next = dialing
        next.attempts.append(DialFailure.Attempt(address: dialing.addresses[dialing.attempts.count], reason: reason))
        dial(next)
    }

    private func report(_ dialing: Dialing, reason: DialFailure.Reason) {
        _ = deliver(.dialFailed(dialing.number, DialFailure(attempts: dialing.attempts, reason: reason)), 0, nil)
    }

    // MARK: Datagrams

    func sendDatagram(_ plaintext: [UInt8], on session: SessionID) {
        guard let datagrams, let connection = connections[session], let (bytes, destination) = connection.seal(datagram: plaintext) else { return }
        tap?.saw(.sent, .datagram, plaintext)
        datagrams.writeAndFlush(AddressedEnvelope(remoteAddress: destination, data: ByteBuffer(bytes: bytes)), promise: nil)
    }

    /// Garbage costs a look at eight bytes; only what names a live session is decrypted.
    func received(_ envelope: AddressedEnvelope<ByteBuffer>) {
        guard envelope.data.readableBytes <= Limits.datagramByteCount, let id: UInt64 = envelope.data.getInteger(at: envelope.data.readerIndex),
            let connection = connectionsByDatagramID[id]
        else { return }
        connection.received(datagram: Array(envelope.data.readableBytesView), from: envelope.remoteAddress)
    }
}

/// The UDP socket's end of the pipeline.
private final class DatagramHandler: ChannelInboundHandler {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>

    private let owner: SocketLoop

    init(owner: SocketLoop) { self.owner = owner }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) { owner.received(unwrapInboundIn(data)) }

    // A datagram that could not be delivered comes back as an error of the socket: nothing to do.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {}
}
