import CHamming
import Ledger
import Primitives

/// One code that an answer names.
public struct SimHashMatch: Hashable, Sendable, Comparable {
    /// Words of 64 bits, most significant first.
    public let code: [UInt64]
    /// Bits that differ.
    public let distance: UInt16
    public let origin: OriginID
    public let day: Day
    public let sessions: UInt16
    public let strength: UInt8
    /// Whether the operator is ourselves.
    public let isOwn: Bool

    /// Nearest first; of equal distance by origin, day and code, so that the same replica always gives the same answer.
    public static func < (left: SimHashMatch, right: SimHashMatch) -> Bool {
        if left.distance != right.distance { return left.distance < right.distance }
        if left.origin != right.origin { return left.origin < right.origin }
        if left.day != right.day { return left.day < right.day }
        if left.code != right.code { return left.code.lexicographicallyPrecedes(right.code) }
        // One key stands once in an origin's day, so this tells apart only what a test or a later layout makes.
        return (left.sessions, left.strength) < (right.sessions, right.strength)
    }
}

/// What the replica knows about a typist (`Protocol/answers.md` §2).
public struct SimHashAnswer: Hashable, Sendable {
    public let stream: StreamID
    /// Whether anybody, ourselves included, has seen a code within the radius.
    public let seen: Bool
    /// Other operators who have.
    public let operators: Int
    /// Whether we have ourselves.
    public let seenByOwn: Bool
    /// Sessions within the radius, at other operators and ourselves.
    public let sessions: UInt64
    /// How many of them are our own.
    public let ownSessions: UInt64
    public let firstDay: Day?
    public let lastDay: Day?
    /// Distance of the nearest code at all; `nil` if there is none.
    public let nearestDistance: UInt16?
    /// How many codes are how far away: the background a match must stand out from.
    public let histogram: [Int]
    /// What `seen`, `operators`, `sessions` and the days are about.
    public let radius: UInt16
    public let matches: [SimHashMatch]
    public let freshness: [Freshness]
}

extension SightingIndex {
    /// The most matches an answer names.
    public static let matchLimit = 1_000

    /// The longest code, in words: its distances still fit 16 bits. Streams have keys of at most 253 bytes, so nothing real comes near.
    public static let wordLimit = 1_023

    /// The radius upstream calls a match, for 64-bit codes of schema_version 1. Weak: see `Protocol/answers.md` §4.
    public static let standardRadius: UInt16 = 8

    /// What to show of all that was found.
    public enum Selection: Hashable, Sendable {
        /// All matches within the radius, nearest first, at most 1,000.
        case within(UInt16)
        /// The nearest ones, however far, at most 1,000.
        case nearest(Int)
    }

    /// Whether to say how far away all the other codes are.
    public enum Background: Hashable, Sendable {
        /// The whole histogram: every code is looked at.
        case exact
        /// None: the histogram is empty, `nearestDistance` is that of the codes found, and only near codes are looked at.
        case none
    }

    /// Everybody who has seen a typist whose code is near. Exact: equal to comparing with every code. Reads only memory.
    ///
    /// - Parameter code: 1 to 1,023 words of 64 bits; segments of another width are passed over.
    public func ask(
        _ code: [UInt64], in stream: StreamID, _ selection: Selection, background: Background = .exact, kernel: HammingKernel = .best
    ) -> SimHashAnswer {
        ask([code], in: stream, selection, background: background, kernel: kernel)[0]
    }

    /// The same for many codes of one width at once, which is faster than one after another: while one is looked at, memory fetches what the next needs, and
    /// those that need a scan share it.
    public func ask(
        _ codes: [[UInt64]], in stream: StreamID, _ selection: Selection, background: Background = .exact, kernel: HammingKernel = .best
    ) -> [SimHashAnswer] {
        guard let words = codes.first?.count else { return [] }
        precondition((1...Self.wordLimit).contains(words), "a code has 1 to \(Self.wordLimit) words, not \(words)")
        precondition(codes.allSatisfy { $0.count == words }, "codes that are asked together are of one width")
        let shelf = shelf(of: stream)
        var near = codes.map { _ in NearCodes(selection, bits: words * 64) }
        if words == 1 { search(shelf, for: codes.map { $0[0] }, kernel, &near) }
        search(shelf.loose, of: shelf, for: codes, kernel, &near)
        return codes.indices.map { number in
            let histogram = background == .exact ? shelf.histogram(of: codes[number], kernel: kernel) : []
            let found = near[number]
            let tally = found.tally
            return SimHashAnswer(
                stream: stream, seen: tally.sessions > 0, operators: tally.others.count, seenByOwn: tally.includesOwn, sessions: tally.sessions,
                ownSessions: tally.ownSessions, firstDay: tally.firstDay, lastDay: tally.lastDay,
                nearestDistance: background == .exact ? histogram.firstIndex { $0 > 0 }.map { UInt16($0) } : found.nearest, histogram: histogram,
                radius: found.radius, matches: found.matches(shelf, own: own), freshness: freshnessOfOrigins)
        }
    }

