import Cryptography
import NIOCore
import NIOPosix
import Noise
import Primitives
import Synchronization
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
    private var accepted: [Neighbourhood: Int] = [:]
    private var nextSession: UInt64 = 1
    private var isStopped = false
    private let isOver = Mutex(false)
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

    /// Runs `body` on the loop, in the order of the calls; not at all, and `false`, once everything has stopped.
    @discardableResult func execute(_ body: @escaping @Sendable (SocketLoop) -> Void) -> Bool {
        isOver.withLock { isOver in
            if !isOver { loop.execute { body(self) } }
            return !isOver
        }
    }

    var traffic: [SessionID: SessionTraffic] { connections.mapValues(\.traffic) }

    /// From now on nothing is run any more: the loop is about to end.
    func finish() { isOver.withLock { $0 = true } }

    var now: Instant { Instant(nanoseconds: (ContinuousClock.now - startedAt).clampedNanoseconds) }
    var udpAddress: SocketAddress? { datagrams?.localAddress }
    var udpPort: UInt16 { datagrams?.localAddress?.port.flatMap { UInt16(exactly: $0) } ?? 0 }

    // MARK: Starting and stopping

    func start() async throws -> BoundPorts {
        let address = configuration.bindAddress
        let udp: any Channel
        do {
            // No SO_REUSEADDR here: with UDP it would let a second node take the port, and half of the datagrams with it.
            udp = try await DatagramBootstrap(group: loop)
                .channelOption(.socketOption(.so_rcvbuf), value: 1 << 20)  // A burst of heads; the system may give less.
                .channelOption(.datagramVectorReadMessageCount, value: 16)
                .channelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: 16 * 2_048))
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

    /// Closes the listener and everything half open at once, and sessions once what is queued has been written.
    func stop() async {
        let closing =
            (try? await loop.submit { () -> [any Channel] in
                self.isStopped = true
                for channel in [self.listener, self.datagrams] { channel?.close(promise: nil) }
                let sessions = self.connections.values
                let inSession = Set(sessions.map { ObjectIdentifier($0.channel) })
                for (id, channel) in self.channels where !inSession.contains(id) { channel.close(promise: nil) }
                for connection in sessions { connection.close(.stopped) }
                return [self.listener, self.datagrams].compactMap { $0 } + self.channels.values
            }.get()) ?? []
        for channel in closing { try? await channel.closeFuture.get() }
    }

    // MARK: Connections

    func connection(_ session: SessionID) -> Connection? { connections[session] }

    func add(_ channel: any Channel) { channels[ObjectIdentifier(channel)] = channel }
    func remove(_ channel: any Channel) { channels[ObjectIdentifier(channel)] = nil }

    func beginHandshake(from neighbourhood: Neighbourhood) -> Bool { !isStopped && gate.begin(from: neighbourhood) }
    func endHandshake(from neighbourhood: Neighbourhood) { gate.ended(from: neighbourhood) }
    func takeHandshakeToken() -> Bool { gate.takeToken(at: now) }

    /// A number for a session that has just been established; `nil` if there are too many.
    /// - Parameter place: who connected; `nil` if this node dialed.
    func register(_ connection: Connection, acceptedFrom place: Neighbourhood?) -> SessionID? {
        guard connections.count < configuration.sessionLimit, !isStopped else { return nil }
        if let place {
            guard accepted[place, default: 0] < configuration.acceptedPerAddress else { return nil }
            accepted[place, default: 0] += 1
        }
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

    func unregister(_ session: SessionID, datagramID: UInt64?, acceptedFrom place: Neighbourhood?) {
        connections[session] = nil
        if let place, let count = accepted[place] { accepted[place] = count > 1 ? count - 1 : nil }
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
            .connect(host: address.host.resolvable, port: Int(address.tcpPort))
            .whenComplete { result in
                switch result {
                case .success(let channel): self.connected(dialing, channel)
                case .failure(let error):
                    let isTimeout = if case .connectTimeout? = error as? ChannelError { true } else { false }
                    self.dialFailed(dialing, isTimeout ? .timedOut : .unreachable)
                }
            }
    }

    /// Only now does the connection get its handler: of the several tried for one name, only the one that won.
    private func connected(_ dialing: Dialing, _ channel: any Channel) {
        guard !isStopped, channel.isActive else {
            channel.close(promise: nil)
            return dialFailed(dialing, .refused)
        }
        do {
            try channel.pipeline.syncOperations.addHandler(Connection(owner: self, channel: channel, dialing: dialing))
        } catch {
            channel.close(promise: nil)
            dialFailed(dialing, .refused)
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
        guard let datagrams, datagrams.isWritable, let connection = connections[session], let (bytes, destination) = connection.seal(datagram: plaintext) else {
            return
        }
        tap?.saw(.sent, .datagram, plaintext)
        if configuration.datagramLoss > 0, Double.random(in: 0..<1) < configuration.datagramLoss { return }
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
