import Cryptography
import Primitives
import WireFormat

/// `Protocol/statements.md` §9: two statements of one origin that cannot both be honest, and all that is needed to see it.
///
/// Anybody can check it offline, knowing nothing but that the operator is a member: it needs no signature of its own. Only checking makes one: about 150 us.
public struct Evidence: Hashable, Sendable {
    public static let structure: UInt16 = 7
    /// Leaves of the later head's history that a link shows.
    public static let leafLimit = 32
    /// Roots of full subtrees that a link shows: one for each bit of a sequence number.
    public static let frontierLimit = 64

    /// What cannot both be honest.
    public enum Contradiction: Hashable, Sendable {
        /// Two heads at one position, in ascending order of their bytes.
        case samePosition(Signed<Head>, Signed<Head>)
        /// The later head's history does not contain the earlier head, or not what the earlier one says was before it.
        case forkedHistory(earlier: Signed<Head>, later: Signed<Head>, HistoryLink)
        /// Two certificates for one generation, in ascending order of their bytes.
        case twoCertificates(Signed<GenerationCertificate>, Signed<GenerationCertificate>)
    }

    /// The certificate of the generation it is about; of two, the first.
    public let certificate: Verified<GenerationCertificate>
    public let contradiction: Contradiction
    /// As it stands, or would stand, on the wire.
    public let bytes: [UInt8]

    public var origin: OriginID { certificate.body.origin }
    public var generation: UInt32 { certificate.body.generation }
    public var hash: Digest { BLAKE2b.hash(bytes) }

    /// Two heads at one position; `nil` if they are the same, or not of one position, or not signed by the certificate's key.
    public init?(_ one: Signed<Head>, _ other: Signed<Head>, under certificate: Signed<GenerationCertificate>) {
        let (first, second) = one.bytes.lexicographicallyPrecedes(other.bytes) ? (one, other) : (other, one)
        self.init(UncheckedEvidence(.samePosition(first, second), certificate: certificate))
    }

    /// A head that a later one's history denies; `nil` if the link does not show that.
    public init?(earlier: Signed<Head>, later: Signed<Head>, link: HistoryLink, under certificate: Signed<GenerationCertificate>) {
        self.init(UncheckedEvidence(.forkedHistory(earlier: earlier, later: later, link), certificate: certificate))
    }

    /// Two certificates for one generation; `nil` if they are the same one.
    public init?(_ one: Signed<GenerationCertificate>, _ other: Signed<GenerationCertificate>) {
        let (first, second) = one.bytes.lexicographicallyPrecedes(other.bytes) ? (one, other) : (other, one)
        self.init(UncheckedEvidence(.twoCertificates(first, second), certificate: first))
    }

    /// Checks everything it claims; `nil` if it proves nothing. About 150 us.
    public init?(_ unchecked: UncheckedEvidence) {
        guard let certificate = unchecked.certificate.verified() else { return nil }
        let (origin, generation) = (certificate.body.origin, certificate.body.generation)
        func isHead(_ head: Signed<Head>) -> Bool {
            head.body.origin == origin && head.body.position.generation == generation && head.verified(by: certificate.body.signingKey) != nil
        }
        switch unchecked.contradiction {
        case .samePosition(let first, let second):
            guard first.body.position == second.body.position, first.bytes.lexicographicallyPrecedes(second.bytes), isHead(first), isHead(second) else {
                return nil
            }
        case .forkedHistory(let earlier, let later, let link):
            guard earlier.body.position < later.body.position, link.start == earlier.body.position.sequence, link.end == later.body.position.sequence,
                link.endRoot == later.body.historyRoot, isHead(earlier), isHead(later)
            else { return nil }
            guard link.startRoot != earlier.body.historyRoot || link.leaves.first != earlier.hash else { return nil }
        case .twoCertificates(let first, let second):
            guard second.body.origin == origin, second.body.generation == generation, first.bytes.lexicographicallyPrecedes(second.bytes),
                second.verified() != nil
            else { return nil }
        }
        self.certificate = certificate
        contradiction = unchecked.contradiction
        bytes = unchecked.bytes
    }
}

/// Evidence as it came: well-formed, nothing of it checked yet.
public struct UncheckedEvidence: Hashable, Sendable {
    private enum Form: UInt8 { case samePosition = 1, forkedHistory, twoCertificates }

    public let contradiction: Evidence.Contradiction
    public let certificate: Signed<GenerationCertificate>
    public let bytes: [UInt8]

    init(_ contradiction: Evidence.Contradiction, certificate: Signed<GenerationCertificate>) {
        self.contradiction = contradiction
        self.certificate = certificate
        var writer = WireWriter(reserving: 1_024)
        writer.structure(Evidence.structure)
        func prefixed(_ bytes: [UInt8]) { writer.prefixed(bytes, by: UInt16.self) }
        switch contradiction {
        case .samePosition(let first, let second):
            writer.integer(Form.samePosition.rawValue)
            for bytes in [certificate.bytes, first.bytes, second.bytes] { prefixed(bytes) }
        case .forkedHistory(let earlier, let later, let link):
            writer.integer(Form.forkedHistory.rawValue)
            for bytes in [certificate.bytes, earlier.bytes, later.bytes] { prefixed(bytes) }
            link.encode(into: &writer)
        case .twoCertificates(let first, let second):
            writer.integer(Form.twoCertificates.rawValue)
            for bytes in [first.bytes, second.bytes] { prefixed(bytes) }
        }
        bytes = writer.bytes
    }

    /// Throws `WireError` for anything but exactly one piece of evidence, at most 4,096 bytes.
    public init(decoding bytes: [UInt8]) throws(WireError) {
        guard bytes.count <= Limits.statementByteCount else {
            throw .overLimit(.statement, value: UInt64(bytes.count), limit: UInt64(Limits.statementByteCount))
        }
        var reader = WireReader(bytes)
        try reader.structure(Evidence.structure)
        guard let form = Form(rawValue: try reader.integer()) else { throw .invalid(.kind) }
        func next<Body>(_ type: Body.Type) throws(WireError) -> Signed<Body> {
            try Signed(decoding: try reader.prefixed(by: UInt16.self, limit: Limits.statementByteCount, field: .statement))
        }
        certificate = try next(GenerationCertificate.self)
        switch form {
        case .samePosition: contradiction = .samePosition(try next(Head.self), try next(Head.self))
        case .forkedHistory:
            contradiction = .forkedHistory(earlier: try next(Head.self), later: try next(Head.self), try HistoryLink(from: &reader))
        case .twoCertificates: contradiction = .twoCertificates(certificate, try next(GenerationCertificate.self))
        }
        try reader.finish()
        self.bytes = bytes
    }
}
