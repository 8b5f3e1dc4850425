import Foundation
import GRDB
import Ledger
import NodeCore
import Primitives
import Storage
import Synchronization
import Testing

@Suite struct ReplicaStoreTests {
    let folder = ScratchFolder()

    private func open() throws -> MeshStore { try MeshStore(path: folder.path("mesh.db")) }

    private func edit(_ sql: String, _ arguments: StatementArguments = []) throws {
        try DatabaseQueue(path: folder.path("mesh.db")).write { try $0.execute(sql: sql, arguments: arguments) }
    }

    private func roots(_ store: MeshStore) throws -> [OriginID: Set<Digest>] {
        var roots: [OriginID: Set<Digest>] = [:]
        _ = try store.forEachBucket { origin, bucket in roots[origin, default: []].insert(bucket.entry.root) }
        return roots
    }

    @Test func whatIsAdoptedSurvivesARestartAndIsServed() throws {
        var ann = Operator(seed: 1)
        let buckets = [ann.bucket([1, 2]), ann.bucket([3], at: Operator.today.advanced(by: -1))]
        let manifest = ann.manifest(buckets)
        let head = ann.head(1, manifest)
        let store = try open()
        for bucket in buckets + buckets { try store.stage(bucket, of: ann.origin) }  // Twice is once.
        #expect(try store.load().state.staged == [ann.origin: Set(buckets.map(\.entry.root))])

        let change = try store.adopt(head, manifest, today: Operator.today)

        #expect(Set(change.added) == Set(buckets))
        #expect(change.removed.isEmpty)
        let again = try open()
        let state = try again.load().state
        #expect(state.adopted == [ann.origin: AdoptedState(head: head, manifest: manifest)])
        #expect(state.staged.isEmpty)
        #expect(try again.manifest(of: ann.origin, root: manifest.root) == manifest.bytes)
        #expect(try again.bucket(of: ann.origin, root: buckets[0].entry.root) == buckets[0].bytes)
        #expect(try roots(again) == [ann.origin: Set(buckets.map(\.entry.root))])
    }

    @Test func aDatabaseOfAnEarlierVersionIsReadAndGoesOn() throws {
        var ann = Operator(seed: 1)
        let (first, second) = (ann.bucket([1, 2]), ann.bucket([3], at: Operator.today.advanced(by: -1)))
        var store = try open()
        try store.stage(first, of: ann.origin)
        _ = try store.adopt(ann.head(1, ann.manifest([first])), ann.manifest([first]), today: Operator.today)
        try edit("ALTER TABLE bucket DROP COLUMN checksum")
        try edit("PRAGMA user_version = 1")

        store = try open()
        #expect(try roots(store) == [ann.origin: [first.entry.root]])
        try store.stage(second, of: ann.origin)
        let both = ann.manifest([second, first])
        _ = try store.adopt(ann.head(2, both), both, today: Operator.today)
        #expect(try roots(open()) == [ann.origin: [first.entry.root, second.entry.root]])
        // The one has no checksum and is checked against its root, the other has one.
        try edit("UPDATE bucket SET bytes = zeroblob(length(bytes))")
        #expect(try open().forEachBucket { _, _ in } == 2)
    }

    /// What is only held in memory must be told on as the small change that it is, or whoever is told has to ask for the whole bucket.
    @Test func aBucketHeldInMemoryIsObservedAsAnEditAndLeavesTheLogAlone() throws {
        var ann = Operator(seed: 1)
        let (first, more, less) = (ann.bucket([1, 2]), ann.bucket([1, 2, 3]), ann.bucket([1, 3]))
        let store = try open()
        func logByteCount() throws -> Int { try Data(contentsOf: URL(fileURLWithPath: folder.path("mesh.db-wal"))).count }
        try store.hold([first], of: ann.origin)
        _ = try store.adopt(ann.head(1, ann.manifest([first])), ann.manifest([first]), today: Operator.today)

        try store.hold([more], of: ann.origin)
        let addition = try store.adopt(ann.head(2, ann.manifest([more])), ann.manifest([more]), today: Operator.today)
        let added = try #require(addition.observed)
        #expect(!added.isDeleting)
        #expect(try #require(added.bytes).count < more.bytes.count, "the record, not the bucket's entry, for which the bucket would be asked for")
        #expect(try logByteCount() > 0, "nothing is gone that had to be wiped out")

        try store.hold([less], of: ann.origin)
        let deletion = try store.adopt(ann.head(3, ann.manifest([less])), ann.manifest([less]), today: Operator.today)
        #expect(try #require(deletion.observed).isDeleting)
        #expect(try logByteCount() == 0, "what was deleted is not left in the log of changes")
    }

