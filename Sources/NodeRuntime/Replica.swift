import Ledger
import NodeCore
import Primitives
import Similarity
import Storage

/// What questions are answered from. Readers never wait for the node, nor it for them.
final class Replica: Sendable {
    private let index: PublishedIndex
    /// What has come into the index since it was filled.
    let adoptions = AdoptionLog()

    /// - Parameter searchable: the streams that can be asked; what is held of others waits for a version that knows them.
    init(own: OriginID, searchable: [StreamID] = SightingIndex.knownStreams) { index = PublishedIndex(SightingIndex(own: own, searchable: searchable)) }

    /// The index as it is now: a copy that stays what it is.
    var snapshot: SightingIndex { index.snapshot }

    /// Fills the index from the disk; gives how many buckets were damaged.
    ///
    /// - Parameter settles: whether to make it fast to ask, beside answering: a single question does not pay for that.
    func load(from store: MeshStore, state: StoredState, settles: Bool = true) throws -> Int {
        var fresh = snapshot
        let damagedCount = try store.forEachBucket { origin, bucket in fresh.add(bucket, of: origin) }
        for adopted in state.adopted.values { fresh.set(adopted.head.body) }
        if let own = state.own { fresh.set(own.head.body) }
        index.change(settles: settles) { $0 = fresh }
        return damagedCount
    }

    /// Nothing of an origin is answered any more.
    func forget(_ change: ReplicaChange) {
        index.change { index in
            index.remove(change.removed, of: change.origin)
            index.forget(change.origin)
        }
    }

    /// When this returns, what is new can be asked.
    ///
    /// - Parameter head: the head that the origin's sightings now stand for, if it is a new one.
    func apply(_ change: ReplicaChange, head: Verified<Head>?) {
        index.change { index in
            index.remove(change.removed, of: change.origin)
            for bucket in change.added { index.add(bucket, of: change.origin) }
            if let head { index.set(head.body) }
        }
        adoptions.note(change)
    }
}

/// Answers from a node's disk without the node running.
public enum LocalAnswers {
    /// The evidence that the node in a directory holds, each piece checked again.
    public static func evidence(in directory: NodeDirectory) throws -> [Evidence] {
        guard directory.exists else { throw NodeStartError.noNode(path: directory.path) }
        return try MeshStore(path: directory.databasePath).evidence()
    }

    /// The index over all that the node in a directory holds.
    public static func index(of directory: NodeDirectory) throws -> SightingIndex {
        guard directory.exists else { throw NodeStartError.noNode(path: directory.path) }
        let store = try MeshStore(path: directory.databasePath)
        let (state, _) = try store.load()
        guard let key = try directory.signingKey(.node), let origin = NodeDaemon.origin(of: NodeID(key.verifyingKey.raw), in: state) else {
            throw NodeStartError.noMesh(path: directory.path)
        }
        let replica = Replica(own: origin)
        _ = try replica.load(from: store, state: state, settles: false)
        return replica.snapshot
    }
}
