import Cryptography
import Ledger
import Primitives
import WireFormat

/// All sightings of one (stream, day) of our own; none if the day was emptied.
public struct DayContent: Hashable, Sendable {
    public let descriptor: StreamDescriptor
    public let day: Day
    public let buckets: [Bucket]
    /// Comes back in the publication that covers the day, so that whoever gave it knows *which* content of the day is out.
    public let mark: Int64

    public init(descriptor: StreamDescriptor, day: Day, buckets: [Bucket], mark: Int64 = 0) {
        self.descriptor = descriptor
        self.day = day
        self.buckets = buckets
        self.mark = mark
    }
}

/// A day that a publication covers, as it was when it was given with this mark.
public struct CoveredDay: Hashable, Sendable {
    public let stream: StreamID
    public let day: Day
    public let mark: Int64

    public init(stream: StreamID, day: Day, mark: Int64) {
        self.stream = stream
        self.day = day
        self.mark = mark
    }
}

/// What we have published last.
public struct OwnState: Hashable, Sendable {
    public var head: Verified<Head>
    public var manifest: Manifest
    public var history: HistoryTree

    public init(head: Verified<Head>, manifest: Manifest, history: HistoryTree) {
        self.head = head
        self.manifest = manifest
        self.history = history
    }
}

/// A head of our own and all that it rests on.
public struct Publication: Hashable, Sendable {
    public let head: Verified<Head>
    public let manifest: Manifest
    /// The history after this head.
    public let history: HistoryTree
    /// The buckets that are new in this manifest.
    public let newBuckets: [Bucket]
    /// The days whose changes are in this head for the first time.
    public let coveredDays: [CoveredDay]

    public init(head: Verified<Head>, manifest: Manifest, history: HistoryTree, newBuckets: [Bucket], coveredDays: [CoveredDay] = []) {
        self.head = head
        self.manifest = manifest
        self.history = history
        self.newBuckets = newBuckets
        self.coveredDays = coveredDays
    }
}

/// Turns changed days into signed heads, one at a time, each on disk before the next is made (`Protocol/replication.md` §7).
public struct Publisher: Sendable {
    /// How long a head may be taken for current.
    public static let lifetimeSeconds: UInt32 = 86_400
    /// A head is repeated under a new sequence number after this time, so that silence never looks like absence.
    public static let heartbeat: Duration = .seconds(8 * 3_600)

    private struct Signer: Sendable {
        let key: SigningKey
        let certificate: Verified<GenerationCertificate>
    }

    private struct DayID: Hashable {
        let stream: StreamID
        let day: Day
    }

    /// Why nothing is signed.
    public enum Halt: Hashable, Sendable {
        /// There is no generation whose key is here: the disk was lost, or the key is kept elsewhere.
        case noGeneration
        /// Somebody holds a head of ours that we do not know: a restored backup, or a second machine.
        case newerHead(HeadPosition)
        /// A generation that we have not opened has been opened with our identity key.
        case newerGeneration(UInt32)
        /// There is evidence against the generation we sign in.
        case equivocation
        /// The operator has ended its feed.
        case ended
    }

    public let origin: OriginID
    private var signer: Signer?
    /// The generation that is signed in; `nil` if there is none.
    public private(set) var generation: UInt32?
    /// Until when the generation's key may be used.
    public private(set) var notAfter: Timestamp?
    /// What we have published in this generation last.
    public private(set) var own: OwnState?
    /// What the first head of the generation goes on from.
    public private(set) var base: AdoptedState?
    private var changed: [DayID: DayContent] = [:]
    private var inFlight: Publication?
    private var mustRepublish = false
    public var halt: Halt?

    /// - Parameters:
    ///   - key: of the newest generation; `nil` if it is not here.
    ///   - own: what was published last, in whatever generation.
    public init(origin: OriginID, key: SigningKey?, certificate: Verified<GenerationCertificate>?, own: OwnState?) {
        self.origin = origin
        base = own.map { AdoptedState(head: $0.head, manifest: $0.manifest) }
        guard let certificate else { halt = .noGeneration; return }
        guard certificate.body.reason != .endOfFeed else { halt = .ended; return }
        guard let key, key.verifyingKey == certificate.body.signingKey else { halt = .noGeneration; return }
        sign(with: key, under: certificate)
        guard let own, own.head.body.position.generation == certificate.body.generation else { return }
        // Content that was recovered comes without its history: only a new generation can go on from it.
        guard own.history.leafCount == own.head.body.position.sequence + 1 else { halt = .newerHead(own.head.body.position); return }
        self.own = own
    }

    /// The newest head of ours that counts, in whatever generation.
    public var lastHead: Verified<Head>? { own?.head ?? base?.head }

    /// A head is being written: its fate is not known yet.
    public var isWriting: Bool { inFlight != nil }

    /// Goes on in a new generation. Its first head, due at once, has the content there was, and what has changed since.
    public mutating func open(_ certificate: Verified<GenerationCertificate>, key: SigningKey) {
        if let own { base = AdoptedState(head: own.head, manifest: own.manifest) }
        own = nil
        halt = certificate.body.reason == .endOfFeed ? .ended : nil
        sign(with: key, under: certificate)
    }

