import Ledger
import Primitives
import Testing

@testable import Similarity

@Suite struct SimHashAnswerTests {
    static let selections: [SightingIndex.Selection] = [
        .within(0), .within(3), .within(8), .within(20), .within(32), .within(64), .within(.max),
        .nearest(-1), .nearest(0), .nearest(1), .nearest(10), .nearest(1_000), .nearest(.max),
    ]

    /// Three operators and four days. Half of the codes lie around few centres and recur at other operators and on other days.
    private func mesh(_ samples: inout Samples, perDay: Int, isClustered: Bool) -> [(seen: [Seen], bucket: Bucket)] {
        let centres = (0..<5).map { _ in samples.code() }
        var buckets: [(seen: [Seen], bucket: Bucket)] = []
        for number: UInt8 in 1...3 {
            for day in 0..<4 {
                let day = Day(number: 20_000 + UInt32(day))
                let codes = (0..<perDay).map { place in
                    isClustered && place % 2 == 0 ? samples.code(near: centres[place / 2 % 5], turning: place % 4 == 0 ? 0 : 14) : samples.code()
                }
                let seen = samples.seen(codes, at: origin(number), on: day)
                buckets.append((seen, samples.bucket(seen, on: day)))
            }
        }
        return buckets
    }

    private func questions(_ samples: inout Samples, _ all: [Seen]) -> [[UInt64]] {
        guard let known = all.pick(using: &samples.random)?.code else { return [samples.code()] }
        return [known, samples.code(near: known, turning: 5), samples.code()]
    }

    @Test(arguments: seeds, [1, 2, 4]) func answersAreThoseOfLookingAtEverything(seed: UInt64, wordsPerCode: Int) {
        for isClustered in [false, true] {
            var samples = Samples(seed: seed, wordsPerCode: wordsPerCode)
            let buckets = mesh(&samples, perDay: 100, isClustered: isClustered)
            var index = SightingIndex(own: origin(2))
            for (seen, bucket) in buckets { index.add(bucket, of: seen[0].origin) }
            let all = buckets.flatMap(\.seen)
            #expect(index.count(of: .sessionSimHash1) == all.count)
            for code in questions(&samples, all) {
                let ranking = Ranking(all, from: code, own: origin(2))
                for selection in Self.selections {
                    let expected = ranking.answer(selection)
                    for kernel in HammingKernel.supported {
                        let answer = index.ask(code, in: .sessionSimHash1, selection, kernel: kernel)
                        #expect(answer == expected, "\(selection), \(kernel.name), clustered: \(isClustered), \(replay(seed))")
                    }
                }
            }
        }
    }

    /// A radius that holds more than an answer names: all are counted, the nearest 1,000 are named.
    @Test(arguments: seeds) func aThousandMatchesAreNamedAndAllAreCounted(seed: UInt64) {
        var samples = Samples(seed: seed)
        let centre = samples.code()
        var index = SightingIndex(own: origin(9))
        var all: [Seen] = []
        for day in 0..<3 {
            let day = Day(number: 20_000 + UInt32(day))
            let codes = (0..<1_000).map { _ in samples.code(near: centre, turning: 16) }
            let seen = samples.seen(codes, at: origin(1), on: day)
            index.add(samples.bucket(seen, on: day), of: origin(1))
            all += seen
        }
        let ranking = Ranking(all, from: centre, own: origin(9))
        for selection in [SightingIndex.Selection.within(16), .nearest(999), .nearest(1_000), .nearest(1_001)] {
            let answer = index.ask(centre, in: .sessionSimHash1, selection)
            #expect(answer == ranking.answer(selection), "\(selection), \(replay(seed))")
        }
        let answer = index.ask(centre, in: .sessionSimHash1, .within(16))
        #expect(answer.matches.count == SightingIndex.matchLimit)
        #expect(answer.sessions == all.reduce(0) { $0 + UInt64($1.sessions) })
    }

