import Ledger
import Primitives
import WireFormat

/// A head whose every byte has been verified, and the manifest it stands for.
public struct AdoptedState: Hashable, Sendable {
    public var head: Verified<Head>
    public var manifest: Manifest

    public init(head: Verified<Head>, manifest: Manifest) {
        self.head = head
        self.manifest = manifest
    }
}

/// What is known of one origin's signed set: which keys may speak for it, and how far we have followed.
public struct OriginRecord: Sendable {
    /// Generations of one origin that are kept: the newest.
    public static let generationLimit = 8
    /// Heads an origin may have signed at once after a quiet time; in the long run one per second.
    public static let sequenceBurst: UInt64 = 3_600

    public enum HeadVerdict: Hashable, Sendable {
        case news
        /// Adopted already, or older.
        case known
        /// Its generation's certificate is not here, or holds another key.
        case unresolved
        /// Issued in the future, outside its generation's validity, or numbered faster than one a second.
        case refused
        /// Another head at a position that has been adopted: the origin equivocates.
        case equivocation
    }

    private var generations: [Verified<GenerationCertificate>] = []  // Ascending by number.
    public var adopted: AdoptedState?

    public init() {}

    /// The signing key of a generation, if its certificate is here.
    public func signingKey(ofGeneration number: UInt32) -> VerifyingKey? { certificate(ofGeneration: number)?.body.signingKey }

    public func certificate(ofGeneration number: UInt32) -> Verified<GenerationCertificate>? { generations.first { $0.body.generation == number } }

    /// Takes a certificate; `nil` if it is held, or too old to be kept. Of two for one generation the first stays.
    ///
    /// The answer holds the generation that was dropped for it, if any.
    public mutating func take(_ certificate: Verified<GenerationCertificate>) -> (accepted: Bool, dropped: UInt32?) {
        let number = certificate.body.generation
        guard !generations.contains(where: { $0.body.generation == number }) else { return (false, nil) }
        let place = generations.firstIndex { $0.body.generation > number } ?? generations.count
        if generations.count == Self.generationLimit, place == 0 { return (false, nil) }
        generations.insert(certificate, at: place)
        guard generations.count > Self.generationLimit else { return (true, nil) }
        return (true, generations.removeFirst().body.generation)
    }

    /// What a checked head means here, now.
    public func verdict(on head: Verified<Head>, at now: Timestamp) -> HeadVerdict {
        let position = head.body.position
        guard let certificate = certificate(ofGeneration: position.generation)?.body, certificate.signingKey == head.key else { return .unresolved }
        if let adopted {
            if position < adopted.head.body.position { return .known }
            if position == adopted.head.body.position { return head.bytes == adopted.head.bytes ? .known : .equivocation }
        }
        guard head.body.issuedAt <= now + Limits.clockSkew, head.body.issuedAt < certificate.notAfter,
            certificate.notBefore <= head.body.issuedAt + Limits.clockSkew
        else { return .refused }
        // The rate is measured over the generation's whole life, so that a node that was away judges like one that was not.
        let life = now + Limits.clockSkew
        let seconds = life.milliseconds > certificate.notBefore.milliseconds ? (life.milliseconds - certificate.notBefore.milliseconds) / 1_000 : 0
        let (allowed, overflow) = seconds.addingReportingOverflow(Self.sequenceBurst)
        return overflow || position.sequence <= allowed ? .news : .refused
    }
}
