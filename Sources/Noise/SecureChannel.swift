import Cryptography
import Primitives

/// The Noise layer of a TCP stream as a pure machine: bytes in, events out (`Protocol/transport.md` §3).
///
/// It keeps at most one unfinished message: 66 bytes before the handshake is done, 64 KiB after. The responder writes nothing before the
/// tag of message 1 has shown that the other side knows its transport key. After a throw the channel is dead and the stream
/// is closed without a word; what the same call had read before the fault is lost with it.
public struct SecureChannel: Sendable {
    /// What became of received bytes, in order.
    public enum Event: Sendable {
        /// Put these bytes on the stream now.
        case write([UInt8])
        /// First contact names this invite: go on with `provide` or `refuse`. The newcomer has not proven anything yet but that it
        /// knows our transport key; the invite is used up at `established`, not here.
        case inviteNeeded(InviteID)
        /// Both sides have proven their keys; `send` may be called.
        case established(Established)
        /// Plaintext of the other side, never empty. Cut as it came, not where frames begin.
        case plaintext([UInt8])
    }

    /// Who is at the other end.
    public struct Established: Sendable {
        public let remoteKey: TransportKey
        /// 32 bytes that name this session on both sides. Not secret.
        public let handshakeHash: [UInt8]
        /// The invite whose secret was proven, at first contact.
        public let inviteID: InviteID?
        public let datagramKeys: DatagramKeys
    }

    private enum Phase: Sendable {
        /// Initiator: nothing written yet.
        case unstarted(Handshake)
        /// Responder: the pattern byte has not come.
        case listening
        case handshaking(Handshake)
        case awaitingSecret(Handshake)
        case open(NoiseSession)
        case dead
    }

    private let prologue: [UInt8]
    private let staticKey: AgreementKey
    private var phase: Phase
    private var inviteID: InviteID?
    private var assembler = MessageAssembler()

    /// The side that dials, and knows whom. With an invite: first contact.
    public static func initiator(
        mesh: MeshID, staticKey: AgreementKey, remoteKey: TransportKey, invite: (id: InviteID, secret: PreSharedKey)? = nil
    ) -> SecureChannel {
        let handshake = Handshake.initiator(
            invite == nil ? .xk : .xkWithSecret, prologue: NoiseFraming.prologue(of: mesh), staticKey: staticKey,
            remoteKey: remoteKey, secret: invite?.secret)
        return SecureChannel(mesh: mesh, staticKey: staticKey, inviteID: invite?.id, phase: .unstarted(handshake))
    }

    /// The side that was dialed.
    public static func responder(mesh: MeshID, staticKey: AgreementKey) -> SecureChannel {
        SecureChannel(mesh: mesh, staticKey: staticKey, inviteID: nil, phase: .listening)
    }

    private init(mesh: MeshID, staticKey: AgreementKey, inviteID: InviteID?, phase: Phase) {
        prologue = NoiseFraming.prologue(of: mesh)
        self.staticKey = staticKey
        self.inviteID = inviteID
        self.phase = phase
    }

    /// Whether both sides have proven their keys.
    public var isEstablished: Bool { if case .open = phase { true } else { false } }

    /// How many received bytes wait for the rest of their message.
    public var pendingByteCount: Int { assembler.byteCount }

    /// The initiator's first bytes. Throws `outOfTurn` at a responder or the second time, and `weakKey` for a remote key that is one.
    public mutating func start(using random: inout some RandomNumberGenerator) throws(NoiseError) -> [UInt8] {
        guard case .unstarted(var handshake) = phase else { throw .outOfTurn }
        phase = .dead  // Unless the message can be written.
        let message = try handshake.write(inviteID?.bytes ?? [], using: &random)
        phase = .handshaking(handshake)
        return [handshake.pattern.rawValue] + NoiseFraming.framed(message)
    }

    /// Takes what the stream brought, in whatever pieces.
    ///
    /// - Parameter random: asked once, for an ephemeral key, and by the responder only after message 1 has been checked.
    public mutating func receive(_ bytes: [UInt8], using random: inout some RandomNumberGenerator) throws(NoiseError) -> [Event] {
        do {
            return try advance(bytes[...], using: &random)
        } catch {
            phase = .dead
            throw error
        }
    }

