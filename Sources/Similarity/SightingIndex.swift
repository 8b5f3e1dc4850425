import CHamming
import Ledger
import Primitives

/// How fresh the sightings of an origin are that an answer rests on.
public struct Freshness: Hashable, Sendable, Comparable {
    public let origin: OriginID
    /// The head that has been verified to the last byte.
    public let position: HeadPosition
    public let issuedAt: Timestamp
    /// Until when that head may be taken for current.
    public let currentUntil: Timestamp

    public init(_ head: Head) {
        origin = head.origin
        position = head.position
        issuedAt = head.issuedAt
        currentUntil = head.currentUntil
    }

    public static func < (left: Freshness, right: Freshness) -> Bool { left.origin < right.origin }
}

/// All sightings of known streams that a node holds, ready to be asked: an immutable value, cheap to copy.
///
/// Built bucket by bucket and changed bucket by bucket: a new value shares all segments that did not change, so readers go on with the old one undisturbed.
public struct SightingIndex: Sendable {
    /// The operator whose node this is: its own sightings are shown apart.
    public let own: OriginID
    /// What the steps of a search cost here; the answers do not depend on it.
    public var costs = SearchCosts()
    private var shelves: [StreamID: CodeShelf] = [:]
    private var domainSegments: [StreamID: [DomainSegment]] = [:]
    /// Which buckets are in, so that none counts twice.
    private var held: [OriginID: Set<Digest>] = [:]
    /// All origins answers rest on, ascending.
    public private(set) var freshnessOfOrigins: [Freshness] = []

    /// - Parameter searchable: the streams that can be asked here; a node of an earlier version knows fewer.
    public init(own: OriginID, searchable: [StreamID] = Self.knownStreams) {
        self.own = own
        self.searchable = searchable
    }

    /// The streams whose codes or domains this version understands. Others are held and relayed as they are.
    public static let knownStreams: [StreamID] = [.sessionSimHash1, .sessionSimHash2, .smtpTarget1]
    private let searchable: [StreamID]

    public func isSearchable(_ stream: StreamID) -> Bool { searchable.contains(stream) }

    /// Adds a bucket; one that is in already, or of a stream that is not searchable, changes nothing. O(bucket).
    public mutating func add(_ bucket: Bucket, of origin: OriginID) {
        let stream = bucket.entry.stream
        guard isSearchable(stream), held[origin]?.contains(bucket.entry.root) != true else { return }
        if stream.kind == StreamID.sessionSimHash1.kind, let segment = CodeSegment(bucket, of: origin) {
            shelves[stream, default: CodeShelf()].add(segment)
            held[origin, default: []].insert(bucket.entry.root)
        } else if stream.kind == StreamID.smtpTarget1.kind, let segment = DomainSegment(bucket, of: origin) {
            domainSegments[stream, default: []].append(segment)
            held[origin, default: []].insert(segment.root)
        }
    }

    /// Takes buckets of an origin out, by root. O(segments).
    public mutating func remove(_ roots: [Digest], of origin: OriginID) {
        let roots = Set(roots).intersection(held[origin] ?? [])
        guard !roots.isEmpty else { return }
        held[origin]?.subtract(roots)
        for stream in shelves.keys { shelves[stream]?.remove(roots, of: origin) }
        for stream in domainSegments.keys { domainSegments[stream]?.removeAll { $0.origin == origin && roots.contains($0.root) } }
    }

    /// Whether `settle` would do anything.
    public var isUnsettled: Bool { shelves.values.contains { $0.isUnsettled() } }

    /// Puts what has been added lately where it is found fastest; answers stay what they are. O(codes moved): for who has the time, after adding.
    public mutating func settle() { settle(looseLimit: CodeShelf.looseLimit) }

    mutating func settle(looseLimit: Int) {
        for stream in shelves.keys { shelves[stream]?.settle(looseLimit: looseLimit) }
    }

    /// One step of settling, made ready beside the index in use; `nil` if there is nothing to do.
    public struct Settlement: Sendable {
        let stream: StreamID
        let shelf: CodeShelf.Settlement
    }

    /// Does the work of one step of `settle` without changing anything: for a copy of the index, away from who changes it.
    public func settlement() -> Settlement? {
        for (stream, shelf) in shelves {
            if let made = shelf.settlement() { return Settlement(stream: stream, shelf: made) }
        }
        return nil
    }

    /// Takes over what was made ready from an earlier state of this index: what was added since stays, what was removed since stays removed. O(buckets).
    public mutating func install(_ settlement: Settlement) { shelves[settlement.stream]?.install(settlement.shelf) }

    /// Gives memory back to the system that codes were in before they were settled: for who has settled many.
    public static func giveBackMemory() { hamming_give_back() }

    /// What the steps of a search cost here, timed on the largest run; as they are, if all are small. A few milliseconds.
    ///
    /// - Parameter nanoseconds: a clock.
    public func measuredCosts(kernel: HammingKernel = .best, nanoseconds: () -> UInt64) -> SearchCosts {
        var measured = costs
        let largest = shelves.values.flatMap(\.runs).map(\.run).max { $0.codeCount < $1.codeCount }
        if let largest { measured.measure(on: largest, kernel: kernel, nanoseconds: nanoseconds) }
        return measured
    }

    /// What the codes of a stream weigh in memory, all in.
    public func byteCount(of stream: StreamID) -> Int { shelves[stream]?.byteCount ?? 0 }

    /// Notes which head the sightings of its origin now are.
    public mutating func set(_ head: Head) {
        let place = freshnessPlace(of: head.origin)
        if place < freshnessOfOrigins.count, freshnessOfOrigins[place].origin == head.origin { freshnessOfOrigins[place] = Freshness(head) }
        else { freshnessOfOrigins.insert(Freshness(head), at: place) }
    }

    /// No answer rests on an origin any more, whose buckets have been taken out.
    public mutating func forget(_ origin: OriginID) { freshnessOfOrigins.removeAll { $0.origin == origin } }

    private func freshnessPlace(of origin: OriginID) -> Int {
        var (low, high) = (0, freshnessOfOrigins.count)
        while low < high {
            let middle = (low + high) / 2
            if freshnessOfOrigins[middle].origin < origin { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// Codes of a stream held, those of different origins and days counted apart.
    public func count(of stream: StreamID) -> Int {
        (shelves[stream]?.count ?? 0) + (domainSegments[stream] ?? []).reduce(0) { $0 + $1.count }
    }

    /// The same with the sightings of some origins and days alone; all freshness stays. O(buckets).
    func narrowed(to candidates: TypistQuestion.Candidates) -> SightingIndex {
        var narrow = self
        for (stream, shelf) in shelves { narrow.shelves[stream] = shelf.narrowed { candidates.contains($0.origin, $0.day) } }
        return narrow
    }

    func shelf(of stream: StreamID) -> CodeShelf { shelves[stream] ?? CodeShelf() }
    func domains(of stream: StreamID) -> [DomainSegment] { domainSegments[stream] ?? [] }
}
