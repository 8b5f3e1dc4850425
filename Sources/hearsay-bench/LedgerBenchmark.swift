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
        measureProofs()
    }

    /// How large the proof of a sighting is, and how long its check takes: the goals are 1.3 KB and 0.2 ms.
    private static func measureProofs() {
        var random = SeededGenerator(seed: 4)
        let (root, identity, online) = (SigningKey(using: &random), SigningKey(using: &random), SigningKey(using: &random))
        let origin = OriginID(identity.verifyingKey.raw)
        let full = sessionSimHashBucket(shardBits: 0)
        let records = (0..<100).compactMap { SessionSimHashSighting(day: day, simHash: $0 + 1, sessions: 1, strength: 2)?.record }
        // As far from the descriptor as may be, so that the paths are the longest.
        let others = (-135..<135).filter { $0 != 0 }.map {
            Bucket(records, at: day.advanced(by: $0), descriptor: full.descriptor, seed: random.bytes(count: Bucket.seedByteCount))
        }
        let manifest = Manifest(descriptors: [full.descriptor], entries: others.map(\.entry) + [full.entry])
        let head = Head(
            origin: origin, position: HeadPosition(generation: 1, sequence: 9), issuedAt: .zero, lifetimeSeconds: 86_400, manifestRoot: manifest.root,
            entryCount: UInt32(manifest.entries.count), sightingCount: manifest.sightingCount, dataByteCount: manifest.dataByteCount, historyRoot: .zero)
        let certificate = GenerationCertificate(
            origin: origin, generation: 1, signingKey: online.verifyingKey, notBefore: .zero, notAfter: .distantFuture, reason: .first)
        let membership = MembershipCertificate(
            mesh: MeshID(root: root.verifyingKey), member: origin, displayName: "Example University", sponsor: root.verifyingKey, notBefore: .zero,
            notAfter: .distantFuture)
        guard let head, let certificate, let membership else { preconditionFailure("a statement of our own breaks a rule") }
        let chain = [Signed.make(membership, with: root).signed]
        func material() -> ProofMaterial {
            ProofMaterial(certificate: Signed.make(certificate, with: identity).signed, head: Signed.make(head, with: online).signed, manifest: manifest)
        }
        var one = material()
        one.show([full.records[4_000].key], in: full)
        var small = material()
        small.show([records[50].key], in: others[135])
        var hundred = material()
        for bucket in others.prefix(100) { hundred.show([records[50].key], in: bucket) }
        for (name, material, memberships) in [
            ("one sighting of a bucket of 100 among 270", small, []), ("with a membership", small, chain), ("one sighting of a full bucket among 270", one, []),
            ("100 sightings of 100 days, with a membership", hundred, chain),
        ] {
            guard let bundle = (try? ProofBundle.make(of: [material], memberships: memberships)) ?? nil else {
                preconditionFailure("a proof of our own was refused")
            }
            let count = bundle.sightingCount
            let rate = best(of: 20, each: count * 20) {
                for _ in 0..<20 { precondition((try? ProofBundle(checking: bundle.bytes)) != nil, "a proof of our own was refused") }
            }
            print("proof check, \(name): \(1_000_000 / max(1, rate)) us a sighting, \(bundle.bytes.count / count) bytes a sighting")
        }
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
