/// A 32-byte name of something, which no other kind of name can be mistaken for.
public protocol Identifier: Hashable, Sendable, Comparable, CustomStringConvertible {
    var raw: Bytes32 { get }
    init(_ raw: Bytes32)
}

extension Identifier {
    /// Takes exactly 32 bytes; `nil` for any other number.
    public init?(bytes: some Collection<UInt8>) {
        guard let raw = Bytes32(bytes) else { return nil }
        self.init(raw)
    }

    /// Takes exactly 64 hexadecimal digits; `nil` otherwise.
    public init?(hex: some StringProtocol) {
        guard let raw = Bytes32(hex: hex) else { return nil }
        self.init(raw)
    }

    public var bytes: [UInt8] { raw.bytes }
    public var description: String { raw.hex }

    /// Eight hexadecimal digits, for people; never for comparing.
    public var short: String { String(raw.hex.prefix(8)) }

    public static func < (left: Self, right: Self) -> Bool { left.raw < right.raw }
}

/// An operator: its Ed25519 identity public key. Also the *origin id* of all it publishes.
public struct OriginID: Identifier {
    public let raw: Bytes32
    public init(_ raw: Bytes32) { self.raw = raw }
}

/// A node, a running process of an operator: its Ed25519 public key.
public struct NodeID: Identifier {
    public let raw: Bytes32
    public init(_ raw: Bytes32) { self.raw = raw }
}

/// The X25519 public key that a node's Noise sessions are made with.
public struct TransportKey: Identifier {
    public let raw: Bytes32
    public init(_ raw: Bytes32) { self.raw = raw }
}

/// A mesh: BLAKE2b-256 of its root public key.
public struct MeshID: Identifier {
    public let raw: Bytes32
    public init(_ raw: Bytes32) { self.raw = raw }
}

/// An Ed25519 public key that is none of the above, such as a mesh root key or a generation's signing key.
public struct VerifyingKey: Identifier {
    public let raw: Bytes32
    public init(_ raw: Bytes32) { self.raw = raw }
}

/// A BLAKE2b-256 hash.
public struct Digest: Identifier {
    public let raw: Bytes32
    public init(_ raw: Bytes32) { self.raw = raw }
    public static let zero = Digest(.zero)
}

extension OriginID {
    /// The same key, in its role of checking signatures.
    public var verifyingKey: VerifyingKey { VerifyingKey(raw) }
}

extension NodeID {
    /// The same key, in its role of checking signatures.
    public var verifyingKey: VerifyingKey { VerifyingKey(raw) }
}
