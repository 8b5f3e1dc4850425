import Ledger
import NodeRuntime
import Primitives
import Similarity
import Testing

@Suite struct PublishedIndexTests {
    private static let own = OriginID(bytes: [UInt8](repeating: 1, count: 32))!
    private static let other = OriginID(bytes: [UInt8](repeating: 2, count: 32))!

    /// The days' buckets, each with one of its codes.
    private func buckets(_ count: Int, seed: UInt64) -> [(bucket: Bucket, code: UInt64)] {
        var random = SeededGenerator(seed: seed)
        let descriptor = StreamDescriptor(stream: .sessionSimHash1, keyByteCount: 8, valueByteCount: 3, retentionDays: 90, shardKey: Array(0..<16))!
        return (0..<count).map { number in
            let codes = Set((0..<2_000).map { _ in max(1, random.next()) }).sorted()
            let records = codes.map { code in Record(key: (0..<8).map { UInt8(truncatingIfNeeded: code >> UInt64(56 - 8 * $0)) }, value: [0, 1, 8]) }
            let bucket = Bucket(
                records, at: Day(number: UInt32(20_000 + number)), descriptor: descriptor, seed: random.bytes(count: Bucket.seedByteCount))
            return (bucket, codes[codes.count / 2])
        }
    }

    private func isSeen(_ code: UInt64, in index: SightingIndex) -> Bool { index.ask([code], in: .sessionSimHash1, .within(0), background: .none).seen }

    /// What has been added is found when `change` returns, what has been taken out is not, however far putting it in order has come; in the end it is in order.
    @Test(arguments: [1, 2, 3] as [UInt64]) func everyChangeCountsAtOnceWhileTheIndexIsPutInOrder(seed: UInt64) async {
        let published = PublishedIndex(SightingIndex(own: Self.own))
        let all = buckets(60, seed: seed)
        for (number, each) in all.enumerated() {
            published.change { $0.add(each.bucket, of: Self.other) }
            #expect(isSeen(each.code, in: published.snapshot), "bucket \(number), seed \(seed)")
            guard number >= 10, number % 2 == 0 else { continue }
            published.change { $0.remove([all[number - 10].bucket.entry.root], of: Self.other) }
            #expect(!isSeen(all[number - 10].code, in: published.snapshot), "bucket \(number - 10), seed \(seed)")
        }
        await published.settled()
        let index = published.snapshot
        #expect(!index.isUnsettled, "seed \(seed)")
        for (number, each) in all.enumerated() { #expect(isSeen(each.code, in: index) == !(number < 50 && number % 2 == 0), "bucket \(number), seed \(seed)") }
    }

    /// A copy stays what it was.
    @Test func aSnapshotIsNotChangedByWhatComesAfter() async {
        let published = PublishedIndex(SightingIndex(own: Self.own))
        let all = buckets(20, seed: 4)
        for each in all[..<10] { published.change { $0.add(each.bucket, of: Self.other) } }
        let before = published.snapshot
        let count = before.count(of: .sessionSimHash1)
        for each in all[10...] { published.change { $0.add(each.bucket, of: Self.other) } }
        await published.settled()
        #expect(before.count(of: .sessionSimHash1) == count && !isSeen(all[15].code, in: before) && isSeen(all[5].code, in: before))
        #expect(published.snapshot.count(of: .sessionSimHash1) > count)
    }
}
