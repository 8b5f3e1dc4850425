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
        precondition((1...Self.wordLimit).contains(code.count), "a code has 1 to \(Self.wordLimit) words, not \(code.count)")
        let bits = code.count * 64
        let radius: UInt16
        let wanted: Int
        // No code farther away than this can be among the wanted ones any more.
        var bound: UInt16
        switch selection {
        case .within(let asked):
            (radius, wanted) = (min(asked, UInt16(bits)), Self.matchLimit)
            bound = radius
        case .nearest(let count):
            (radius, wanted) = (min(Self.standardRadius, UInt16(bits)), min(max(0, count), Self.matchLimit))
            bound = UInt16(bits)
        }
        let histogram = background == .exact ? self.histogram(of: code, in: stream, kernel: kernel) : []
        var tally = Tally()
        var matches: [SimHashMatch] = []
        var nearest: UInt16?
        func take(_ segment: CodeSegment, _ place: Int, _ distance: UInt16) {
            nearest = min(nearest ?? distance, distance)
            if distance <= radius { tally.add(segment, sessions: segment.sessions[place], isOwn: segment.origin == own) }
            guard distance <= bound, wanted > 0 else { return }
            matches.append(
                SimHashMatch(
                    code: Array(segment.codes[place * code.count..<(place + 1) * code.count]), distance: distance, origin: segment.origin, day: segment.day,
                    sessions: segment.sessions[place], strength: segment.strengths[place], isOwn: segment.origin == own))
            if matches.count >= 2 * wanted + 64 { Self.cut(&matches, to: wanted, tightening: &bound) }
        }
        let shelf = shelf(of: stream)
        for held in shelf.runs where code.count == 1 {
            held.run.search(code[0], costs: costs, kernel: kernel) {
                if wanted > 0, wanted < matches.count { Self.cut(&matches, to: wanted, tightening: &bound) }
                if wanted > 0, wanted == matches.count { bound = min(bound, matches.max()!.distance) }
                return wanted > 0 ? max(radius, bound) : radius
            } report: { place, distance in
                held.run.forEachPosting(of: place) { number, place in
                    if held.isLive[number] { take(held.run.segments[number], place, distance) }
                }
            }
        }
        for segment in shelf.loose where segment.wordsPerCode == code.count {
            let limit = wanted > 0 ? max(radius, bound) : radius
            for place in kernel.places(within: limit, of: code, in: segment.codes) {
                take(segment, place, code.indices.reduce(0) { $0 + UInt16((code[$1] ^ segment.codes[place * code.count + $1]).nonzeroBitCount) })
            }
        }
        if matches.count > wanted { Self.cut(&matches, to: wanted, tightening: &bound) }
        matches.sort()
        return SimHashAnswer(
            stream: stream, seen: tally.sessions > 0, operators: tally.others.count, seenByOwn: tally.includesOwn, sessions: tally.sessions,
            ownSessions: tally.ownSessions, firstDay: tally.firstDay, lastDay: tally.lastDay,
            nearestDistance: background == .exact ? histogram.firstIndex { $0 > 0 }.map { UInt16($0) } : nearest, histogram: histogram, radius: radius,
            matches: matches, freshness: freshnessOfOrigins)
    }

    private func histogram(of code: [UInt64], in stream: StreamID, kernel: HammingKernel) -> [Int] {
        var counts = [UInt64](repeating: 0, count: code.count * 64 + 1)
        for segment in segments(of: stream) where segment.wordsPerCode == code.count { kernel.count(distancesFrom: code, to: segment.codes, in: &counts) }
        return counts.map { Int($0) }
    }

    private static func cut(_ matches: inout [SimHashMatch], to wanted: Int, tightening bound: inout UInt16) {
        matches.sort()
        matches.removeLast(matches.count - wanted)
        if let worst = matches.last { bound = min(bound, worst.distance) }
    }

    /// What is counted within the radius.
    struct Tally {
        var others: Set<OriginID> = []
        var includesOwn = false
        var sessions: UInt64 = 0
        var ownSessions: UInt64 = 0
        var firstDay: Day?
        var lastDay: Day?

        mutating func add(_ segment: CodeSegment, sessions count: UInt16, isOwn: Bool) {
            add(segment.origin, segment.day, isOwn: isOwn)
            sessions += UInt64(count)
            if isOwn { ownSessions += UInt64(count) }
        }

        mutating func add(_ origin: OriginID, _ day: Day, isOwn: Bool) {
            if isOwn { includesOwn = true } else { others.insert(origin) }
            firstDay = firstDay.map { min($0, day) } ?? day
            lastDay = lastDay.map { max($0, day) } ?? day
        }
    }
}
