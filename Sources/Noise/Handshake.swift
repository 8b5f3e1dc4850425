import Cryptography
import Primitives

/// One side of a Noise XK or XKpsk3 handshake: three messages, written and read in turn (Noise rev 34, §5.3).
///
/// The responder knows after message 1 whether the sender knows its transport key: reading throws `authenticationFailed` if not, and
/// nothing has been written. The initiator is known to the responder only after message 3. After any throw the handshake is dead.
/// A whole handshake costs each side three agreements, about 0.1 ms.
public struct Handshake: Sendable {
    public enum Role: Sendable { case initiator, responder }

    public let role: Role
    public let pattern: HandshakePattern

    private let staticKey: AgreementKey
    private let fixedEphemeral: AgreementKey?
    private var secret: PreSharedKey?
    private var symmetric: SymmetricState
    private var ephemeral: AgreementKey?
    private var remoteStatic: TransportKey?
    private var remoteEphemeral: TransportKey?
    private var nextMessage = 0
    private var hasFailed = false

    /// - Parameters:
    ///   - prologue: what both sides must agree on without saying it; it is in no message, but in every tag.
    ///   - remoteKey: the responder's transport key.
    ///   - secret: the invite's, for `xkWithSecret`.
    ///   - ephemeral: fixes the ephemeral key, for checking published vectors and for nothing else.
    public static func initiator(
        _ pattern: HandshakePattern, prologue: [UInt8], staticKey: AgreementKey, remoteKey: TransportKey,
        secret: PreSharedKey? = nil, ephemeral: AgreementKey? = nil
    ) -> Handshake {
        Handshake(
            role: .initiator, pattern: pattern, prologue: prologue, staticKey: staticKey, responderKey: remoteKey,
            remoteKey: remoteKey, secret: secret, ephemeral: ephemeral)
    }

    /// - Parameters:
    ///   - prologue: as for the initiator.
    ///   - secret: may come later, by `provide`, once the payload of message 1 has told which one is meant.
    ///   - ephemeral: fixes the ephemeral key, for checking published vectors and for nothing else.
    public static func responder(
        _ pattern: HandshakePattern, prologue: [UInt8], staticKey: AgreementKey,
        secret: PreSharedKey? = nil, ephemeral: AgreementKey? = nil
    ) -> Handshake {
        Handshake(
            role: .responder, pattern: pattern, prologue: prologue, staticKey: staticKey, responderKey: staticKey.publicKey,
            remoteKey: nil, secret: secret, ephemeral: ephemeral)
    }

    private init(
        role: Role, pattern: HandshakePattern, prologue: [UInt8], staticKey: AgreementKey, responderKey: TransportKey,
        remoteKey: TransportKey?, secret: PreSharedKey?, ephemeral: AgreementKey?
    ) {
        self.role = role
        self.pattern = pattern
        self.staticKey = staticKey
        self.secret = secret
        remoteStatic = remoteKey
        fixedEphemeral = ephemeral
        symmetric = SymmetricState(protocolName: pattern.protocolName)
        symmetric.mix(hash: prologue)
        symmetric.mix(hash: responderKey.bytes)  // The pre-message of XK: the initiator knows this key beforehand.
    }

    /// Whether it is this side's turn to write.
    public var isWriting: Bool { !isComplete && (nextMessage.isMultiple(of: 2) == (role == .initiator)) }

    /// Whether all three messages have passed; then `finish` gives the session.
    public var isComplete: Bool { nextMessage == HandshakePattern.messageCount }

    /// Which message comes next, from 0; 3 at the end.
    public var messageIndex: Int { nextMessage }

    /// Gives the secret that the newcomer named. In time is: before message 3.
    public mutating func provide(_ secret: PreSharedKey) { self.secret = secret }

    /// Writes the next message around `payload`.
    ///
    /// Throws `outOfTurn`, `secretMissing`, `plaintextTooLong`, or `weakKey` where the other side's key is one.
    public mutating func write(_ payload: [UInt8] = [], using random: inout some RandomNumberGenerator) throws(NoiseError) -> [UInt8] {
        guard isWriting, !hasFailed else { throw .outOfTurn }
        let limit = NoiseFraming.maximumMessageByteCount - pattern.overhead(ofMessage: nextMessage)
        guard payload.count <= limit else { throw .plaintextTooLong(byteCount: payload.count, limit: limit) }
        hasFailed = true  // Until all of the message is there.
        var message = [UInt8]()
        for token in pattern.tokens(inMessage: nextMessage) {
            switch token {
            case .ephemeral:
                let key = fixedEphemeral ?? AgreementKey(using: &random)
                ephemeral = key
                message += key.publicKey.bytes
                mixEphemeral(key.publicKey)
            case .staticKey: message += try symmetric.seal(staticKey.publicKey.bytes)
            default: try mix(token)
            }
        }
        message += try symmetric.seal(payload)
        nextMessage += 1
        hasFailed = false
        return message
    }

