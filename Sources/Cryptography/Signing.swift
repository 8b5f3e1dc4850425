import CSodium
import Primitives

/// An Ed25519 signature: 64 bytes.
public struct Signature: Hashable, Sendable {
    public static let byteCount = 64
    public let bytes: [UInt8]

    /// Takes exactly 64 bytes; `nil` for any other number.
    public init?(_ bytes: [UInt8]) {
        guard bytes.count == Self.byteCount else { return nil }
        self.bytes = bytes
    }
}

/// Says what a signature is about, so that a signature on one structure never passes for another.
///
/// Signed is the tag padded with zeros to 32 bytes, then the body.
public struct SignatureTag: Hashable, Sendable {
    public static let byteCount = 32
    /// The padded tag.
    let padded: [UInt8]

    /// - Parameter text: ASCII of at most 32 bytes, `hearsay/v1/<structure>`.
    public init(_ text: StaticString) {
        let bytes = text.withUTF8Buffer { Array($0) }
        precondition(bytes.count <= Self.byteCount, "the tag \(text) is longer than 32 bytes")
        padded = bytes + [UInt8](repeating: 0, count: Self.byteCount - bytes.count)
    }
}

/// An Ed25519 key pair (RFC 8032). Signing takes about 12 us.
///
/// The secret half lies in locked memory, is never printed and is wiped with the object.
public final class SigningKey: Sendable {
    public static let seedByteCount = 32

    private let secret: SecretBytes  // Seed and public key, 64 bytes, as libsodium keeps them.
    public let verifyingKey: VerifyingKey

    /// Derives the pair from a seed of exactly 32 bytes; `nil` for any other number.
    public init?(seed: borrowing SecretBytes) {
        guard seed.count == Self.seedByteCount else { return nil }
        var publicKey = [UInt8](repeating: 0, count: 32)
        secret = SecretBytes(count: 64) { secretKey in
            seed.withBytes { _ = crypto_sign_seed_keypair(&publicKey, secretKey, $0) }
        }
        guard let key = VerifyingKey(bytes: publicKey) else { return nil }
        verifyingKey = key
    }

    /// A new pair from the given generator; give it the system's, except in simulations.
    public convenience init(using random: inout some RandomNumberGenerator) {
        self.init(seed: SecretBytes(count: Self.seedByteCount, using: &random))!
    }

    /// The 32-byte seed, for the key file.
    public func seed() -> SecretBytes { secret.prefix(Self.seedByteCount) }

    /// Signs `tag ‖ body`.
    public func sign(_ body: [UInt8], as tag: SignatureTag) -> Signature {
        let message = tag.padded + body
        var result = [UInt8](repeating: 0, count: Signature.byteCount)
        secret.withBytes { _ = crypto_sign_detached(&result, nil, message, UInt64(message.count), $0) }
        guard let signature = Signature(result) else { preconditionFailure("a signature has \(result.count) bytes instead of 64") }
        return signature
    }
}

extension VerifyingKey {
    /// Whether `signature` is this key's on `tag ‖ body`. About 50 us.
    ///
    /// Strict: a small-order or non-canonically encoded key, a small-order R and S >= L are refused (`Protocol/cryptography.md` §2).
    public func verifies(_ signature: Signature, on body: [UInt8], as tag: SignatureTag) -> Bool {
        verifies(signature.bytes, onRaw: tag.padded + body)
    }

    /// Plain Ed25519 without a tag: for checking against published vectors only.
    public func verifies(_ signature: [UInt8], onRaw message: [UInt8]) -> Bool {
        guard signature.count == Signature.byteCount else { return false }
        Sodium.prepare()
        return crypto_sign_verify_detached(signature, message, UInt64(message.count), bytes) == 0
    }
}
