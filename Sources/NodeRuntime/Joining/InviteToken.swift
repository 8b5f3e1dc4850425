import Cryptography
import Foundation
import Ledger
import Primitives
import WireFormat

/// `Protocol/replication.md` §5: all that a newcomer needs to be admitted, in one line. Holds a secret; good for one operator.
public struct InviteToken: Sendable {
    public static let prefix = "hearsay1:"
    /// The longest token, in characters.
    static let maximumCharacterCount = 4_096
    private static let checkByteCount = 4

    public let meshRoot: VerifyingKey
    /// The operator who invites.
    public let sponsor: OriginID
    /// The key of the node to contact.
    public let transportKey: TransportKey
    public let inviteID: InviteID
    /// 32 secret bytes.
    public let secret: [UInt8]
    public let notAfter: Timestamp
    public let addresses: [NetworkAddress]

    public init(
        meshRoot: VerifyingKey, sponsor: OriginID, transportKey: TransportKey, inviteID: InviteID, secret: [UInt8], notAfter: Timestamp,
        addresses: [NetworkAddress]
    ) {
        precondition(secret.count == 32, "an invite's secret has 32 bytes, not \(secret.count)")
        precondition(addresses.count <= Limits.addresses, "\(addresses.count) addresses do not fit an invite")
        self.meshRoot = meshRoot
        self.sponsor = sponsor
        self.transportKey = transportKey
        self.inviteID = inviteID
        self.secret = secret
        self.notAfter = notAfter
        self.addresses = addresses
    }

    public var mesh: MeshID { MeshID(root: meshRoot) }

    /// The one-line form.
    public var text: String {
        var writer = WireWriter(reserving: 256)
        writer.integer(UInt8(1))
        writer.identifier(meshRoot)
        writer.identifier(sponsor)
        writer.identifier(transportKey)
        writer.bytes(inviteID.bytes)
        writer.bytes(secret)
        writer.timestamp(notAfter)
        writer.count(addresses.count, as: UInt8.self)
        for address in addresses { address.encode(into: &writer) }
        let check = BLAKE2b.hash(writer.bytes).bytes.prefix(Self.checkByteCount)
        let encoded = Data(writer.bytes + check).base64EncodedString()
        return Self.prefix + encoded.replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }

    /// Reads the one-line form, white space around it ignored.
    public init(_ text: String) throws(InviteTokenError) {
        let line = text.trimmingCharacters(in: .whitespacesAndNewlines)
        guard line.hasPrefix(Self.prefix) else { throw .notAToken }
        guard line.utf8.count <= Self.maximumCharacterCount else { throw .damaged }
        var encoded = String(line.dropFirst(Self.prefix.count)).replacing("-", with: "+").replacing("_", with: "/")
        encoded += String(repeating: "=", count: (4 - encoded.utf8.count % 4) % 4)
        guard let data = Data(base64Encoded: encoded), data.count > Self.checkByteCount else { throw .damaged }
        let bytes = Array(data)
        let body = Array(bytes.dropLast(Self.checkByteCount))
        guard BLAKE2b.hash(body).bytes.prefix(Self.checkByteCount) == bytes.suffix(Self.checkByteCount)[...] else { throw .damaged }
        do throws(WireError) {
            var reader = WireReader(body)
            let version: UInt8 = try reader.integer()
            guard version == 1 else { throw .unsupportedVersion(UInt16(version)) }
            meshRoot = try reader.identifier()
            sponsor = try reader.identifier()
            transportKey = try reader.identifier()
            guard let id = InviteID(bytes: try reader.bytes(InviteID.byteCount)) else { throw .invalid(.statement) }
            inviteID = id
            secret = try reader.bytes(32)
            notAfter = try reader.timestamp()
            let count = try reader.count(as: UInt8.self, limit: Limits.addresses, elementByteCount: 8)
            var addresses: [NetworkAddress] = []
            for _ in 0..<count { addresses.append(try NetworkAddress(decoding: &reader)) }
            self.addresses = addresses
            try reader.finish()
        } catch {
            if case .unsupportedVersion = error { throw .newer }
            throw .damaged
        }
    }
}

/// Why a line is no invite token.
public enum InviteTokenError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Does not begin with `hearsay1:`.
    case notAToken
    /// Characters are missing or changed.
    case damaged
    /// Of a later version of the program.
    case newer

    public var description: String {
        switch self {
        case .notAToken: "this is no invite token: it does not begin with \(InviteToken.prefix)"
        case .damaged: "the invite token is damaged: characters are missing or changed"
        case .newer: "the invite token was made by a later version of hearsay"
        }
    }
}