    /// Buckets come, go and are replaced in any order; every answer is that of what is left.
    @Test(arguments: seeds) func answersFollowEveryReplacement(seed: UInt64) {
        var samples = Samples(seed: seed)
        var held = mesh(&samples, perDay: 40, isClustered: true)
        var index = SightingIndex(own: origin(1))
        for (seen, bucket) in held { index.add(bucket, of: seen[0].origin) }
        for _ in 0..<30 {
            let before = index
            let place = Int(samples.random.number(below: UInt64(held.count)))
            let old = held.remove(at: place)
            let (who, day) = (old.seen[0].origin, old.seen[0].day)
            let oldAnswer = before.ask(old.seen[0].code, in: .sessionSimHash1, .nearest(20))
            index.remove([old.bucket.entry.root], of: who)
            if samples.random.number(below: 4) > 0 {
                let codes = old.seen.dropFirst(3).map(\.code) + [samples.code(near: old.seen[0].code, turning: 3), samples.code()]
                let seen = samples.seen(Array(codes), at: who, on: day)
                let bucket = samples.bucket(seen, on: day)
                index.add(bucket, of: who)
                held.append((seen, bucket))
            }
            held.reorder(using: &samples.random)
            if held.count < 3 { break }
            let all = held.flatMap(\.seen)
            for selection in [SightingIndex.Selection.within(10), .nearest(20)] {
                let answer = index.ask(old.seen[0].code, in: .sessionSimHash1, selection)
                #expect(answer == naive(old.seen[0].code, selection, in: all, own: origin(1)), replay(seed))
            }
            // Whoever still reads the old index is not disturbed.
            #expect(before.ask(old.seen[0].code, in: .sessionSimHash1, .nearest(20)) == oldAnswer, replay(seed))
        }
    }

    @Test(arguments: seeds) func theOrderOfArrivalIsOfNoConsequence(seed: UInt64) {
        var samples = Samples(seed: seed)
        var buckets = mesh(&samples, perDay: 60, isClustered: true)
        let code = buckets[0].seen[0].code
        var answers: Set<SimHashAnswer> = []
        for _ in 0..<6 {
            buckets.reorder(using: &samples.random)
            var index = SightingIndex(own: origin(1))
            for (seen, bucket) in buckets { index.add(bucket, of: seen[0].origin) }
            answers.insert(index.ask(code, in: .sessionSimHash1, .nearest(50)))
        }
        #expect(answers.count == 1, replay(seed))
    }

    @Test func aBucketCountsOnceHoweverOftenItComes() {
        var samples = Samples(seed: 5)
        let day = Day(number: 20_000)
        let seen = samples.seen([[7], [9]], at: origin(1), on: day)
        let bucket = samples.bucket(seen, on: day)
        var index = SightingIndex(own: origin(2))
        index.add(bucket, of: origin(1))
        index.add(bucket, of: origin(1))
        #expect(index.count(of: .sessionSimHash1) == 2)
        index.remove([bucket.entry.root], of: origin(1))
        #expect(index.count(of: .sessionSimHash1) == 0)
        index.add(bucket, of: origin(1))
        #expect(index.ask([7], in: .sessionSimHash1, .within(0)) == naive([7], .within(0), in: seen, own: origin(2)))
    }

    /// Two operators may have published the very same bytes: taking one's away leaves the other's.
    @Test func removingTouchesOneOriginOnly() {
        var samples = Samples(seed: 6)
        let day = Day(number: 20_000)
        let bucket = samples.bucket(samples.seen([[7]], at: origin(1), on: day), on: day)
        var index = SightingIndex(own: origin(3))
        index.add(bucket, of: origin(1))
        index.add(bucket, of: origin(2))
        index.remove([bucket.entry.root], of: origin(1))
        let answer = index.ask([7], in: .sessionSimHash1, .within(0))
        #expect(answer.operators == 1)
        #expect(answer.matches.map(\.origin) == [origin(2)])
    }

    @Test func ownSightingsAreToldApart() {
        var samples = Samples(seed: 7)
        let day = Day(number: 20_000)
        var index = SightingIndex(own: origin(1))
        let own = samples.seen([[0xFF]], at: origin(1), on: day)
        index.add(samples.bucket(own, on: day), of: origin(1))
        let alone = index.ask([0xFF], in: .sessionSimHash1, .within(2))
        #expect(alone.seen && alone.seenByOwn && alone.operators == 0)
        #expect(alone.sessions == alone.ownSessions)

        let other = samples.seen([[0xFE]], at: origin(2), on: day.advanced(by: 1))
        index.add(samples.bucket(other, on: day.advanced(by: 1)), of: origin(2))
        let both = index.ask([0xFF], in: .sessionSimHash1, .within(2))
        #expect(both.operators == 1 && both.seenByOwn)
        #expect(both.ownSessions == UInt64(own[0].sessions) && both.sessions == UInt64(own[0].sessions) + UInt64(other[0].sessions))
        #expect(both.matches.map(\.isOwn) == [true, false])
        #expect(both.firstDay == day && both.lastDay == day.advanced(by: 1))
    }

