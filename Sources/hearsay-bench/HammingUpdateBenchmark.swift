import Foundation
import Ledger
import NodeRuntime
import Primitives
import Similarity
import Synchronization

/// How long answers take while buckets arrive, and how soon a new bucket can be asked for. Two threads: one adds, one asks; settling has a queue of its own.
enum HammingUpdateBenchmark {
    static let bucketCount = 100
    static let pause: TimeInterval = 0.01
    private static let newcomer = OriginID(bytes: [UInt8](repeating: 3, count: 32))!

    static func run(_ title: String, _ index: SightingIndex, _ sample: HammingSample) {
        var buckets: [(bucket: Bucket, code: UInt64)] = []
        let added = HammingSample(.uniform, count: bucketCount * HammingSample.sightingsPerBucket, questionCount: 0, seed: 2)
        added.forEachBucket { bucket in
            if let key = bucket.records.first?.key { buckets.append((bucket, key.reduce(0) { $0 << 8 | UInt64($1) })) }
        }
        let published = PublishedIndex(index)
        let waits = Mutex<[Double]>([])
        let isDone = Mutex(false)
        let arriving = buckets
        Thread.detachNewThread {
            for (bucket, code) in arriving {
                let begin = ContinuousClock.now
                published.change { $0.add(bucket, of: newcomer) }
                let found = published.snapshot.ask([code], in: .sessionSimHash1, .within(0), background: .none)
                precondition(found.matches.contains { $0.origin == newcomer }, "a bucket that has been added is not found")
                let wait = (ContinuousClock.now - begin) / .milliseconds(1)
                waits.withLock { $0.append(wait) }
                Thread.sleep(forTimeInterval: pause)
            }
            isDone.withLock { $0 = true }
        }
        var times: [Double] = []
        while !isDone.withLock({ $0 }) {
            for question in sample.questions {
                let begin = ContinuousClock.now
                _ = published.snapshot.ask([question], in: .sessionSimHash1, .within(6), background: .none)
                times.append((ContinuousClock.now - begin) / .microseconds(1))
            }
        }
        times.sort()
        let sorted = waits.withLock { $0.sorted() }
        let tenths = HammingQuestionBenchmark.tenths
        print(
            "\(title), while \(buckets.count) buckets of \(HammingSample.sightingsPerBucket) arrive: "
                + "radius-6 half within \(Int(times[times.count / 2])) us, 99 % within \(Int(times[times.count * 99 / 100])) us, "
                + "the longest \(Int(times[times.count - 1])) us; "
                + "a bucket is found after \(tenths(sorted[sorted.count / 2])) ms (median), \(tenths(sorted[sorted.count - 1])) ms at most")
    }
}
