import Cryptography
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

/// What is known of one origin's signed set: which keys may speak for it, what of it does not count any more, and how far we have followed.
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
        /// Issued in the future, or numbered faster than one a second: by our clock its time is still to come.
        case early
        /// Outside its generation's validity, of an origin that has ended its feed, or of a generation that is in quarantine.
        case refused
        /// A later generation has been opened that does not count it: a stolen key, or a disk that was lost.
        case void
        /// Another head at a position that has been adopted: the origin equivocates.
        case equivocation
    }

    public enum Taking: Hashable, Sendable {
        /// The generation that was dropped for it, if any.
        case accepted(dropped: UInt32?)
        /// Held, or too old to be kept.
        case known
        /// Another certificate for the same generation is held: the origin equivocates. The first stays.
        case contradiction(Verified<GenerationCertificate>)
    }

    private var generations: [Verified<GenerationCertificate>] = []  // Ascending by number.
    /// Generations of which there is evidence; at most as many as are kept.
    private var quarantined: Set<UInt32> = []  // Looked up, never iterated.
    public var adopted: AdoptedState?

    public init() {}

    /// The signing key of a generation, if its certificate is here.
    public func signingKey(ofGeneration number: UInt32) -> VerifyingKey? { certificate(ofGeneration: number)?.body.signingKey }

    public func certificate(ofGeneration number: UInt32) -> Verified<GenerationCertificate>? { generations.first { $0.body.generation == number } }

    /// The latest certificate for this key.
    public func certificate(of key: VerifyingKey) -> Verified<GenerationCertificate>? { generations.last { $0.body.signingKey == key } }

    /// The certificate of the latest generation.
    public var newest: Verified<GenerationCertificate>? { generations.last }

    /// The origin has said that nothing more will come.
    public var hasEnded: Bool { newest?.body.reason == .endOfFeed }

    public func isQuarantined(_ generation: UInt32) -> Bool { quarantined.contains(generation) }

    public mutating func take(_ certificate: Verified<GenerationCertificate>) -> Taking {
        let number = certificate.body.generation
        if let held = self.certificate(ofGeneration: number) { return held.bytes == certificate.bytes ? .known : .contradiction(held) }
        let place = generations.firstIndex { $0.body.generation > number } ?? generations.count
        if generations.count == Self.generationLimit, place == 0 { return .known }
        generations.insert(certificate, at: place)
        guard generations.count > Self.generationLimit else { return .accepted(dropped: nil) }
        let dropped = generations.removeFirst().body.generation
        quarantined.remove(dropped)
        return .accepted(dropped: dropped)
    }

    /// There is evidence against a generation: nothing of it is taken any more. Whether its certificate is kept here, and so the evidence is worth keeping.
    public mutating func quarantine(_ generation: UInt32) -> Bool {
        guard certificate(ofGeneration: generation) != nil else { return false }
        quarantined.insert(generation)
        return true
    }

    /// Whether a later generation was opened that does not count this head (`Protocol/statements.md` §5.1).
    public func isVoid(_ head: Verified<Head>) -> Bool {
        let position = head.body.position
        return generations.contains { certificate in
            let parent = certificate.body.parent
            let last = HeadPosition(generation: parent.generation, sequence: parent.sequence)
            return certificate.body.generation > position.generation && (position > last || position == last && head.hash != parent.headHash)
        }
    }

    /// Whether a head may not stand for its origin, whenever it came: void, or of a generation in quarantine.
    public func isOut(_ head: Verified<Head>) -> Bool { isVoid(head) || isQuarantined(head.body.position.generation) }

    /// What a checked head means here, now.
    public func verdict(on head: Verified<Head>, at now: Timestamp) -> HeadVerdict {
        let position = head.body.position
        guard let certificate = certificate(ofGeneration: position.generation)?.body, certificate.signingKey == head.key else { return .unresolved }
        if isQuarantined(position.generation) { return .refused }
        if isVoid(head) { return .void }
        if let adopted {
            if position < adopted.head.body.position { return .known }
            if position == adopted.head.body.position { return head.bytes == adopted.head.bytes ? .known : .equivocation }
        }
        guard certificate.reason != .endOfFeed, head.body.issuedAt < certificate.notAfter, certificate.notBefore <= head.body.issuedAt + Limits.clockSkew else {
            return .refused
        }
        guard head.body.issuedAt <= now + Limits.clockSkew else { return .early }
        // The rate is measured over the generation's whole life, so that a node that was away judges like one that was not.
        let life = now + Limits.clockSkew
        let seconds = life.milliseconds > certificate.notBefore.milliseconds ? (life.milliseconds - certificate.notBefore.milliseconds) / 1_000 : 0
        let (allowed, overflow) = seconds.addingReportingOverflow(Self.sequenceBurst)
        return overflow || position.sequence <= allowed ? .news : .early
    }
}
