import Foundation
import Ledger
import Primitives
import Testing

@testable import Similarity

/// The seeds of a test; `HEARSAY_SEED` in the environment takes the place of all of them.
let seeds: [UInt64] = {
    if let text = ProcessInfo.processInfo.environment["HEARSAY_SEED"], let seed = UInt64(text) { return [seed] }
    return [1, 2, 0xC0FFEE]
}()

/// How to run one seed of a test again.
func replay(_ seed: UInt64) -> Comment { "replay: HEARSAY_SEED=\(seed) swift test --filter SimilarityTests" }

func origin(_ number: UInt8) -> OriginID { OriginID(bytes: [UInt8](repeating: number, count: 32))! }

/// One sighting of a code, as the slow answer wants it.
struct Seen: Hashable {
    var code: [UInt64]
    var origin: OriginID
    var day: Day
    var sessions: UInt16
    var strength: UInt8
}

/// Makes buckets and remembers what is in them.
struct Samples {
    let wordsPerCode: Int
    var random: SeededGenerator

    init(seed: UInt64, wordsPerCode: Int = 1) {
        self.wordsPerCode = wordsPerCode
        random = SeededGenerator(seed: seed)
    }

    mutating func code() -> [UInt64] { (0..<wordsPerCode).map { _ in random.next() } }

    /// A code with a few bits turned over, some of them perhaps twice.
    mutating func code(near centre: [UInt64], turning turns: UInt64) -> [UInt64] {
        var code = centre
        for _ in 0..<random.number(below: turns + 1) {
            let bit = Int(random.number(below: UInt64(64 * wordsPerCode)))
            code[bit / 64] ^= 1 << UInt64(bit % 64)
        }
        return code
    }

    mutating func seen(_ codes: [[UInt64]], at origin: OriginID, on day: Day) -> [Seen] {
        Set(codes).filter { $0.contains { $0 != 0 } }.sorted { $0.lexicographicallyPrecedes($1) }.map {
            Seen(code: $0, origin: origin, day: day, sessions: UInt16(1 + random.number(below: 9)), strength: UInt8(random.number(below: 12)))
        }
    }

    /// The bucket of sightings of one origin and day, sorted by code.
    mutating func bucket(_ seen: [Seen], on day: Day) -> Bucket {
        let records = seen.map { seen in
            Record(
                key: seen.code.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> UInt64(56 - 8 * $0)) } },
                value: [UInt8(seen.sessions >> 8), UInt8(seen.sessions & 0xFF), seen.strength])
        }
        return bucket(records, on: day, of: .sessionSimHash1, keyByteCount: UInt8(8 * wordsPerCode), valueByteCount: 3)
    }

    mutating func bucket(_ records: [Record], on day: Day, of stream: StreamID, keyByteCount: UInt8, valueByteCount: UInt8) -> Bucket {
        let descriptor = StreamDescriptor(
            stream: stream, keyByteCount: keyByteCount, valueByteCount: valueByteCount, retentionDays: 90, shardKey: Array(0..<16))!
        return Bucket(records, at: day, descriptor: descriptor, seed: random.bytes(count: Bucket.seedByteCount))
    }

    mutating func domainBucket(_ sightings: [SmtpTargetSighting], on day: Day) -> Bucket {
        let records = sightings.sorted { $0.domain < $1.domain }.map(\.record)
        return bucket(records, on: day, of: .smtpTarget1, keyByteCount: 0, valueByteCount: 6)
    }
}

/// All sightings, nearest first: the answers one gets by looking at everything, in as few words as possible.
struct Ranking {
    let bits: Int
    let own: OriginID
    let ranked: [SimHashMatch]

    init(_ all: [Seen], from code: [UInt64], own: OriginID) {
        bits = 64 * code.count
        self.own = own
        ranked = all.map { seen in
            SimHashMatch(
                code: seen.code, distance: UInt16(zip(code, seen.code).reduce(0) { $0 + ($1.0 ^ $1.1).nonzeroBitCount }), origin: seen.origin,
                day: seen.day, sessions: seen.sessions, strength: seen.strength, isOwn: seen.origin == own)
        }.sorted()
    }

    func answer(_ selection: SightingIndex.Selection) -> SimHashAnswer {
        let radius: UInt16
        let shown: ArraySlice<SimHashMatch>
        switch selection {
        case .within(let asked):
            radius = min(asked, UInt16(bits))
            shown = ranked.filter { $0.distance <= radius }.prefix(1_000)
        case .nearest(let count):
            radius = 8
            shown = ranked.prefix(min(max(0, count), 1_000))
        }
        let near = ranked.filter { $0.distance <= radius }
        var histogram = [Int](repeating: 0, count: bits + 1)
        for match in ranked { histogram[Int(match.distance)] += 1 }
        return SimHashAnswer(
            stream: .sessionSimHash1, seen: !near.isEmpty, operators: Set(near.map(\.origin)).subtracting([own]).count,
            seenByOwn: near.contains(where: \.isOwn), sessions: near.reduce(0) { $0 + UInt64($1.sessions) },
            ownSessions: near.filter(\.isOwn).reduce(0) { $0 + UInt64($1.sessions) }, firstDay: near.map(\.day).min(), lastDay: near.map(\.day).max(),
            nearestDistance: ranked.map(\.distance).min(), histogram: histogram, radius: radius, matches: Array(shown), freshness: [])
    }
}

func naive(_ code: [UInt64], _ selection: SightingIndex.Selection, in all: [Seen], own: OriginID) -> SimHashAnswer {
    Ranking(all, from: code, own: own).answer(selection)
}
