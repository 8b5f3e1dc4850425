import Cryptography
import Primitives
import WireFormat

/// `Protocol/statements.md` §3: its sponsor admits an operator to a mesh. A chain of these leads from every member to the mesh root key.
public struct MembershipCertificate: Statement {
    public static let structure: UInt16 = 1
    public static let tag = SignatureTag("hearsay/v1/membership")

    public let mesh: MeshID
    public let member: OriginID
    /// Chosen by the member: hostile text. UTF-8, 1 to 64 bytes, no control characters.
    public let displayName: String
    /// The mesh root key, or the identity key of the operator who admitted this one.
    public let sponsor: VerifyingKey
    public let notBefore: Timestamp
    public let notAfter: Timestamp

    /// `nil` if the name is not allowed or the validity is empty.
    public init?(mesh: MeshID, member: OriginID, displayName: String, sponsor: VerifyingKey, notBefore: Timestamp, notAfter: Timestamp) {
        guard Self.isAllowed(displayName), notBefore < notAfter else { return nil }
        self.mesh = mesh
        self.member = member
        self.displayName = displayName
        self.sponsor = sponsor
        self.notBefore = notBefore
        self.notAfter = notAfter
    }

    public init(decodingBody reader: inout WireReader) throws(WireError) {
        mesh = try reader.identifier()
        member = try reader.identifier()
        let name = try reader.prefixed(by: UInt8.self, limit: Limits.displayNameByteCount, field: .name)
        guard let text = String(validating: name, as: UTF8.self), Self.isAllowed(text) else { throw .invalid(.name) }
        displayName = text
        sponsor = try reader.identifier()
        notBefore = try reader.timestamp()
        notAfter = try reader.timestamp()
        guard notBefore < notAfter else { throw .invalid(.validity) }
    }

    public func encodeBody(into writer: inout WireWriter) {
        writer.identifier(mesh)
        writer.identifier(member)
        writer.prefixed(Array(displayName.utf8), by: UInt8.self)
        writer.identifier(sponsor)
        writer.timestamp(notBefore)
        writer.timestamp(notAfter)
    }

    public var signer: VerifyingKey? { sponsor }

    /// Whether the mesh root itself is the sponsor.
    public var isSponsoredByRoot: Bool { MeshID(root: sponsor) == mesh }

    /// A display name is 1 to 64 bytes of UTF-8 without control characters, line separators or direction marks.
    public static func isAllowed(_ name: String) -> Bool {
        (1...Limits.displayNameByteCount).contains(name.utf8.count)
            && name.unicodeScalars.allSatisfy { scalar in !forbiddenInNames.contains { $0.contains(scalar.value) } }
    }

    /// Controls, separators, invisible formatting, private use, noncharacters at the end of plane 0, tags.
    ///
    /// Written out, since the categories of Unicode grow with every version: two nodes must never judge one certificate differently.
    private static let forbiddenInNames: [ClosedRange<UInt32>] = [
        0x00...0x1F, 0x7F...0x9F, 0xAD...0xAD, 0x600...0x605, 0x61C...0x61C, 0x6DD...0x6DD, 0x70F...0x70F, 0x890...0x891, 0x8E2...0x8E2,
        0x180E...0x180E, 0x200B...0x200F, 0x2028...0x202E, 0x2060...0x206F, 0xE000...0xF8FF, 0xFEFF...0xFEFF, 0xFFF0...0xFFFB, 0xFFFE...0xFFFF,
        0x110BD...0x110BD, 0x110CD...0x110CD, 0x13430...0x1343F, 0x1BCA0...0x1BCA3, 0x1D173...0x1D17A, 0xE0000...0x10FFFF,
    ]
}

extension MeshID {
    /// The mesh that grows from this root key.
    public init(root: VerifyingKey) { self.init(BLAKE2b.hash(root.bytes).raw) }
}

/// `Protocol/statements.md` §4: an operator's membership ends, for ever, by key.
///
/// Counts if the revoker is the mesh root or stands above the operator in its sponsor chain.
public struct Revocation: Statement {
    public static let structure: UInt16 = 2
    public static let tag = SignatureTag("hearsay/v1/revocation")

    public enum Reason: UInt8, Sendable, CaseIterable { case unspecified = 0, left = 1, keyCompromise = 2, misbehaviour = 3 }

    public let mesh: MeshID
    public let revoked: OriginID
    public let revoker: VerifyingKey
    public let issuedAt: Timestamp
    public let reason: Reason

    public init(mesh: MeshID, revoked: OriginID, revoker: VerifyingKey, issuedAt: Timestamp, reason: Reason) {
        self.mesh = mesh
        self.revoked = revoked
        self.revoker = revoker
        self.issuedAt = issuedAt
        self.reason = reason
    }

    public init(decodingBody reader: inout WireReader) throws(WireError) {
        mesh = try reader.identifier()
        revoked = try reader.identifier()
        revoker = try reader.identifier()
        issuedAt = try reader.timestamp()
        guard let reason = Reason(rawValue: try reader.integer()) else { throw .invalid(.reason) }
        self.reason = reason
    }

    public func encodeBody(into writer: inout WireWriter) {
        writer.identifier(mesh)
        writer.identifier(revoked)
        writer.identifier(revoker)
        writer.timestamp(issuedAt)
        writer.integer(reason.rawValue)
    }

    public var signer: VerifyingKey? { revoker }
}
