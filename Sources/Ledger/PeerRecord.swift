import Cryptography
import Primitives
import WireFormat

/// `Protocol/statements.md` §7: a node says where it can be reached. Only the node itself can say so.
public struct PeerRecord: Statement {
    public static let structure: UInt16 = 5
    public static let tag = SignatureTag("hearsay/v1/peer")

    /// Unknown bits are kept and ignored.
    public struct Flags: OptionSet, Hashable, Sendable {
        public let rawValue: UInt16
        public init(rawValue: UInt16) { self.rawValue = rawValue }
        /// Nothing can connect to this node: it dials.
        public static let outboundOnly = Flags(rawValue: 1)
        /// The node has left and will not answer.
        public static let left = Flags(rawValue: 2)
    }

    public let node: NodeID
    /// The record with the highest incarnation counts.
    public let incarnation: UInt64
    public let flags: Flags
    /// At most 8, best first.
    public let addresses: [NetworkAddress]

    /// `nil` if there are more than 8 addresses.
    public init?(node: NodeID, incarnation: UInt64, flags: Flags, addresses: [NetworkAddress]) {
        guard addresses.count <= Limits.addresses else { return nil }
        self.node = node
        self.incarnation = incarnation
        self.flags = flags
        self.addresses = addresses
    }

    public init(decodingBody reader: inout WireReader) throws(WireError) {
        node = try reader.identifier()
        incarnation = try reader.integer()
        flags = Flags(rawValue: try reader.integer())
        // The shortest address: form, four bytes of IPv4 or a length byte and a name of three, two ports.
        let count = try reader.count(as: UInt8.self, limit: Limits.addresses, elementByteCount: 9)
        var addresses: [NetworkAddress] = []
        for _ in 0..<count { addresses.append(try NetworkAddress(decoding: &reader)) }
        self.addresses = addresses
    }

    public func encodeBody(into writer: inout WireWriter) {
        writer.identifier(node)
        writer.integer(incarnation)
        writer.integer(flags.rawValue)
        writer.count(addresses.count, as: UInt8.self)
        for address in addresses { address.encode(into: &writer) }
    }

    public var signer: VerifyingKey? { node.verifyingKey }
}
