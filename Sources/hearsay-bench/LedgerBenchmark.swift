import Cryptography
import Ledger
import Primitives
import WireFormat

/// How many sightings a second one core checks: the goal is 2 million.
enum LedgerBenchmark {
    static func run() {
        measure("session-simhash", sessionSimHashBucket(shardBits: 0))
        measure("session-simhash, sharded", sessionSimHashBucket(shardBits: 2))
        measure("smtp-target", smtpTargetBucket())
        measureSignatures()
    }

    /// How many statements a second one core checks.
    private static func measureSignatures() {
        var random = SeededGenerator(seed: 3)
        let key = SigningKey(using: &random)
        let body = random.bytes(count: Head.byteCount - Signature.byteCount)
        let tag = SignatureTag("hearsay/v1/bench")
        let signature = key.sign(body, as: tag)
        let rate = best(of: 20, each: 250) {
            for _ in 0..<250 { precondition(key.verifyingKey.verifies(signature, on: body, as: tag), "a signature of our own was refused") }
        }
        print("signature check: \(rate) statements/s")
    }

    private static func measure(_ name: String, _ bucket: Bucket) {
        let rate = best(of: 20, each: Int(bucket.entry.count) * 10) {
            for _ in 0..<10 {
                let checked = try? Bucket(checking: bucket.bytes, entry: bucket.entry, descriptor: bucket.descriptor)
                precondition(checked != nil, "a bucket of our own was refused")
            }
        }
        print("bucket check, \(name): \(rate / 1_000) thousand sightings/s, \(bucket.entry.count) per bucket")
    }

    /// The best of several rounds, in things a second: what the others on a shared machine leave undisturbed.
    private static func best(of rounds: Int, each count: Int, _ body: () -> Void) -> Int {
        let fastest = (0..<rounds).map { _ in ContinuousClock().measure(body) }.min() ?? .zero
        return Int(Double(count) / (Double(fastest.components.seconds) + Double(fastest.components.attoseconds) / 1e18))
    }

    private static func sessionSimHashBucket(shardBits: UInt8) -> Bucket {
        let descriptor = descriptor(of: .sessionSimHash1)
        var random = SeededGenerator(seed: 1)
        var codes: Set<UInt64> = []
        while codes.count < Limits.bucketSightings {
            let code = random.next()
            guard let sighting = SessionSimHashSighting(day: day, simHash: code, sessions: 1, strength: 9) else { continue }
            if descriptor.shard(of: sighting.record.key, bits: shardBits) == 0 { codes.insert(code) }
        }
        let records = codes.sorted().compactMap { SessionSimHashSighting(day: day, simHash: $0, sessions: 1, strength: 9)?.record }
        return Bucket(records, at: day, shardBits: shardBits, descriptor: descriptor, seed: random.bytes(count: Bucket.seedByteCount))
    }

    private static func smtpTargetBucket() -> Bucket {
        let names = (0..<Limits.bucketSightings).compactMap { DomainName("mail-\($0).organisation.example") }.sorted()
        let records = names.map { SmtpTargetSighting(day: day, domain: $0, count: 3, attackers: 2).record }
        var random = SeededGenerator(seed: 2)
        return Bucket(records, at: day, descriptor: descriptor(of: .smtpTarget1), seed: random.bytes(count: Bucket.seedByteCount))
    }

    private static let day = Day(number: 20_000)

    private static func descriptor(of stream: StreamID) -> StreamDescriptor {
        guard let descriptor = StreamDescriptor.standard(for: stream, shardKey: Array(0..<16)) else {
            preconditionFailure("stream \(stream) is not known")
        }
        return descriptor
    }
}
