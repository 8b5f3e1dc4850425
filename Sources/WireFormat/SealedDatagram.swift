import Primitives

/// `Protocol/transport.md` §6: the outside of a UDP datagram: `session id u64 | counter u64 | ciphertext and tag`.
///
/// The 16 header bytes are the associated data of the sealing; the counter is its nonce.
public struct SealedDatagram: Hashable, Sendable {
    public static let headerByteCount = 16
    public static let tagByteCount = 16
    /// The longest plaintext that fits one datagram.
    public static let maximumPlaintextByteCount = Limits.datagramByteCount - headerByteCount - tagByteCount

    /// Chosen by the receiver, so that it finds the key in one look.
    public let sessionID: UInt64
    public let counter: UInt64
    /// Ciphertext followed by its 16-byte tag.
    public let sealed: [UInt8]

    public init(sessionID: UInt64, counter: UInt64, sealed: [UInt8]) {
        self.sessionID = sessionID
        self.counter = counter
        self.sealed = sealed
    }

    public init(decoding bytes: [UInt8]) throws(WireError) {
        guard bytes.count <= Limits.datagramByteCount else {
            throw .overLimit(.size, value: UInt64(bytes.count), limit: UInt64(Limits.datagramByteCount))
        }
        var reader = WireReader(bytes)
        sessionID = try reader.integer()
        counter = try reader.integer()
        guard reader.remaining >= Self.tagByteCount else { throw .truncated(need: Self.tagByteCount, have: reader.remaining) }
        sealed = try reader.bytes(reader.remaining)
    }

    public var header: [UInt8] {
        var writer = WireWriter(reserving: Self.headerByteCount)
        writer.integer(sessionID)
        writer.integer(counter)
        return writer.bytes
    }

    public func encoded() -> [UInt8] { header + sealed }
}
