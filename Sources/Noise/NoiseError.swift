/// Why a handshake, a channel or a session cannot go on.
///
/// Except for `outOfTurn`, `secretMissing` and `plaintextTooLong` the other side, or somebody between, is at fault. After any of them
/// the connection is closed without a word: a stranger learns nothing from the reason.
public enum NoiseError: Error, Hashable, Sendable {
    /// The stream begins with a byte that names no handshake pattern.
    case unknownPattern(UInt8)
    /// A message is announced, or given, with a length it cannot have. Nothing of it was kept.
    case messageLength(found: Int, allowed: ClosedRange<Int>)
    /// A tag does not fit: another key, another prologue, another secret, or tampering on the way.
    case authenticationFailed
    /// A public key of small order: an agreement with it would be all zeros, known to everybody.
    case weakKey
    /// Bytes came while the other side had to wait for an answer.
    case unexpectedBytes(count: Int)
    /// One key has sealed or opened 2^64 - 1 messages.
    case counterExhausted
    /// Our own mistake: this is not the step to take now, or the channel has failed or closed before.
    case outOfTurn
    /// Our own mistake: the pattern needs an invite secret, and none was given.
    case secretMissing
    /// Our own mistake: more plaintext than one message holds.
    case plaintextTooLong(byteCount: Int, limit: Int)
}
