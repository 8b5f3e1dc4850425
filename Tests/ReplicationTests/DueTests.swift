import Cryptography
import Ledger
import Primitives
import Replication
import Testing
import WireFormat

@Suite struct DueTests {
    /// A head is early until it is due, to the millisecond, whatever its origin has written into it.
    @Test(arguments: [1, 2, 3, 4] as [UInt64]) func aHeadIsEarlyUntilItIsDue(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let (identity, key) = (SigningKey(using: &random), SigningKey(using: &random))
        let origin = OriginID(identity.verifyingKey.raw)
        let begin = Timestamp(milliseconds: 1_790_000_000_000)
        var record = OriginRecord()
        _ = record.take(
            Signed.make(
                GenerationCertificate(
                    origin: origin, generation: 1, signingKey: key.verifyingKey, notBefore: begin, notAfter: begin + .seconds(86_400 * 365), reason: .first)!,
                with: identity))
        for _ in 0..<300 {
            let sequence = 1 + random.number(below: [10, 3_610, 400_000, 1 << 40, 1 << 62].pick(using: &random) ?? 1)
            let issuedAt = begin + .milliseconds(Int64(random.number(below: 86_400_000 * 30)))
            let head = Signed.make(
                Head(
                    origin: origin, position: HeadPosition(generation: 1, sequence: sequence), issuedAt: issuedAt, lifetimeSeconds: 60, manifestRoot: .zero,
                    entryCount: 0, sightingCount: 0, dataByteCount: 0, historyRoot: .zero)!, with: key)

            let due = record.due(head)

            #expect(record.verdict(on: head, at: due + .milliseconds(-1)) == .early, "seed \(seed)")
            if due < .distantFuture { #expect(record.verdict(on: head, at: due) == .news, "seed \(seed)") }
        }
    }
}
