import Cryptography
import Primitives
import WireFormat

/// `Protocol/statements.md` §6: the identity key says that a node is one of this operator's. At most 90 days.
public struct NodeCertificate: Statement {
    public static let structure: UInt16 = 4
    public static let tag = SignatureTag("hearsay/v1/node")

    /// What the node does; unknown bits are kept and ignored.
    public struct Roles: OptionSet, Hashable, Sendable {
        public let rawValue: UInt16
        public init(rawValue: UInt16) { self.rawValue = rawValue }
        /// Holds the generation's signing key and publishes.
        public static let publisher = Roles(rawValue: 1)
        /// Keeps the replica and serves it.
        public static let replica = Roles(rawValue: 2)
    }

    public let origin: OriginID
    /// The certificate with the highest serial counts, per node.
    public let serial: UInt64
    public let node: NodeID
    public let transportKey: TransportKey
    public let roles: Roles
    public let notBefore: Timestamp
    public let notAfter: Timestamp

    /// `nil` if the validity is empty or over 90 days.
    public init?(
        origin: OriginID, serial: UInt64, node: NodeID, transportKey: TransportKey, roles: Roles, notBefore: Timestamp, notAfter: Timestamp
    ) {
        guard Self.isAllowed(notBefore, notAfter) else { return nil }
        self.origin = origin
        self.serial = serial
        self.node = node
        self.transportKey = transportKey
        self.roles = roles
        self.notBefore = notBefore
        self.notAfter = notAfter
    }

    public init(decodingBody reader: inout WireReader) throws(WireError) {
        origin = try reader.identifier()
        serial = try reader.integer()
        node = try reader.identifier()
        transportKey = try reader.identifier()
        roles = Roles(rawValue: try reader.integer())
        notBefore = try reader.timestamp()
        notAfter = try reader.timestamp()
        guard Self.isAllowed(notBefore, notAfter) else { throw .invalid(.validity) }
    }

    public func encodeBody(into writer: inout WireWriter) {
        writer.identifier(origin)
        writer.integer(serial)
        writer.identifier(node)
        writer.identifier(transportKey)
        writer.integer(roles.rawValue)
        writer.timestamp(notBefore)
        writer.timestamp(notAfter)
    }

    public var signer: VerifyingKey? { origin.verifyingKey }

    private static func isAllowed(_ notBefore: Timestamp, _ notAfter: Timestamp) -> Bool {
        notBefore < notAfter && notAfter <= notBefore + Limits.nodeCertificateLifetime
    }
}
