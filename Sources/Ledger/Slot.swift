import Cryptography
import Primitives
import WireFormat

/// What a statement is about: of two statements about the same, a node keeps one (`Protocol/replication.md` §3.2).
public enum Slot: Hashable, Sendable {
    case membership(OriginID, sponsor: VerifyingKey)
    case revocation(OriginID)
    case generation(OriginID, UInt32)
    case node(NodeID)
    case peer(NodeID)
    case head(OriginID)
    case evidence(OriginID, UInt32)

    /// The slot as a key: equal for equal slots, the structure's number in front.
    public var bytes: [UInt8] {
        var writer = WireWriter(reserving: 66)
        switch self {
        case .membership(let member, let sponsor):
            writer.integer(MembershipCertificate.structure)
            writer.identifier(member)
            writer.identifier(sponsor)
        case .revocation(let revoked):
            writer.integer(Revocation.structure)
            writer.identifier(revoked)
        case .generation(let origin, let generation):
            writer.integer(GenerationCertificate.structure)
            writer.identifier(origin)
            writer.integer(generation)
        case .node(let node):
            writer.integer(NodeCertificate.structure)
            writer.identifier(node)
        case .peer(let node):
            writer.integer(PeerRecord.structure)
            writer.identifier(node)
        case .head(let origin):
            writer.integer(Head.structure)
            writer.identifier(origin)
        case .evidence(let origin, let generation):
            writer.integer(Evidence.structure)
            writer.identifier(origin)
            writer.integer(generation)
        }
        return writer.bytes
    }
}

extension AnyStatement {
    /// What it is about.
    public var slot: Slot {
        switch self {
        case .membership(let statement): .membership(statement.body.member, sponsor: statement.body.sponsor)
        case .revocation(let statement): .revocation(statement.body.revoked)
        case .generation(let statement): .generation(statement.body.origin, statement.body.generation)
        case .node(let statement): .node(statement.body.node)
        case .peer(let statement): .peer(statement.body.node)
        case .head(let statement): .head(statement.body.origin)
        case .evidence(let evidence): .evidence(evidence.origin, evidence.generation)
        }
    }

    /// What rests on nothing first: sponsors before whom they sponsor is left to whoever takes them.
    public var rank: Int {
        switch self {
        case .membership: 0
        case .revocation: 1
        case .generation: 2
        case .evidence: 3
        case .node: 4
        case .peer: 5
        case .head: 6
        }
    }
}
