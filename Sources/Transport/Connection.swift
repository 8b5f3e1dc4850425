import Collections
import Cryptography
import NIOCore
import Noise
import Primitives
import WireFormat

/// One TCP connection: handshake first, then frames, and the datagrams that go beside them. Lives on its event loop.
final class Connection: ChannelInboundHandler, @unchecked Sendable {
    // Sendable: every access is on the event loop of its channel, which is the owner's.
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private enum Phase {
        /// The handshake is under way.
        case handshaking
        case open(SessionID)
        case closed
    }

    private let owner: SocketLoop
    private let channel: any Channel
    private let dialing: Dialing?
    private var secure: SecureChannel
    private var phase = Phase.handshaking
    private var neighbourhood: Neighbourhood?
    private var hasToken = false
    private var deadline: Scheduled<Void>?
    private var decoder = FrameDecoder()
    private var countedByteCount = 0
    /// Frames that the node has no room for yet; nothing more is read until they are gone.
    private var waiting = Deque<Frame>()
    private var isPaused = false
    private var queuedByteCount = 0
    private var closeReason: CloseReason?

    // Datagrams.
    private var datagramKeys: DatagramKeys?
    private var datagramID: UInt64?
    private var datagramSession: DatagramSession?
    private var destination: SocketAddress?

    init(owner: SocketLoop, channel: any Channel, dialing: Dialing?) {
        self.owner = owner
        self.channel = channel
        self.dialing = dialing
        secure =
            dialing.map {
                SecureChannel.initiator(mesh: owner.mesh, staticKey: owner.staticKey, remoteKey: $0.key, invite: $0.invite)
            } ?? SecureChannel.responder(mesh: owner.mesh, staticKey: owner.staticKey)
    }

    // MARK: Life

