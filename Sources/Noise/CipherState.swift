import Cryptography

/// One direction of sealing: a key and the counter of its next message (Noise rev 34, §5.1).
///
/// A value, so that a machine holding one stays a value; but never use two copies on: they would seal twice under one counter.
public struct CipherState: Sendable {
    /// The counter that is never used: at this point the key is spent.
    public static let exhausted = UInt64.max

    private let key: SealingKey
    /// How many messages this key has sealed or opened.
    public private(set) var counter: UInt64

    /// - Parameter counter: other than 0 only to check what happens at the end of the range.
    public init(key: SealingKey, counter: UInt64 = 0) {
        self.key = key
        self.counter = counter
    }

    /// Ciphertext and 16-byte tag. Throws `counterExhausted`, and only that.
    public mutating func seal(_ plaintext: [UInt8], authenticating header: [UInt8] = []) throws(NoiseError) -> [UInt8] {
        guard counter < Self.exhausted else { throw .counterExhausted }
        let sealed = key.seal(plaintext, counter: counter, authenticating: header)
        counter += 1
        return sealed
    }

    /// The plaintext. Throws `authenticationFailed`, which leaves the counter where it was, or `counterExhausted`.
    public mutating func open(_ sealed: [UInt8], authenticating header: [UInt8] = []) throws(NoiseError) -> [UInt8] {
        guard counter < Self.exhausted else { throw .counterExhausted }
        guard let plaintext = key.open(sealed, counter: counter, authenticating: header) else { throw .authenticationFailed }
        counter += 1
        return plaintext
    }
}