    private func search(_ shelf: CodeShelf, for codes: [UInt64], _ kernel: HammingKernel, _ near: inout [NearCodes]) {
        for (holder, held) in shelf.runs.enumerated() {
            // The limit is asked for while codes are reported: both look at the same answers, one after the other.
            withUnsafeMutablePointer(to: &near) { near in
                held.run.search(codes, costs: costs, kernel: kernel) { near.pointee[$0].limit } report: { query, place, code, distance in
                    held.run.forEachPosting(of: place) { posting in
                        guard held.goneCount == 0 || held.isLive[Int(posting.segment)] else { return }
                        near.pointee[query].take(
                            NearCodes.Found(
                                distance: distance, sessions: posting.sessions, strength: posting.strength, holder: Int32(holder),
                                number: posting.segment, code: code),
                            of: held.run.labels[Int(posting.segment)], own: own, shelf)
                    }
                }
            }
        }
    }

    private func search(_ loose: [CodeSegment], of shelf: CodeShelf, for codes: [[UInt64]], _ kernel: HammingKernel, _ near: inout [NearCodes]) {
        let words = codes[0].count
        let room = loose.reduce(0) { max($0, $1.count) }
        guard room > 0 else { return }
        withUnsafeTemporaryAllocation(of: UInt32.self, capacity: room) { places in
            for (holder, segment) in loose.enumerated() where segment.wordsPerCode == words {
                for (query, code) in codes.enumerated() {
                    let count = hamming_within(
                        kernel.cKernel, code, segment.codes, segment.count, words, near[query].limit, places.baseAddress, room)
                    for place in places.prefix(count) {
                        let start = Int(place) * words
                        near[query].take(
                            NearCodes.Found(
                                distance: code.indices.reduce(0) { $0 + UInt16((code[$1] ^ segment.codes[start + $1]).nonzeroBitCount) },
                                sessions: segment.sessions[Int(place)], strength: segment.strengths[Int(place)], holder: Int32(-1 - holder), number: place,
                                code: segment.codes[start]),
                            of: segment.label, own: own, shelf)
                    }
                }
            }
        }
    }

    /// What is counted within the radius.
    struct Tally {
        var others: Set<OriginID> = []
        private var latest: OriginID?
        var includesOwn = false
        var sessions: UInt64 = 0
        var ownSessions: UInt64 = 0
        var firstDay: Day?
        var lastDay: Day?

        mutating func add(_ origin: OriginID, _ day: Day, sessions count: UInt16, isOwn: Bool) {
            add(origin, day, isOwn: isOwn)
            sessions += UInt64(count)
            if isOwn { ownSessions += UInt64(count) }
        }

        mutating func add(_ origin: OriginID, _ day: Day, isOwn: Bool) {
            if isOwn {
                includesOwn = true
            } else if latest != origin {
                others.insert(origin)
                latest = origin
            }
            firstDay = firstDay.map { min($0, day) } ?? day
            lastDay = lastDay.map { max($0, day) } ?? day
        }
    }
}

extension CodeShelf {
    /// How many codes are how far away.
    func histogram(of code: [UInt64], kernel: HammingKernel) -> [Int] {
        var counts = [UInt64](repeating: 0, count: code.count * 64 + 1)
        for held in runs where code.count == 1 {
            held.run.count(distancesFrom: code[0], isLive: held.goneCount > 0 ? held.isLive : nil, kernel: kernel, in: &counts)
        }
        for segment in loose where segment.wordsPerCode == code.count { kernel.count(distancesFrom: code, to: segment.codes, in: &counts) }
        return counts.map { Int($0) }
    }
}