    @Test func theNextAdoptionTakesOnlyWhatChanged() throws {
        var ann = Operator(seed: 1)
        let (old, kept, new, unneeded) = (ann.bucket([1]), ann.bucket([2], at: Operator.today.advanced(by: -1)), ann.bucket([1, 4]), ann.bucket([5]))
        let store = try open()
        for bucket in [old, kept] { try store.stage(bucket, of: ann.origin) }
        _ = try store.adopt(ann.head(1, ann.manifest([old, kept])), ann.manifest([old, kept]), today: Operator.today)
        for bucket in [new, unneeded] { try store.stage(bucket, of: ann.origin) }

        let change = try store.adopt(ann.head(2, ann.manifest([new, kept])), ann.manifest([new, kept]), today: Operator.today)

        #expect(change.added == [new])
        #expect(change.removed == [old.entry.root])
        #expect(try store.bucket(of: ann.origin, root: unneeded.entry.root) == nil)
        #expect(try store.manifest(of: ann.origin, root: ann.manifest([old, kept]).root) == nil)
        #expect(try store.load().state.staged.isEmpty)
    }

    @Test func anAdoptionThatMissesABucketChangesNothing() throws {
        var ann = Operator(seed: 1)
        let ben = Operator(seed: 2)
        let (old, new, missing) = (ann.bucket([1]), ann.bucket([2]), ann.bucket([3], at: Operator.today.advanced(by: -90)))
        let store = try open()
        try store.stage(old, of: ann.origin)
        _ = try store.adopt(ann.head(1, ann.manifest([old])), ann.manifest([old]), today: Operator.today)
        try store.stage(new, of: ann.origin)
        try store.stage(missing, of: ben.origin)  // Of another operator: does not count.
        let before = try Picture(store)

        let wanted = ann.manifest([new, missing])
        let error = #expect(throws: StoreError.self) { try store.adopt(ann.head(2, wanted), wanted, today: Operator.today) }

        guard case .bucketMissing(ann.origin, missing.entry.root) = error else { return #expect(Bool(false), "\(String(describing: error))") }
        #expect(try Picture(store) == before)
        // A day later its retention is over, and nobody needs it.
        #expect(throws: Never.self) { try store.adopt(ann.head(2, wanted), wanted, today: Operator.today.advanced(by: 1)) }
    }

    /// The origin keeps the bytes and says that they are kept longer: they are.
    @Test func aNewDescriptorCountsForBucketsThatAreHere() throws {
        var ann = Operator(seed: 1)
        let bucket = ann.bucket([1])
        let longer = StreamDescriptor(
            stream: ann.descriptor.stream, keyByteCount: 8, valueByteCount: 3, retentionDays: 200, shardKey: ann.descriptor.shardKey)!
        let retold = try Bucket(checking: bucket.bytes, entry: bucket.entry, descriptor: longer)
        let store = try open()
        try store.stage(bucket, of: ann.origin)
        _ = try store.adopt(ann.head(1, ann.manifest([bucket])), ann.manifest([bucket]), today: Operator.today)

        let change = try store.adopt(ann.head(2, ann.manifest([retold])), ann.manifest([retold]), today: Operator.today)

        #expect(change.removed == [bucket.entry.root])
        #expect(change.added == [retold])
        #expect(try store.expire(before: Operator.today.advanced(by: 150)).isEmpty)
        #expect(try roots(store) == [ann.origin: [bucket.entry.root]])
    }

    /// Whole days end, of streams nobody here knows too; the last day of a bucket is a day on which it is kept.
    @Test(arguments: [(90, StreamID.sessionSimHash1), (3, StreamID(kind: 77, schemaVersion: 2))] as [(UInt16, StreamID)])
    func bucketsEndWithTheirRetention(days: UInt16, stream: StreamID) throws {
        var ann = Operator(seed: 1, retentionDays: days, stream: stream)
        let (bucket, staged) = (ann.bucket([1]), ann.bucket([2]))
        let store = try open()
        try store.stage(bucket, of: ann.origin)
        _ = try store.adopt(ann.head(1, ann.manifest([bucket])), ann.manifest([bucket]), today: Operator.today)
        try store.stage(staged, of: ann.origin)

        #expect(try store.expire(before: Operator.today.advanced(by: Int(days))).isEmpty)
        #expect(try store.bucket(of: ann.origin, root: bucket.entry.root) != nil)
        let changes = try store.expire(before: Operator.today.advanced(by: Int(days) + 1))

        #expect(changes.map(\.origin) == [ann.origin])
        #expect(changes.flatMap(\.removed) == [bucket.entry.root])
        #expect(try store.bucket(of: ann.origin, root: bucket.entry.root) == nil)
        #expect(try store.bucket(of: ann.origin, root: staged.entry.root) == nil)
    }

    /// What no head names any more goes, from the disk and from memory; what is adopted stays, whatever is said.
    @Test func whatIsUnstagedIsGoneAndWhatIsAdoptedStays() throws {
        var ann = Operator(seed: 1)
        let store = try open()
        let (adopted, stale, wanted, held) = (ann.bucket([1]), ann.bucket([2]), ann.bucket([3]), ann.bucket([4]))
        try store.stage(adopted, of: ann.origin)
        _ = try store.adopt(ann.head(1, ann.manifest([adopted])), ann.manifest([adopted]), today: Operator.today)
        for bucket in [stale, wanted] { try store.stage(bucket, of: ann.origin) }
        try store.hold([held], of: ann.origin)

        try store.unstage([adopted, stale, held].map(\.entry.root), of: ann.origin)

        #expect(try store.load().state.staged == [ann.origin: [wanted.entry.root]])
        #expect(try store.bucket(of: ann.origin, root: adopted.entry.root) != nil)
        let manifest = ann.manifest([held])
        #expect(throws: StoreError.self) { try store.adopt(ann.head(2, manifest), manifest, today: Operator.today) }
    }

    // MARK: Damage

    /// Without its head or manifest a replica is none, but its buckets need not be fetched again.
    @Test(arguments: ["head", "manifest", "signing_key"]) func aDamagedReplicaIsToldAndItsBucketsCountAsStaged(column: String) throws {
        var (ann, ben) = (Operator(seed: 1), Operator(seed: 2))
        let store = try open()
        let (anns, bens) = (ann.bucket([1]), ben.bucket([2]))
        try store.stage(anns, of: ann.origin)
        try store.stage(bens, of: ben.origin)
        _ = try store.adopt(ann.head(1, ann.manifest([anns])), ann.manifest([anns]), today: Operator.today)
        _ = try store.adopt(ben.head(1, ben.manifest([bens])), ben.manifest([bens]), today: Operator.today)

        for value in ["zeroblob(200)", "7", "'text'", "x''"] {
            try edit("UPDATE origin SET \(column) = \(value) WHERE origin = ?", [Data(ben.origin.bytes)])
            let (state, problems) = try store.load()
            #expect(Set(state.adopted.keys) == [ann.origin], "\(value)")
            #expect(state.staged == [ben.origin: [bens.entry.root]], "\(value)")
            #expect(problems.map(\.table) == ["origin"], "\(value)")
        }
        #expect(throws: Never.self) { try store.adopt(ben.head(1, ben.manifest([bens])), ben.manifest([bens]), today: Operator.today) }
        #expect(try Set(store.load().state.adopted.keys) == [ann.origin, ben.origin])
    }

    @Test(arguments: ["bytes", "entry", "descriptor", "root"]) func aDamagedStagedBucketIsFetchedAgain(column: String) throws {
        var ann = Operator(seed: 1)
        let bucket = ann.bucket([1, 2, 3])
        let manifest = ann.manifest([bucket])
        try open().stage(bucket, of: ann.origin)
        try edit("UPDATE bucket SET \(column) = zeroblob(length(\(column)))")
        let store = try open()  // The next run: this one would still have it in memory.

        #expect(try store.load().problems.map(\.table) == ["bucket"])
        #expect(try store.load().state.staged.isEmpty)
        if column == "bytes" || column == "root" {
            #expect(throws: StoreError.self) { try store.adopt(ann.head(1, manifest), manifest, today: Operator.today) }
        }
        try store.stage(bucket, of: ann.origin)

        #expect(try store.adopt(ann.head(1, manifest), manifest, today: Operator.today).added == [bucket])
    }

    /// A neighbour would drop us for sending it.
    @Test func aDamagedBucketIsNeitherCountedNorServedAndComesBack() throws {
        var ann = Operator(seed: 1)
        let (good, bad) = (ann.bucket([1]), ann.bucket([2], at: Operator.today.advanced(by: -1)))
        let manifest = ann.manifest([good, bad])
        let store = try open()
        for bucket in [good, bad] { try store.stage(bucket, of: ann.origin) }
        _ = try store.adopt(ann.head(1, manifest), manifest, today: Operator.today)
        try edit("UPDATE bucket SET bytes = zeroblob(length(bytes)) WHERE root = ?", [Data(bad.entry.root.bytes)])

        var seen: [Bucket] = []
        let damagedCount = try store.forEachBucket { _, bucket in seen.append(bucket) }

        #expect(damagedCount == 1)
        #expect(seen == [good])
        #expect(try store.bucket(of: ann.origin, root: bad.entry.root) == nil)
        let state = try open().load().state
        #expect(state.adopted.isEmpty)
        #expect(state.staged == [ann.origin: [good.entry.root]])  // The other alone is asked for.
    }

    @Test func aDamagedBucketOfOurOwnIsBuiltAgain() throws {
        var ann = Operator(seed: 1)
        let store = try open()
        try store.absorb([ann.sighting(5)], position: [1])
        let bucket = ann.bucket([5])
        _ = try store.publish(ann.publication(1, [bucket], covering: try store.dirtyDays()))
        #expect(try store.dirtyDays().isEmpty)
        try edit("UPDATE bucket SET bytes = zeroblob(length(bytes))")

        #expect(try store.forEachBucket { _, _ in } == 1)

        let days = try store.dirtyDays()
        #expect(days.map(\.day) == [Operator.today])
        #expect(try days.first.map(store.ownRecords) == [ann.sighting(5).record])
        #expect(try store.load().state.own != nil)
    }

    // MARK: At the same time

    /// While one writer replaces an operator's bucket again and again, every reader sees exactly one of them, with the head that names it.
    @Test func readersSeeWholeAdoptionsOnly() async throws {
        let store = try open()
        var ann = Operator(seed: 1)
        let origin = ann.origin
        let buckets = (1...40).map { ann.bucket([$0]) }
        let allowed = Set(buckets.map(\.entry.root))
        let isDone = Flag()
        let signer = ann

        try await withThrowingTaskGroup(of: Int.self) { group in
            group.addTask {
                defer { isDone.raise() }
                for (index, bucket) in buckets.enumerated() {
                    let manifest = signer.manifest([bucket])
                    try store.stage(bucket, of: origin)
                    _ = try store.adopt(signer.head(UInt64(index + 1), manifest), manifest, today: Operator.today)
                }
                return 0
            }
            for _ in 0..<3 {
                group.addTask {
                    var wrongCount = 0
                    repeat {
                        var roots: [Digest] = []
                        _ = try store.forEachBucket { _, bucket in roots.append(bucket.entry.root) }
                        if roots.count > 1 || !allowed.isSuperset(of: roots) { wrongCount += 1 }
                        let adopted = try store.load().state.adopted[origin]
                        if let adopted, adopted.manifest.root != adopted.head.body.manifestRoot { wrongCount += 1 }
                    } while !isDone.isRaised
                    return wrongCount
                }
            }
            let wrongCount = try await group.reduce(0, +)
            #expect(wrongCount == 0)
        }
        #expect(try roots(store) == [origin: [buckets[39].entry.root]])
    }

    private final class Flag: Sendable {
        private let state = Mutex(false)

        var isRaised: Bool { state.withLock { $0 } }

        func raise() { state.withLock { $0 = true } }
    }
}