    /// Reads the next message, and gives its payload.
    ///
    /// Throws `messageLength`, `authenticationFailed`, `weakKey`, `outOfTurn` or `secretMissing`.
    public mutating func read(_ message: [UInt8]) throws(NoiseError) -> [UInt8] {
        guard !isWriting, !isComplete, !hasFailed else { throw .outOfTurn }
        hasFailed = true  // Until all of the message has been checked.
        let allowed = pattern.overhead(ofMessage: nextMessage)...NoiseFraming.maximumMessageByteCount
        guard allowed.contains(message.count) else { throw .messageLength(found: message.count, allowed: allowed) }
        var rest = message[...]
        for token in pattern.tokens(inMessage: nextMessage) {
            switch token {
            case .ephemeral:
                let key = try key(from: Array(rest.prefix(32)))
                rest = rest.dropFirst(32)
                remoteEphemeral = key
                mixEphemeral(key)
            case .staticKey:
                let sealedByteCount = 32 + NoiseFraming.tagByteCount
                remoteStatic = try key(from: try symmetric.open(Array(rest.prefix(sealedByteCount))))
                rest = rest.dropFirst(sealedByteCount)
            default: try mix(token)
            }
        }
        let payload = try symmetric.open(Array(rest))
        nextMessage += 1
        hasFailed = false
        return payload
    }

    /// The session, once all three messages have passed. Consumes the handshake: a second call throws `outOfTurn`.
    public mutating func finish() throws(NoiseError) -> NoiseSession {
        guard isComplete, !hasFailed, let remoteStatic else { throw .outOfTurn }
        hasFailed = true
        ephemeral = nil
        secret = nil
        let hash = symmetric.hash
        let keys = symmetric.split()
        func directed(_ pair: (SealingKey, SealingKey)) -> (outgoing: SealingKey, incoming: SealingKey) {
            role == .initiator ? (pair.0, pair.1) : (pair.1, pair.0)
        }
        let stream = directed(keys.stream)
        let datagrams = directed(keys.datagrams)
        return NoiseSession(
            remoteKey: remoteStatic, handshakeHash: hash,
            outgoing: CipherState(key: stream.outgoing), incoming: CipherState(key: stream.incoming),
            datagramKeys: DatagramKeys(outgoing: datagrams.outgoing, incoming: datagrams.incoming))
    }

    private mutating func mixEphemeral(_ key: TransportKey) {
        symmetric.mix(hash: key.bytes)
        // With a pre-shared secret in the pattern the ephemeral key is also key material (rev 34, §9.2).
        if pattern == .xkWithSecret { symmetric.mix(key: key.bytes) }
    }

    private mutating func mix(_ token: HandshakeToken) throws(NoiseError) {
        switch (token, role) {
        case (.ephemeralEphemeral, _): try agree(ephemeral, with: remoteEphemeral)
        case (.ephemeralStatic, .initiator), (.staticEphemeral, .responder): try agree(ephemeral, with: remoteStatic)
        case (.ephemeralStatic, .responder), (.staticEphemeral, .initiator): try agree(staticKey, with: remoteEphemeral)
        case (.secret, _):
            guard let secret else { throw .secretMissing }
            symmetric.mix(secret: secret)
        case (.ephemeral, _), (.staticKey, _): break  // Keys that stand in the message: written and read above.
        }
    }

    private mutating func agree(_ own: AgreementKey?, with remote: TransportKey?) throws(NoiseError) {
        guard let own, let remote else { throw .outOfTurn }
        guard var shared = own.agree(with: remote) else { throw .weakKey }
        symmetric.mix(key: shared)
        SecretBytes.wipe(&shared)
    }

    private func key(from bytes: [UInt8]) throws(NoiseError) -> TransportKey {
        guard let key = TransportKey(bytes: bytes) else { throw .messageLength(found: bytes.count, allowed: 32...32) }
        return key
    }
}
