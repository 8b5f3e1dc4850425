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
        let rounds = 5_000
        var checked = 0
        let elapsed = ContinuousClock().measure {
            for _ in 0..<rounds where key.verifyingKey.verifies(signature, on: body, as: tag) { checked += 1 }
        }
        precondition(checked == rounds, "a signature of our own was refused")
        print("signature check: \(Int(Double(rounds) / seconds(elapsed))) statements/s")
    }

    private static func seconds(_ duration: Duration) -> Double {
        Double(duration.components.seconds) + Double(duration.components.attoseconds) / 1e18
    }

    private static func measure(_ name: String, _ bucket: Bucket) {
        let rounds = 200
        let clock = ContinuousClock()
        var checked = 0
        let elapsed = clock.measure {
            for _ in 0..<rounds where (try? Bucket(checking: bucket.bytes, entry: bucket.entry, descriptor: bucket.descriptor)) != nil {
                checked += Int(bucket.entry.count)
            }
        }
        precondition(checked == rounds * Int(bucket.entry.count), "a bucket of our own was refused")
        let thousands = Int(Double(checked) / seconds(elapsed) / 1_000)
        print("bucket check, \(name): \(thousands) thousand sightings/s, \(bucket.entry.count) per bucket")
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