    private mutating func sign(with key: SigningKey, under certificate: Verified<GenerationCertificate>) {
        let isFeed = certificate.body.reason != .endOfFeed
        signer = isFeed ? Signer(key: key, certificate: certificate) : nil
        generation = isFeed ? certificate.body.generation : nil
        notAfter = isFeed ? certificate.body.notAfter : nil
    }

    /// Signs nothing any more, until a new generation is opened. Says whether that is news.
    public mutating func stop(for reason: Halt) -> Bool {
        guard halt == nil else { return false }
        halt = reason
        return true
    }

    /// Our own content has come back from others: the next generation goes on from there. All changes are to be given again.
    public mutating func recovered(_ state: AdoptedState) {
        base = state
        own = nil
        changed = [:]
        if halt == nil { halt = .newerHead(state.head.body.position) }
    }

    /// Whether there is something to sign now.
    public func isDue(at now: Timestamp) -> Bool {
        guard signer != nil, inFlight == nil, halt == nil else { return false }
        guard let own else { return true }
        return !changed.isEmpty || mustRepublish || own.head.body.issuedAt + Self.heartbeat <= now
    }

    /// Takes days as they now are. Later ones replace earlier ones.
    public mutating func change(_ days: [DayContent]) {
        for content in days { changed[DayID(stream: content.descriptor.stream, day: content.day)] = content }
    }

    /// The next head over all changes so far, not counting days whose retention has ended; `nil` if nothing is due.
    public mutating func publication(at now: Timestamp) -> Publication? {
        guard isDue(at: now), let signer else { return nil }
        let certificate = signer.certificate
        let current = own?.manifest ?? base?.manifest ?? .empty
        var descriptors = current.descriptors
        var entries = current.entries
        var newBuckets: [Bucket] = []
        // In order, so that the same inputs give the same directives in every process.
        let days = changed.sorted { ($0.key.stream, $0.key.day) < ($1.key.stream, $1.key.day) }
        for (id, content) in days {
            entries.removeAll { $0.stream == id.stream && $0.day == id.day }
            guard content.descriptor.lastDay(ofBucketAt: id.day) >= now.day else { continue }
            if !descriptors.contains(where: { $0.stream == id.stream }) { descriptors.append(content.descriptor) }
            entries += content.buckets.map(\.entry)
            newBuckets += content.buckets
        }
        entries.removeAll { entry in
            descriptors.first { $0.stream == entry.stream }.map { $0.lastDay(ofBucketAt: entry.day) < now.day } ?? true
        }
        let manifest = Manifest(descriptors: descriptors, entries: entries)
        var history = own?.history ?? HistoryTree(certificateHash: certificate.hash)
        let head = Head(
            origin: origin, position: HeadPosition(generation: certificate.body.generation, sequence: history.leafCount), issuedAt: now,
            lifetimeSeconds: Self.lifetimeSeconds, manifestRoot: manifest.root, entryCount: UInt32(manifest.entries.count),
            sightingCount: manifest.sightingCount, dataByteCount: manifest.dataByteCount, historyRoot: history.root)
        guard let head else { preconditionFailure("a head of our own breaks a rule of heads") }
        let signed = Signed.make(head, with: signer.key)
        history.append(signed.hash)
        let publication = Publication(
            head: signed, manifest: manifest, history: history, newBuckets: newBuckets,
            coveredDays: days.map { CoveredDay(stream: $0.key.stream, day: $0.key.day, mark: $0.value.mark) })
        inFlight = publication
        changed = [:]
        mustRepublish = false
        return publication
    }

    /// The publication is on disk.
    public mutating func published(_ publication: Publication) {
        guard inFlight?.head.bytes == publication.head.bytes else { return }
        inFlight = nil
        own = OwnState(head: publication.head, manifest: publication.manifest, history: publication.history)
    }

    /// The disk refused: the head was never sent, so its number may be used again; its days are to be given again.
    public mutating func failed(_ publication: Publication) {
        guard inFlight?.head.bytes == publication.head.bytes else { return }
        inFlight = nil
        mustRepublish = true
    }

    /// Some day's retention has ended: the next head leaves it out.
    public mutating func dayEnded(today: Day) {
        guard let own else { return }
        let hasExpired = own.manifest.entries.contains { entry in
            own.manifest.descriptor(of: entry.stream).map { $0.lastDay(ofBucketAt: entry.day) < today } ?? false
        }
        if hasExpired { mustRepublish = true }
    }

    /// A head of our own that we have not signed, or not any more, is about. Whether that halts us.
    public mutating func sawOwnHead(_ head: Verified<Head>) -> Bool {
        if let known = inFlight?.head ?? lastHead, head.bytes == known.bytes || head.body.position < known.body.position { return false }
        // Of the generation before: it was not known when this one was opened, and does not count.
        if let generation, head.body.position.generation < generation { return false }
        return stop(for: .newerHead(head.body.position))
    }
}
