import CSodium

/// ChaCha20-Poly1305 (RFC 8439) under one key: seals and opens with an explicit 64-bit counter as nonce.
///
/// The 12-byte nonce is four zero bytes and the counter, little-endian, as Noise has it (`Protocol/transport.md` §3). About 0.5 us for a datagram.
/// The caller never seals twice under one counter.
public final class SealingKey: Sendable {
    public static let keyByteCount = 32
    public static let tagByteCount = 16

    private let secret: SecretBytes

    /// Takes exactly 32 secret bytes; `nil` for any other number.
    public init?(_ secret: consuming SecretBytes) {
        guard secret.count == Self.keyByteCount else { return nil }
        self.secret = secret
    }

    /// Ciphertext followed by the 16-byte tag.
    public func seal(_ plaintext: [UInt8], counter: UInt64, authenticating header: [UInt8]) -> [UInt8] {
        var result = [UInt8](repeating: 0, count: plaintext.count + Self.tagByteCount)
        var length: UInt64 = 0
        secret.withBytes { key in
            _ = crypto_aead_chacha20poly1305_ietf_encrypt(
                &result, &length, plaintext, UInt64(plaintext.count), header, UInt64(header.count), nil,
                Self.nonce(counter), key)
        }
        return result
    }

    /// The plaintext; `nil` if the tag does not fit the key, the counter, the header and the ciphertext.
    public func open(_ sealed: [UInt8], counter: UInt64, authenticating header: [UInt8]) -> [UInt8]? {
        guard sealed.count >= Self.tagByteCount else { return nil }
        var result = [UInt8](repeating: 0, count: sealed.count - Self.tagByteCount)
        var length: UInt64 = 0
        let status = secret.withBytes { key in
            crypto_aead_chacha20poly1305_ietf_decrypt(
                &result, &length, nil, sealed, UInt64(sealed.count), header, UInt64(header.count),
                Self.nonce(counter), key)
        }
        return status == 0 ? result : nil
    }

    private static func nonce(_ counter: UInt64) -> [UInt8] {
        var nonce = [UInt8](repeating: 0, count: 12)
        for place in 0..<8 { nonce[4 + place] = UInt8(truncatingIfNeeded: counter >> UInt64(8 * place)) }
        return nonce
    }
}
