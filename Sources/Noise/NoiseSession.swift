import Cryptography
import Primitives

/// What a finished handshake leaves: two keys for the stream, two for datagrams, and whom one talks to.
public struct NoiseSession: Sendable {
    /// The other side's transport key, proven by the handshake.
    public let remoteKey: TransportKey
    /// 32 bytes, the same on both sides and different for every handshake. Not secret.
    public let handshakeHash: [UInt8]
    public var outgoing: CipherState
    public var incoming: CipherState
    public let datagramKeys: DatagramKeys
}

/// The two keys that datagrams of a session are sealed under (`Protocol/transport.md` §3.5).
///
/// Derived from the final chaining key beside the stream's keys, so neither pair tells anything about the other.
public struct DatagramKeys: Sendable {
    /// Mixed with the final chaining key.
    public static let label = "hearsay/v1/datagram"

    /// What this side sends.
    public let outgoing: SealingKey
    /// What this side receives.
    public let incoming: SealingKey

    public init(outgoing: SealingKey, incoming: SealingKey) {
        self.outgoing = outgoing
        self.incoming = incoming
    }
}
