import Cryptography
import Primitives
import WireFormat

/// A checked statement of any structure: what the machines above take.
public enum AnyStatement: Hashable, Sendable {
    case membership(Verified<MembershipCertificate>)
    case revocation(Verified<Revocation>)
    case generation(Verified<GenerationCertificate>)
    case node(Verified<NodeCertificate>)
    case peer(Verified<PeerRecord>)
    case head(Verified<Head>)
    case evidence(Evidence)

    /// The original bytes, signature included.
    public var bytes: [UInt8] {
        switch self {
        case .membership(let statement): statement.bytes
        case .revocation(let statement): statement.bytes
        case .generation(let statement): statement.bytes
        case .node(let statement): statement.bytes
        case .peer(let statement): statement.bytes
        case .head(let statement): statement.bytes
        case .evidence(let evidence): evidence.bytes
        }
    }

    /// Checks evidence by what it shows, heads by what `headKey` gives, and all others by the signer they name. About 50 us, evidence 150 us.
    ///
    /// - Parameter headKey: the signing key of an origin's generation; `nil` where it is not known.
    public init(checking unchecked: UncheckedStatement, headKey: (OriginID, UInt32) -> VerifyingKey?) throws(StatementError) {
        func checked<Body: Statement>(_ signed: Signed<Body>, by key: VerifyingKey? = nil) throws(StatementError) -> Verified<Body> {
            guard let verified = signed.verified(by: key) else { throw .forged }
            return verified
        }
        switch unchecked {
        case .membership(let signed): self = .membership(try checked(signed))
        case .revocation(let signed): self = .revocation(try checked(signed))
        case .generation(let signed): self = .generation(try checked(signed))
        case .node(let signed): self = .node(try checked(signed))
        case .peer(let signed): self = .peer(try checked(signed))
        case .head(let signed):
            guard let key = headKey(signed.body.origin, signed.body.position.generation) else { throw .unknownGeneration }
            self = .head(try checked(signed, by: key))
        case .evidence(let unchecked):
            guard let evidence = Evidence(unchecked) else { throw .forged }
            self = .evidence(evidence)
        }
    }
}

/// Why a well-formed statement is not taken.
public enum StatementError: Error, Hashable, Sendable {
    /// Its signature does not fit: whoever sent it did not check.
    case forged
    /// A head of a generation whose certificate is not here: nobody's fault, ask again later.
    case unknownGeneration
}

/// A well-formed statement of any structure, its signature not yet checked.
public enum UncheckedStatement: Hashable, Sendable {
    case membership(Signed<MembershipCertificate>)
    case revocation(Signed<Revocation>)
    case generation(Signed<GenerationCertificate>)
    case node(Signed<NodeCertificate>)
    case peer(Signed<PeerRecord>)
    case head(Signed<Head>)
    case evidence(UncheckedEvidence)

    /// Throws `WireError`; `wrongStructure` for a structure this node does not know.
    public init(decoding bytes: [UInt8]) throws(WireError) {
        var reader = WireReader(bytes)
        let structure: UInt16 = try reader.integer()
        switch structure {
        case MembershipCertificate.structure: self = .membership(try Signed(decoding: bytes))
        case Revocation.structure: self = .revocation(try Signed(decoding: bytes))
        case GenerationCertificate.structure: self = .generation(try Signed(decoding: bytes))
        case NodeCertificate.structure: self = .node(try Signed(decoding: bytes))
        case PeerRecord.structure: self = .peer(try Signed(decoding: bytes))
        case Head.structure: self = .head(try Signed(decoding: bytes))
        case Evidence.structure: self = .evidence(try UncheckedEvidence(decoding: bytes))
        default: throw .wrongStructure(expected: Head.structure, found: structure)
        }
    }

    public var bytes: [UInt8] {
        switch self {
        case .membership(let signed): signed.bytes
        case .revocation(let signed): signed.bytes
        case .generation(let signed): signed.bytes
        case .node(let signed): signed.bytes
        case .peer(let signed): signed.bytes
        case .head(let signed): signed.bytes
        case .evidence(let evidence): evidence.bytes
        }
    }
}
