import Ledger
import Primitives

/// Codes to measure with, the same for every index and every run.
struct HammingSample {
    enum Shape: String, CaseIterable {
        /// All random.
        case uniform
        /// Half of them within 6 bits of one of a thousand centres, an eighth of all the centres themselves: seen again and again.
        case clustered
    }

    static let sightingsPerBucket = 8_000
    static let origin = OriginID(bytes: [UInt8](repeating: 1, count: 32))!

    let codes: [UInt64]
    /// Codes that were seen, with up to 5 bits turned.
    let questions: [UInt64]
    private let seed: UInt64

    init(_ shape: Shape, count: Int, questionCount: Int, seed: UInt64 = 1) {
        self.seed = seed
        var random = SeededGenerator(seed: seed)
        let centres = (0..<1_000).map { _ in random.next() }
        var codes = [UInt64](repeating: 0, count: count)
        for place in codes.indices {
            if shape == .clustered, place % 2 == 0 {
                codes[place] = Self.turned(centres.pick(using: &random)!, by: place % 8 == 0 ? 0 : 6, using: &random)
            } else {
                codes[place] = max(1, random.next())
            }
        }
        questions = (0..<questionCount).map { _ in Self.turned(codes.pick(using: &random)!, by: 5, using: &random) }
        self.codes = codes
    }

    /// Bucket after bucket, one day each, so that no more than one need be held.
    func forEachBucket(_ body: (Bucket) -> Void) {
        let descriptor = StreamDescriptor(stream: .sessionSimHash1, keyByteCount: 8, valueByteCount: 3, retentionDays: 90, shardKey: Array(0..<16))!
        var random = SeededGenerator(seed: seed &+ 1)
        for (number, start) in stride(from: 0, to: codes.count, by: Self.sightingsPerBucket).enumerated() {
            let some = codes[start..<min(start + Self.sightingsPerBucket, codes.count)].sorted()
            let records = some.indices.filter { $0 == 0 || some[$0] != some[$0 - 1] }.map { place in
                Record(key: (0..<8).map { UInt8(truncatingIfNeeded: some[place] >> UInt64(56 - 8 * $0)) }, value: [0, 1, 8])
            }
            body(Bucket(records, at: Day(number: UInt32(20_000 + number)), descriptor: descriptor, seed: random.bytes(count: Bucket.seedByteCount)))
        }
    }

    private static func turned(_ code: UInt64, by bits: Int, using random: inout SeededGenerator) -> UInt64 {
        (0..<bits).reduce(code) { turned, _ in turned ^ 1 << random.number(below: 64) }
    }
}