    /// The nearest are named however far away they are; only near ones mean "seen".
    @Test func aFarNearestCodeIsNamedAndNotSeen() {
        var samples = Samples(seed: 8)
        let day = Day(number: 20_000)
        var index = SightingIndex(own: origin(1))
        index.add(samples.bucket(samples.seen([[0x1FF]], at: origin(2), on: day), on: day), of: origin(2))
        let answer = index.ask([0xFFFF_FE00_0000_01FF], in: .sessionSimHash1, .nearest(1))
        #expect(!answer.seen && answer.operators == 0 && answer.sessions == 0 && answer.firstDay == nil)
        #expect(answer.matches.map(\.distance) == [23] && answer.nearestDistance == 23)
        // The edge: upstream's radius of 8 is still near, 9 is not.
        #expect(index.ask([0x100], in: .sessionSimHash1, .nearest(1)).seen)
        #expect(!index.ask([0], in: .sessionSimHash1, .nearest(1)).seen)
    }

    @Test func anEmptyIndexHasSeenNothing() {
        let index = SightingIndex(own: origin(1))
        for selection in Self.selections {
            #expect(index.ask([7], in: .sessionSimHash1, selection) == naive([7], selection, in: [], own: origin(1)))
        }
        #expect(index.count(of: .sessionSimHash1) == 0)
    }

    /// A code of zeros means "no signal", and a count of 0 no session: whoever publishes them is not listened to.
    @Test func codesThatSayNothingAreLeftOut() {
        var samples = Samples(seed: 9)
        let day = Day(number: 20_000)
        let key = [UInt8](repeating: 0, count: 7)
        let records = [
            Record(key: key + [0], value: [0, 5, 1]), Record(key: key + [1], value: [0, 0, 1]), Record(key: key + [2], value: [1, 2, 3]),
        ]
        var index = SightingIndex(own: origin(1))
        index.add(samples.bucket(records, on: day, of: .sessionSimHash1, keyByteCount: 8, valueByteCount: 3), of: origin(2))
        let expected = [Seen(code: [2], origin: origin(2), day: day, sessions: 0x102, strength: 3)]
        #expect(index.ask([1], in: .sessionSimHash1, .within(64)) == naive([1], .within(64), in: expected, own: origin(1)))
    }

    /// An origin may declare any lengths for its streams; what is not of the known form is not interpreted.
    @Test func bucketsOfAnotherFormAreNotInterpreted() {
        var samples = Samples(seed: 10)
        let day = Day(number: 20_000)
        var index = SightingIndex(own: origin(1))
        func add(_ stream: StreamID, keyByteCount: UInt8, valueByteCount: UInt8) {
            let key = [UInt8](repeating: 1, count: keyByteCount == 0 ? 5 : Int(keyByteCount))
            let record = Record(key: key, value: [UInt8](repeating: 1, count: Int(valueByteCount)))
            index.add(samples.bucket([record], on: day, of: stream, keyByteCount: keyByteCount, valueByteCount: valueByteCount), of: origin(2))
        }
        add(.sessionSimHash1, keyByteCount: 8, valueByteCount: 4)
        add(.sessionSimHash1, keyByteCount: 7, valueByteCount: 3)
        add(.sessionSimHash1, keyByteCount: 0, valueByteCount: 3)
        add(.sessionSimHash1, keyByteCount: 8, valueByteCount: 0)
        add(.smtpTarget1, keyByteCount: 8, valueByteCount: 6)
        add(.smtpTarget1, keyByteCount: 0, valueByteCount: 0)
        add(StreamID(kind: 1, schemaVersion: 9), keyByteCount: 8, valueByteCount: 3)
        add(StreamID(kind: 77, schemaVersion: 1), keyByteCount: 8, valueByteCount: 3)
        #expect(index.count(of: .sessionSimHash1) == 0)
        #expect(index.count(of: .smtpTarget1) == 0)
        // Wider codes are held, and passed over by a question of 64 bits.
        add(.sessionSimHash1, keyByteCount: 16, valueByteCount: 3)
        #expect(index.ask([1], in: .sessionSimHash1, .within(64)).nearestDistance == nil)
        #expect(index.ask([1, 1], in: .sessionSimHash1, .within(128)).matches.count == 1)
    }
}
