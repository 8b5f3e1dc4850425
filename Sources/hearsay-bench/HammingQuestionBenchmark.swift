import Ledger
import Primitives
import Similarity

/// How fast questions about codes are answered, beside a scan of the same codes in the same run: whole answers without the histogram, one thread.
enum HammingQuestionBenchmark {
    static func run(count: Int) {
        for isClustered in [false, true] { measure(count: count, isClustered: isClustered) }
    }

    private static func measure(count: Int, isClustered: Bool) {
        var random = SeededGenerator(seed: 1)
        let codes = sample(count, isClustered: isClustered, using: &random)
        let origin = OriginID(bytes: [UInt8](repeating: 1, count: 32))!
        var index = SightingIndex(own: OriginID(bytes: [UInt8](repeating: 2, count: 32))!)
        for bucket in buckets(of: codes, using: &random) { index.add(bucket, of: origin) }
        let loose = index
        let building = seconds(ContinuousClock().measure { index.settle() })
        let shape = isClustered ? "clustered" : "uniform"
        print("hamming index, \(shape), \(count) codes: made in \(milliseconds(building)) ms")
        let questions = (0..<200).map { _ in turned(codes.pick(using: &random)!, by: 5, using: &random) }
        for (name, selection) in [("radius 6", SightingIndex.Selection.within(6)), ("radius 12", .within(12)), ("nearest 10", .nearest(10))] {
            // The scan is asked fewer questions, and the same ones first: the answers must be equal.
            let few = Array(questions.prefix(10))
            var scanned: [SimHashAnswer] = []
            let scan = seconds(ContinuousClock().measure { scanned = few.map { loose.ask([$0], in: .sessionSimHash1, selection, background: .none) } })
            for (question, answer) in zip(few, scanned) {
                let found = index.ask([question], in: .sessionSimHash1, selection, background: .none)
                precondition(found.matches == answer.matches, "\(name): not what a scan finds")
            }
            let each = questions.map { question in
                seconds(ContinuousClock().measure { _ = index.ask([question], in: .sessionSimHash1, selection, background: .none) })
            }.sorted()
            let mean = each.reduce(0, +) / Double(each.count)
            let scanRate = Double(few.count) / scan
            print(
                "hamming index, \(shape), \(name): \(Int(1 / mean)) questions/s, half within \(Int(each[each.count / 2] * 1e6)) us, "
                    + "99 % within \(Int(each[each.count * 99 / 100] * 1e6)) us; scan \(Int(scanRate)) questions/s; \(Int(1 / mean / scanRate))x")
        }
    }

    /// Different numbers: all random, or half of them within 6 bits of one of a thousand centres.
    private static func sample(_ count: Int, isClustered: Bool, using random: inout SeededGenerator) -> [UInt64] {
        let centres = (0..<1_000).map { _ in random.next() }
        return (0..<count).map { place in
            isClustered && place % 2 == 0 ? turned(centres.pick(using: &random)!, by: 6, using: &random) : max(1, random.next())
        }
    }

    private static func turned(_ code: UInt64, by bits: Int, using random: inout SeededGenerator) -> UInt64 {
        (0..<bits).reduce(code) { turned, _ in turned ^ 1 << random.number(below: 64) }
    }

    private static func buckets(of codes: [UInt64], using random: inout SeededGenerator) -> [Bucket] {
        let descriptor = StreamDescriptor(stream: .sessionSimHash1, keyByteCount: 8, valueByteCount: 3, retentionDays: 90, shardKey: Array(0..<16))!
        return stride(from: 0, to: codes.count, by: 8_000).enumerated().map { number, start in
            let records = Set(codes[start..<min(start + 8_000, codes.count)]).sorted().map { code in
                Record(key: (0..<8).map { UInt8(truncatingIfNeeded: code >> UInt64(56 - 8 * $0)) }, value: [0, 1, 8])
            }
            return Bucket(records, at: Day(number: UInt32(20_000 + number)), descriptor: descriptor, seed: random.bytes(count: Bucket.seedByteCount))
        }
    }

    private static func seconds(_ duration: Duration) -> Double {
        Double(duration.components.seconds) + Double(duration.components.attoseconds) / 1e18
    }

    private static func milliseconds(_ seconds: Double) -> Int { Int(seconds * 1_000 + 0.5) }
}