    /// Gives the secret of the invite that `inviteNeeded` named; the events hold the answer to message 1. Throws `outOfTurn` if none was asked for.
    public mutating func provide(_ secret: PreSharedKey, using random: inout some RandomNumberGenerator) throws(NoiseError) -> [Event] {
        guard case .awaitingSecret(var handshake) = phase else { throw .outOfTurn }
        phase = .dead  // Unless the message can be written.
        handshake.provide(secret)
        let message = try handshake.write(using: &random)
        phase = .handshaking(handshake)
        return [.write(NoiseFraming.framed(message))]
    }

    /// The invite is unknown, used up or expired. The channel is dead and the newcomer gets no byte.
    public mutating func refuse() { phase = .dead }

    /// Seals plaintext for the other side: as many transport messages as it takes, ready for the stream.
    ///
    /// Throws `outOfTurn` before the channel is established or after it has died, and `counterExhausted`.
    public mutating func send(_ plaintext: [UInt8]) throws(NoiseError) -> [UInt8] {
        guard case .open(var session) = phase else { throw .outOfTurn }
        var stream = [UInt8]()
        let overhead = NoiseFraming.lengthByteCount + NoiseFraming.tagByteCount
        stream.reserveCapacity(plaintext.count + (plaintext.count / NoiseFraming.maximumPlaintextByteCount + 1) * overhead)
        var rest = plaintext[...]
        while !rest.isEmpty {
            let sealed = try session.outgoing.seal(Array(rest.prefix(NoiseFraming.maximumPlaintextByteCount)))
            rest = rest.dropFirst(NoiseFraming.maximumPlaintextByteCount)
            stream.append(UInt8(sealed.count >> 8))
            stream.append(UInt8(sealed.count & 0xFF))
            stream.append(contentsOf: sealed)
        }
        phase = .open(session)
        return stream
    }
}

extension SecureChannel {
    private mutating func advance(_ bytes: ArraySlice<UInt8>, using random: inout some RandomNumberGenerator) throws(NoiseError) -> [Event] {
        var input = bytes
        var events = [Event]()
        while let first = input.first {
            switch phase {
            case .dead: throw .outOfTurn
            case .unstarted, .awaitingSecret: throw .unexpectedBytes(count: input.count)
            case .listening:
                guard let pattern = HandshakePattern(rawValue: first) else { throw .unknownPattern(first) }
                phase = .handshaking(.responder(pattern, prologue: prologue, staticKey: staticKey))
                input.removeFirst()
            case .handshaking(let handshake):
                let length = NoiseFraming.messageByteCount(handshake.pattern, message: handshake.messageIndex)
                guard let message = try assembler.next(from: &input, allowing: length...length) else { break }
                events += try read(message, in: handshake, using: &random)
            case .open(let session):
                let plaintext = try openMessages(&input, in: session)
                if !plaintext.isEmpty { events.append(.plaintext(plaintext)) }
            }
        }
        return events
    }

    /// One handshake message of the other side, and our answer to it.
    private mutating func read(
        _ message: [UInt8], in unread: Handshake, using random: inout some RandomNumberGenerator
    ) throws(NoiseError) -> [Event] {
        var handshake = unread
        let index = handshake.messageIndex
        let payload = try handshake.read(message)
        if NoiseFraming.payloadByteCount(handshake.pattern, message: index) > 0 {
            guard let id = InviteID(bytes: payload) else {
                throw .messageLength(found: payload.count, allowed: InviteID.byteCount...InviteID.byteCount)
            }
            inviteID = id
            phase = .awaitingSecret(handshake)
            return [.inviteNeeded(id)]
        }
        var events = [Event]()
        if handshake.isWriting { events.append(.write(NoiseFraming.framed(try handshake.write(using: &random)))) }
        guard handshake.isComplete else {
            phase = .handshaking(handshake)
            return events
        }
        let session = try handshake.finish()
        phase = .open(session)
        events.append(
            .established(
                Established(
                    remoteKey: session.remoteKey, handshakeHash: session.handshakeHash, inviteID: inviteID,
                    datagramKeys: session.datagramKeys)))
        return events
    }

    /// All whole transport messages in `input`, joined; the rest of it is kept.
    private mutating func openMessages(_ input: inout ArraySlice<UInt8>, in unread: NoiseSession) throws(NoiseError) -> [UInt8] {
        var session = unread
        var plaintext = [UInt8]()
        while let message = try assembler.next(from: &input, allowing: NoiseFraming.transportMessageByteCounts) {
            plaintext += try session.incoming.open(message)
        }
        phase = .open(session)
        return plaintext
    }
}
