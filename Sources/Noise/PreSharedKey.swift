import Cryptography

/// The secret of an invitation, 32 bytes: proves at first contact that the newcomer holds the token.
///
/// Lies in locked memory, is never printed, and is wiped with the object.
public final class PreSharedKey: Sendable {
    public static let byteCount = 32

    private let secret: SecretBytes

    /// Takes exactly 32 secret bytes; `nil` for any other number.
    public init?(_ secret: consuming SecretBytes) {
        guard secret.count == Self.byteCount else { return nil }
        self.secret = secret
    }

    /// The bytes in ordinary memory; the caller wipes them.
    func exposed() -> [UInt8] { secret.exposed() }
}
