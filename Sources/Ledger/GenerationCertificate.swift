import Cryptography
import Primitives
import WireFormat

/// `Protocol/statements.md` §5: the identity key opens a generation: the life of one online signing key.
public struct GenerationCertificate: Statement {
    public static let structure: UInt16 = 3
    public static let tag = SignatureTag("hearsay/v1/generation")

    public enum Reason: UInt8, Sendable, CaseIterable {
        case first = 1, rotation = 2, lostState = 3, compromise = 4, afterEquivocation = 5, endOfFeed = 6
    }

    /// The last head of the generation before that still counts; sequence 0 and a hash of zeros where there is none.
    public struct Parent: Hashable, Sendable {
        public let generation: UInt32
        public let sequence: UInt64
        public let headHash: Digest

        public init(generation: UInt32, sequence: UInt64, headHash: Digest) {
            self.generation = generation
            self.sequence = sequence
            self.headHash = headHash
        }

        public static let none = Parent(generation: 0, sequence: 0, headHash: .zero)
    }

    public let origin: OriginID
    /// From 1; a later generation has a higher number.
    public let generation: UInt32
    public let signingKey: VerifyingKey
    public let notBefore: Timestamp
    public let notAfter: Timestamp
    public let parent: Parent
    public let reason: Reason

    /// `nil` if the generation is 0 or not after its parent, or the validity is empty.
    public init?(
        origin: OriginID, generation: UInt32, signingKey: VerifyingKey, notBefore: Timestamp, notAfter: Timestamp, parent: Parent = .none,
        reason: Reason
    ) {
        guard generation > parent.generation, notBefore < notAfter else { return nil }
        self.origin = origin
        self.generation = generation
        self.signingKey = signingKey
        self.notBefore = notBefore
        self.notAfter = notAfter
        self.parent = parent
        self.reason = reason
    }

    public init(decodingBody reader: inout WireReader) throws(WireError) {
        origin = try reader.identifier()
        generation = try reader.integer()
        signingKey = try reader.identifier()
        notBefore = try reader.timestamp()
        notAfter = try reader.timestamp()
        parent = Parent(generation: try reader.integer(), sequence: try reader.integer(), headHash: try reader.identifier())
        guard let reason = Reason(rawValue: try reader.integer()) else { throw .invalid(.reason) }
        self.reason = reason
        guard generation > parent.generation else { throw .invalid(.generation) }
        guard notBefore < notAfter else { throw .invalid(.validity) }
    }

    public func encodeBody(into writer: inout WireWriter) {
        writer.identifier(origin)
        writer.integer(generation)
        writer.identifier(signingKey)
        writer.timestamp(notBefore)
        writer.timestamp(notAfter)
        writer.integer(parent.generation)
        writer.integer(parent.sequence)
        writer.identifier(parent.headHash)
        writer.integer(reason.rawValue)
    }

    public var signer: VerifyingKey? { origin.verifyingKey }
}
