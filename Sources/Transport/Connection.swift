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
        /// Dialed only: our part is done, but the other side has not shown yet that it took our last message, which it does with its first frame.
        /// A responder that refuses our invite's secret closes instead.
        case confirming(SecureChannel.Established)
        case open(SessionID)
        case closed
    }

    private let owner: SocketLoop
    let channel: any Channel
    private let dialing: Dialing?
    private var secure: SecureChannel
    private var phase = Phase.handshaking
    private var hasBegun = false
    /// Where a half-open connection is counted.
    private var neighbourhood: Neighbourhood?
    /// Where an accepted session is counted.
    private var acceptedFrom: Neighbourhood?
    private var heardByteCount = 0
    private var hasToken = false
    private var deadline: Scheduled<Void>?
    private var decoder = FrameDecoder()
    private var countedByteCount = 0
    /// Frames that the node has no room for yet; nothing more is read until they are gone.
    private var waiting = Deque<Frame>()
    private var isPaused = false
    /// The connection is gone, but the node has not taken everything yet that came before.
    private var isInputOver = false
    private var queuedByteCount = 0
    /// What has gone through the socket since the connection was made, handshake and sealing included.
    private(set) var traffic = SessionTraffic()
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
        if dialing == nil { decoder.bodyLimit = owner.configuration.strangerBodyLimit }
    }

    // MARK: Life

    func handlerAdded(context: ChannelHandlerContext) { if context.channel.isActive { begin() } }

    func channelActive(context: ChannelHandlerContext) { begin() }

    /// A dialed channel tells the handler that it is active both when the handler is added and afterwards.
    private func begin() {
        guard !hasBegun else { return }
        hasBegun = true
        owner.add(channel)
        if dialing == nil {
            let place = Neighbourhood(address: channel.remoteAddress?.hostBytes ?? [])
            guard owner.beginHandshake(from: place) else {
                phase = .closed
                return channel.close(promise: nil)
            }
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
        handshakeFailed(.refused)
        isInputOver = true
        if waiting.isEmpty || closeReason != nil { end(.closedByPeer) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { channel.close(promise: nil) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if case .closed = phase { return }
        guard closeReason == nil else { return }  // Read only to be thrown away, until the other side has closed too.
        let bytes = Array(unwrapInboundIn(data).readableBytesView)
        traffic.receivedByteCount &+= UInt64(bytes.count)
        guard mayGoOn(with: bytes) else { return handshakeFailed(.refused) }
        do throws(NoiseError) {
            handle(try secure.receive(bytes, using: &owner.random))
        } catch {
            if case .open = phase { close(.channelFailed(error)) } else { handshakeFailed(.handshakeFailed(error)) }
        }
    }

    /// Whether a stranger's bytes may be looked at: those that complete its first message cost a token, since a Diffie-Hellman follows.
    /// Shorter garbage costs none, so that it cannot use up what honest nodes need.
    private func mayGoOn(with bytes: [UInt8]) -> Bool {
        guard dialing == nil, case .handshaking = phase, !hasToken else { return true }
        heardByteCount += bytes.count
        let shortest = 1 + NoiseFraming.lengthByteCount + NoiseFraming.messageByteCount(.xk, message: 0)
        guard heardByteCount >= shortest else { return true }
        hasToken = owner.takeHandshakeToken()
        return hasToken
    }

    private func handle(_ events: [SecureChannel.Event]) {
        for event in events {
            switch event {
            case .write(let bytes): write(bytes)
            case .inviteNeeded(let id): lookUp(id)
            case .established(let established): if dialing == nil { open(established) } else { phase = .confirming(established) }
            case .plaintext(let bytes):
                if case .confirming(let established) = phase { open(established) }
                received(bytes)
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
                    return handshakeFailed(.refused)
                }
                do throws(NoiseError) { handle(try secure.provide(secret, using: &owner.random)) } catch { handshakeFailed(.handshakeFailed(error)) }
            }
        }
    }

    private func handshakeFailed(_ reason: DialFailure.Reason) {
        switch phase {
        case .handshaking, .confirming: phase = .closed
        case .open, .closed: return
        }
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
        acceptedFrom = neighbourhood
        handshakeEnded()
        guard let id = owner.register(self, acceptedFrom: acceptedFrom) else {
            phase = .closed
            channel.close(promise: nil)
            if let dialing { owner.dialFailed(dialing, .noRoom) }
            return
        }
        phase = .open(id)
        let remote = channel.remoteAddress
        let facts = SessionFacts(
            remoteKey: established.remoteKey, dial: dialing?.number, inviteID: dialing == nil ? established.inviteID : nil,
            remoteHost: remote?.hostText ?? "", remotePort: UInt16(clamping: remote?.port ?? 0), handshakeHash: established.handshakeHash)
        datagramKeys = established.datagramKeys
        let own = owner.registerDatagrams(of: self)
        datagramID = own
        _ = owner.deliver(.established(id, facts), 0, nil)
        send(Frame(.datagramOffer, body: DatagramOffer(sessionID: own, port: owner.udpPort).encoded()))
    }

    /// Ends the session. Where the other side has done nothing wrong, what is queued is written first, within the closing deadline.
    func close(_ reason: CloseReason) {
        guard case .open = phase, closeReason == nil else { return }
        closeReason = reason
        waiting.removeAll()
        decoder = FrameDecoder()
        if isInputOver { return end(reason) }
        switch reason {
        case .closedHere, .stopped:
            owner.loop.scheduleTask(in: .nanoseconds(owner.configuration.closingDeadline.clampedNanoseconds)) { [channel] in channel.close(promise: nil) }
            pause(false)
            if queuedByteCount == 0 { endOutput() }  // Otherwise the last write does.
        case .closedByPeer, .violation, .channelFailed, .peerIsNotReading, .outOfMemory: channel.close(promise: nil)
        }
    }

    /// Says that no more will come, and lets the other side close. Closing both directions while its bytes are under way would make the
    /// system throw away what it has not read yet, such as the refusal that says why we close.
    private func endOutput() { channel.close(mode: .output, promise: nil) }

    private func end(_ reason: CloseReason) {
        guard case .open(let id) = phase else { return }
        phase = .closed
        _ = owner.countUnfinished(-countedByteCount)
        countedByteCount = 0
        owner.unregister(id, datagramID: datagramID, acceptedFrom: acceptedFrom)
        _ = owner.deliver(.closed(id, closeReason ?? reason), 0, nil)
    }

    // MARK: Frames

    func send(_ frame: Frame) {
        guard case .open = phase, closeReason == nil else { return }
        if frame.asksForContent { decoder.bodyLimit = .max }  // The node knows whom it asks; now long answers may come.
        let bytes = frame.encoded()
        guard queuedByteCount + bytes.count <= owner.configuration.outboundByteLimit else { return close(.peerIsNotReading) }
        owner.tap?.saw(.sent, .frame, bytes)
        do throws(NoiseError) { write(try secure.send(bytes)) } catch { close(.channelFailed(error)) }
    }

    private func write(_ bytes: [UInt8]) {
        queuedByteCount += bytes.count
        traffic.sentByteCount &+= UInt64(bytes.count)
        let written = channel.eventLoop.makePromise(of: Void.self)
        written.futureResult.whenComplete { [self] _ in
            queuedByteCount -= bytes.count
            if queuedByteCount == 0, closeReason != nil, channel.isActive { endOutput() }
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
        if !isPaused { pump() }
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
        if isInputOver { end(.closedByPeer) } else { pause(false) }
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
        if offer.port > 0, let socket = owner.udpAddress { destination = channel.remoteAddress?.destination(port: offer.port, from: socket) }
    }

    func seal(datagram plaintext: [UInt8]) -> ([UInt8], SocketAddress)? {
        guard let destination, let bytes = try? datagramSession?.seal(plaintext) else { return nil }
        traffic.sentByteCount &+= UInt64(bytes.count)
        return (bytes, destination)
    }

    func received(datagram bytes: [UInt8], from address: SocketAddress) {
        guard case .open(let id) = phase, closeReason == nil, let plaintext = try? datagramSession?.open(bytes) else { return }
        traffic.receivedByteCount &+= UInt64(bytes.count)
        destination = address  // Authenticated: the other side may have moved, or sit behind a translator.
        owner.tap?.saw(.received, .datagram, plaintext)
        _ = owner.deliver(.datagram(id, plaintext), plaintext.count, nil)
    }
}

extension Frame {
    fileprivate var asksForContent: Bool {
        switch knownType {
        case .statementsRequest, .comparison, .headlessRequest, .manifestRequest, .bucketRequest, .changesRequest: true
        default: false
        }
    }
}