    func channelActive(context: ChannelHandlerContext) {
        owner.add(channel)
        if dialing == nil {
            let place = Neighbourhood(address: channel.remoteAddress?.addressBytes ?? [])
            guard owner.beginHandshake(from: place) else { return channel.close(promise: nil) }
            neighbourhood = place
        }
        deadline = owner.loop.scheduleTask(in: .nanoseconds(owner.configuration.handshakes.deadline.clampedNanoseconds)) { [weak self] in
            self?.handshakeFailed(.timedOut)
        }
        if dialing != nil {
            do throws(NoiseError) { write(try secure.start(using: &owner.random)) } catch { handshakeFailed(.handshakeFailed(error)) }
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        owner.remove(channel)
        end(.closedByPeer)
        if case .handshaking = phase { handshakeFailed(.refused) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { channel.close(promise: nil) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if case .closed = phase { return }
        if dialing == nil, case .handshaking = phase, !hasToken {
            // What follows costs a Diffie-Hellman: a stranger gets one only while there are some to give.
            guard owner.takeHandshakeToken() else { return channel.close(promise: nil) }
            hasToken = true
        }
        do throws(NoiseError) {
            handle(try secure.receive(Array(unwrapInboundIn(data).readableBytesView), using: &owner.random))
        } catch {
            if case .open = phase { close(.channelFailed(error)) } else { handshakeFailed(.handshakeFailed(error)) }
        }
    }

    private func handle(_ events: [SecureChannel.Event]) {
        for event in events {
            switch event {
            case .write(let bytes): write(bytes)
            case .inviteNeeded(let id): lookUp(id)
            case .established(let established): open(established)
            case .plaintext(let bytes): received(bytes)
            }
        }
    }

    private func lookUp(_ invite: InviteID) {
        let owner = owner
        Task { [self] in
            let secret = await owner.inviteSecret(invite)
            owner.execute { [self] _ in
                guard case .handshaking = phase else { return }
                guard let secret else {
                    secure.refuse()
                    return channel.close(promise: nil)
                }
                do throws(NoiseError) { handle(try secure.provide(secret, using: &owner.random)) } catch { handshakeFailed(.handshakeFailed(error)) }
            }
        }
    }

    private func handshakeFailed(_ reason: DialFailure.Reason) {
        guard case .handshaking = phase else { return }
        phase = .closed
        handshakeEnded()
        channel.close(promise: nil)
        if let dialing { owner.dialFailed(dialing, reason) }
    }

    private func handshakeEnded() {
        deadline?.cancel()
        deadline = nil
        if let place = neighbourhood { owner.endHandshake(from: place) }
        neighbourhood = nil
    }

    private func open(_ established: SecureChannel.Established) {
        handshakeEnded()
        guard let id = owner.register(self) else {
            phase = .closed
            channel.close(promise: nil)
            if let dialing { owner.dialFailed(dialing, .noRoom) }
            return
        }
        phase = .open(id)
        let remote = channel.remoteAddress
        let facts = SessionFacts(
            remoteKey: established.remoteKey, dial: dialing?.number, inviteID: dialing == nil ? established.inviteID : nil,
            remoteHost: remote?.ipAddress ?? "", remotePort: UInt16(clamping: remote?.port ?? 0), handshakeHash: established.handshakeHash)
        datagramKeys = established.datagramKeys
        let own = owner.registerDatagrams(of: self)
        datagramID = own
        _ = owner.deliver(.established(id, facts), 0, nil)
        send(Frame(.datagramOffer, body: DatagramOffer(sessionID: own, port: owner.udpPort).encoded()))
    }

    /// Ends the session: what is queued is written, then the connection closes.
    func close(_ reason: CloseReason) {
        guard case .open = phase, closeReason == nil else { return }
        closeReason = reason
        let isGraceful = if case .closedHere = reason { true } else { false }
        if isGraceful, queuedByteCount > 0 {
            owner.loop.scheduleTask(in: .nanoseconds(owner.configuration.closingDeadline.clampedNanoseconds)) { [channel] in channel.close(promise: nil) }
            return  // The last write closes.
        }
        channel.close(promise: nil)
    }

    private func end(_ reason: CloseReason) {
        guard case .open(let id) = phase else { return }
        phase = .closed
        _ = owner.countUnfinished(-countedByteCount)
        countedByteCount = 0
        owner.unregister(id, datagramID: datagramID)
        _ = owner.deliver(.closed(id, closeReason ?? reason), 0, nil)
    }

    // MARK: Frames

    func send(_ frame: Frame) {
        guard case .open = phase, closeReason == nil else { return }
        let bytes = frame.encoded()
        guard queuedByteCount + bytes.count <= owner.configuration.outboundByteLimit else { return close(.peerIsNotReading) }
        owner.tap?.saw(.sent, .frame, bytes)
        do throws(NoiseError) { write(try secure.send(bytes)) } catch { close(.channelFailed(error)) }
    }

    private func write(_ bytes: [UInt8]) {
        queuedByteCount += bytes.count
        let written = channel.eventLoop.makePromise(of: Void.self)
        written.futureResult.whenComplete { [self] _ in
            queuedByteCount -= bytes.count
            if queuedByteCount == 0, closeReason != nil { channel.close(promise: nil) }
        }
        channel.writeAndFlush(ByteBuffer(bytes: bytes), promise: written)
    }

    private func received(_ bytes: [UInt8]) {
        guard closeReason == nil else { return }
        decoder.append(bytes)
        do throws(WireError) {
            while let frame = try decoder.next() {
                owner.tap?.saw(.received, .frame, frame.encoded())
                if frame.knownType == .datagramOffer { try accept(DatagramOffer(decoding: frame.body)) } else { waiting.append(frame) }
            }
        } catch { return close(.violation(error)) }
        let change = decoder.pendingByteCount - countedByteCount
        countedByteCount = decoder.pendingByteCount
        guard owner.countUnfinished(change) else { return close(.outOfMemory) }
        pump()
    }

    /// Gives waiting frames to the node, as long as it has room; otherwise nothing more is read from the socket.
    private func pump() {
        guard case .open(let id) = phase, closeReason == nil else { return }
        while let frame = waiting.first {
            let isTaken = owner.deliver(.frame(id, frame), frame.body.count + Frame.headerByteCount) { [weak self] in
                guard let self else { return }
                owner.execute { _ in self.pump() }
            }
            guard isTaken else { return pause(true) }
            waiting.removeFirst()
        }
        pause(false)
    }

    private func pause(_ isPaused: Bool) {
        guard self.isPaused != isPaused else { return }
        self.isPaused = isPaused
        channel.setOption(.autoRead, value: !isPaused).whenFailure { [channel] _ in channel.close(promise: nil) }
    }

    // MARK: Datagrams

    private func accept(_ offer: DatagramOffer) throws(WireError) {
        guard datagramSession == nil, let datagramKeys, let datagramID else { throw .invalid(.sessionID) }  // One offer a session.
        datagramSession = DatagramSession(keys: datagramKeys, incomingID: datagramID, outgoingID: offer.sessionID)
        guard offer.port > 0, let host = channel.remoteAddress?.ipAddress else { return }
        destination = try? SocketAddress(ipAddress: host, port: Int(offer.port))
    }

    func seal(datagram plaintext: [UInt8]) -> ([UInt8], SocketAddress)? {
        guard let destination, let bytes = try? datagramSession?.seal(plaintext) else { return nil }
        return (bytes, destination)
    }

    func received(datagram bytes: [UInt8], from address: SocketAddress) {
        guard case .open(let id) = phase, closeReason == nil, let plaintext = try? datagramSession?.open(bytes) else { return }
        destination = address  // Authenticated: the other side may have moved, or sit behind a translator.
        owner.tap?.saw(.received, .datagram, plaintext)
        _ = owner.deliver(.datagram(id, plaintext), plaintext.count, nil)
    }
}

extension SocketAddress {
    /// The 4 or 16 bytes of the host.
    fileprivate var addressBytes: [UInt8] {
        switch self {
        case .v4(let address): withUnsafeBytes(of: address.address.sin_addr) { Array($0) }
        case .v6(let address): withUnsafeBytes(of: address.address.sin6_addr) { Array($0) }
        case .unixDomainSocket: []
        }
    }
}
