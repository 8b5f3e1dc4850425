import Cryptography

/// What both sides of a handshake agree on so far: the chaining key, the running hash and the current key (Noise rev 34, §5.2).
public struct SymmetricState: Sendable {
    private var chainingKey: [UInt8]
    /// Binds everything said so far; at the end the *handshake hash*, which names the session.
    public private(set) var hash: [UInt8]
    private var cipher: CipherState?

    /// - Parameter protocolName: ASCII, such as `Noise_XK_25519_ChaChaPoly_SHA256`.
    public init(protocolName: String) {
        let name = Array(protocolName.utf8)
        let isShort = name.count <= SHA256.byteCount
        hash = isShort ? name + [UInt8](repeating: 0, count: SHA256.byteCount - name.count) : SHA256.hash(name)
        chainingKey = hash
        cipher = nil
    }

    /// Mixes public bytes into the hash.
    public mutating func mix(hash bytes: [UInt8]) { hash = SHA256.hash(hash + bytes) }

    /// Mixes secret material into the chaining key; from now on everything is sealed under a key that depends on it.
    public mutating func mix(key material: [UInt8]) {
        let derived = NoiseKeyDerivation.pair(chainingKey: chainingKey, material: material)
        replaceChainingKey(derived.first)
        cipher = CipherState(key: .derived(derived.second))
    }

    /// Mixes a pre-shared secret into chaining key, hash and key.
    public mutating func mix(secret: PreSharedKey) {
        var material = secret.exposed()
        defer { SecretBytes.wipe(&material) }
        let derived = NoiseKeyDerivation.triple(chainingKey: chainingKey, material: material)
        replaceChainingKey(derived.first)
        mix(hash: derived.second)
        cipher = CipherState(key: .derived(derived.third))
    }

    /// Seals, with the hash as associated data, and mixes the ciphertext into the hash.
    public mutating func seal(_ plaintext: [UInt8]) throws(NoiseError) -> [UInt8] {
        guard cipher != nil else { throw .outOfTurn }  // The two patterns spoken here agree on a key before they seal anything.
        let sealed = try cipher!.seal(plaintext, authenticating: hash)
        mix(hash: sealed)
        return sealed
    }

    /// Opens what `seal` made. After a throw this state must not be used on.
    public mutating func open(_ sealed: [UInt8]) throws(NoiseError) -> [UInt8] {
        guard cipher != nil else { throw .outOfTurn }
        let plaintext = try cipher!.open(sealed, authenticating: hash)
        mix(hash: sealed)
        return plaintext
    }

    /// Ends the handshake: the keys of both directions, for the stream and for datagrams. The chaining key is wiped.
    ///
    /// Each pair is (initiator to responder, responder to initiator). `Protocol/transport.md` §3.5 defines the datagram keys.
    mutating func split() -> (stream: (SealingKey, SealingKey), datagrams: (SealingKey, SealingKey)) {
        let stream = NoiseKeyDerivation.pair(chainingKey: chainingKey, material: [])
        let datagrams = NoiseKeyDerivation.pair(chainingKey: chainingKey, material: Array(DatagramKeys.label.utf8))
        SecretBytes.wipe(&chainingKey)
        cipher = nil
        return ((.derived(stream.first), .derived(stream.second)), (.derived(datagrams.first), .derived(datagrams.second)))
    }

    private mutating func replaceChainingKey(_ next: [UInt8]) {
        SecretBytes.wipe(&chainingKey)
        chainingKey = next
    }
}
