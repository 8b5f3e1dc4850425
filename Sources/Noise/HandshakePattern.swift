/// The two handshakes spoken (`Protocol/transport.md` §3.2). The number is the first byte of the stream.
///
/// In both the initiator knows the responder's transport key beforehand, and its own stays hidden from everybody but the responder.
public enum HandshakePattern: UInt8, Sendable, CaseIterable {
    /// Between nodes that know each other's keys from the mesh.
    case xk = 1
    /// First contact: the newcomer also proves that it holds an invite's secret.
    case xkWithSecret = 2

    /// The full name, which the handshake hash begins with.
    public var protocolName: String {
        switch self {
        case .xk: "Noise_XK_25519_ChaChaPoly_SHA256"
        case .xkWithSecret: "Noise_XKpsk3_25519_ChaChaPoly_SHA256"
        }
    }

    /// Who writes: the initiator messages 0 and 2, the responder message 1.
    static let messageCount = 3

    /// What message `index` does, in order; its payload follows.
    func tokens(inMessage index: Int) -> [HandshakeToken] {
        switch (self, index) {
        case (_, 0): [.ephemeral, .ephemeralStatic]
        case (_, 1): [.ephemeral, .ephemeralEphemeral]
        case (.xk, 2): [.staticKey, .staticEphemeral]
        case (.xkWithSecret, 2): [.staticKey, .staticEphemeral, .secret]
        default: []
        }
    }

    /// The bytes of message `index` without its payload: keys and tags. The payload's own tag is counted.
    public func overhead(ofMessage index: Int) -> Int {
        let keyByteCount = 32
        // The third message seals a key, so it has a tag more.
        return keyByteCount + NoiseFraming.tagByteCount * (index == 2 ? 2 : 1)
    }
}

/// One act of a handshake message; in the words of the specification `e`, `s`, `es`, `ee`, `se`, `psk`.
enum HandshakeToken: Sendable {
    case ephemeral, staticKey, ephemeralStatic, ephemeralEphemeral, staticEphemeral, secret
}
