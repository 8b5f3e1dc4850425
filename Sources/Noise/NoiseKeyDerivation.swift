import Cryptography

/// HKDF as the Noise specification has it (rev 34, §4.3; RFC 5869 with the chaining key as salt and no info): HMAC-SHA-256.
enum NoiseKeyDerivation {
    /// Two outputs of 32 bytes.
    static func pair(chainingKey: [UInt8], material: [UInt8]) -> (first: [UInt8], second: [UInt8]) {
        var seed = SHA256.authenticate(material, key: chainingKey)
        defer { SecretBytes.wipe(&seed) }
        let first = SHA256.authenticate([1], key: seed)
        return (first, SHA256.authenticate(first + [2], key: seed))
    }

    /// Three outputs of 32 bytes.
    static func triple(chainingKey: [UInt8], material: [UInt8]) -> (first: [UInt8], second: [UInt8], third: [UInt8]) {
        var seed = SHA256.authenticate(material, key: chainingKey)
        defer { SecretBytes.wipe(&seed) }
        let first = SHA256.authenticate([1], key: seed)
        let second = SHA256.authenticate(first + [2], key: seed)
        return (first, second, SHA256.authenticate(second + [3], key: seed))
    }
}

extension SealingKey {
    /// The key made of 32 derived bytes, which are wiped.
    static func derived(_ bytes: consuming [UInt8]) -> SealingKey {
        var bytes = bytes
        guard let key = SealingKey(SecretBytes(copying: bytes)) else {
            preconditionFailure("a derived key has \(bytes.count) bytes instead of 32")
        }
        SecretBytes.wipe(&bytes)
        return key
    }
}
