import Cryptography
import Ledger
import NodeCore
import Primitives
import Replication

/// Does the checks that nodes do away from their cores: for real, but each good signature only once for all simulated nodes.
///
/// Only what has been found good is remembered, under all its bytes and the key that was asked for; what is bad is checked every time.
struct CheckCache {
    private var good: [[UInt8]: AnyStatement] = [:]
    private(set) var checkCount = 0

    init() {}

    /// The same outcome as `batch.check()`.
    mutating func check(_ batch: StatementBatch) -> StatementBatch.Outcome {
        var keys = batch.headKeys
        var outcome = StatementBatch.Outcome()
        for statement in batch.statements {
            do throws(StatementError) {
                let verified = try check(statement, keys)
                if case .generation(let certificate) = verified {
                    let id = StatementBatch.HeadKeyID(origin: certificate.body.origin, generation: certificate.body.generation)
                    if keys[id] == nil { keys[id] = certificate.body.signingKey }
                }
                outcome.verified.append(verified)
            } catch {
                switch error {
                case .forged: outcome.forgedCount += 1
                case .unknownGeneration: outcome.unresolved.append(statement)
                }
            }
        }
        return outcome
    }

    private mutating func check(
        _ statement: UncheckedStatement, _ keys: [StatementBatch.HeadKeyID: VerifyingKey]
    ) throws(StatementError) -> AnyStatement {
        if let known = good[statement.bytes] {
            guard case .head(let head) = known else { return known }
            let id = StatementBatch.HeadKeyID(origin: head.body.origin, generation: head.body.position.generation)
            guard let key = keys[id] else { throw .unknownGeneration }
            if key == head.key { return known }
        }
        checkCount += 1
        let verified = try AnyStatement(checking: statement) { keys[.init(origin: $0, generation: $1)] }
        good[statement.bytes] = verified
        return verified
    }
}
