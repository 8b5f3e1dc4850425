import Ledger
import NodeCore
import Primitives
import Storage

/// All that a store says it holds, to be compared with what it says later.
struct Picture: Equatable {
    let statements: Set<AnyStatement>
    let adopted: [OriginID: AdoptedState]
    let own: OwnState?
    let staged: [OriginID: Set<Digest>]
    let buckets: [OriginID: Set<Bucket>]
    let dirtyDays: [DirtyDay]
    let records: [[Ledger.Record]]
    let outboxPosition: [UInt8]?
    let invites: [StoredInvite]
    let settings: NodeSettings?

    init(_ store: MeshStore) throws {
        let (state, problems) = try store.load()
        guard problems.isEmpty else { throw DamageError(problems: problems) }
        statements = Set(state.statements)
        adopted = state.adopted
        own = state.own
        staged = state.staged
        var buckets: [OriginID: Set<Bucket>] = [:]
        let damagedCount = try store.forEachBucket { origin, bucket in buckets[origin, default: []].insert(bucket) }
        guard damagedCount == 0 else { throw DamageError(problems: []) }
        self.buckets = buckets
        dirtyDays = try store.dirtyDays()
        records = try dirtyDays.map(store.ownRecords)
        outboxPosition = try store.outboxPosition()
        invites = try store.invites()
        settings = try store.settings()
    }

    struct DamageError: Error { let problems: [StoreProblem] }
}
