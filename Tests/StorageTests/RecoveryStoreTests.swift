import Cryptography
import Foundation
import GRDB
import Ledger
import NodeCore
import Primitives
import Storage
import Testing

/// Content of our own that comes back from others: `Protocol/replication.md` §7.1.
@Suite struct RecoveryStoreTests {
    let folder = ScratchFolder()
    var ann = Operator(seed: 1)
    let yesterday = Operator.today.advanced(by: -1)

    private func open() throws -> MeshStore { try MeshStore(path: folder.path("mesh.db")) }

    /// The SimHashes of our own in the outbox's table, whether published or not.
    private func ownCodes(_ store: MeshStore, on day: Day = Operator.today) throws -> [UInt64] {
        try store.ownRecords(of: DirtyDay(CoveredDay(stream: .sessionSimHash1, day: day, mark: 0))).map { $0.key.reduce(0) { $0 << 8 | UInt64($1) } }
    }

    @Test mutating func anEmptyDiskTakesAllAndReadsTheOutboxAnew() throws {
        let store = try open()
        let buckets = [ann.bucket([1, 2]), ann.bucket([3], at: yesterday)]
        let manifest = ann.manifest(buckets.sorted { $0.entry < $1.entry })
        let head = ann.head(4, manifest)
        try store.absorb([SightingChange](), position: [9])
        for bucket in buckets { try store.stage(bucket, of: ann.origin) }

        let change = try store.recover(head, manifest, today: Operator.today)

        #expect(Set(change.added.map(\.entry.root)) == Set(buckets.map(\.entry.root)) && change.removed.isEmpty)
        #expect(try ownCodes(store) == [1, 2] && ownCodes(store, on: yesterday) == [3])
        #expect(try store.dirtyDays().isEmpty, "days that are as others hold them are published already")
        #expect(try store.outboxPosition() == nil)
        let (state, problems) = try open().load()
        #expect(problems.isEmpty && state.own?.head.bytes == head.bytes && state.staged.isEmpty)
        #expect(state.own.map { $0.history.leafCount != $0.head.body.position.sequence + 1 } == true, "nothing may be signed on a history that is not known")
    }

    /// The backup had 1, 2 and 3. Since then others were told that 2 is gone and 4 has come. This disk has noted 5 and taken 1 back, and told nobody yet.
    @Test mutating func whatChangedHereAndWhatChangedThereBothStay() throws {
        let store = try open()
        try store.absorb([1, 2, 3].map { ann.sighting($0) }, position: [1])
        let old = ann.bucket([1, 2, 3])
        _ = try store.publish(ann.publication(1, [old], covering: try store.dirtyDays()))
        try store.absorb([.stated(ann.sighting(5)), .retracted(ann.sighting(1).name)], position: [2])
        let new = ann.bucket([1, 3, 4])
        try store.stage(new, of: ann.origin)

        let change = try store.recover(ann.head(7, ann.manifest([new])), ann.manifest([new]), today: Operator.today)

        #expect(try ownCodes(store) == [3, 4, 5])
        #expect(try store.dirtyDays().map(\.day) == [Operator.today], "it is to be published anew")
        #expect(change.added.map(\.entry.root) == [new.entry.root] && change.removed == [old.entry.root])
        #expect(try store.outboxPosition() == [2], "what the outbox said before is in the backup")
        #expect(try store.bucket(of: ann.origin, root: old.entry.root) == nil)
    }

    @Test mutating func aMissingBucketChangesNothing() throws {
        let store = try open()
        try store.absorb([ann.sighting(1)], position: [1])
        let bucket = ann.bucket([2])
        let before = try Picture(store)

        #expect(throws: StoreError.self) { try store.recover(ann.head(7, ann.manifest([bucket])), ann.manifest([bucket]), today: Operator.today) }

        #expect(try Picture(store) == before)
    }

    @Test mutating func whatIsSetAsideIsStagedAndNoMoreServed() throws {
        let store = try open()
        var bob = Operator(seed: 2)
        let bucket = bob.bucket([1, 2])
        let manifest = bob.manifest([bucket])
        try store.stage(bucket, of: bob.origin)
        _ = try store.adopt(bob.head(1, manifest), manifest, today: Operator.today)

        let change = try store.setAside(bob.origin)

        #expect(change.removed == [bucket.entry.root])
        #expect(try store.manifest(of: bob.origin, root: manifest.root) == nil)
        let (state, _) = try open().load()
        #expect(state.adopted.isEmpty && state.staged == [bob.origin: [bucket.entry.root]])
        let again = try store.adopt(bob.head(2, manifest), manifest, today: Operator.today)
        #expect(again.added.map(\.entry.root) == [bucket.entry.root], "nothing had to be fetched")

        let gone = try store.forget(bob.origin)
        #expect(gone.removed == [bucket.entry.root])
        #expect(try store.bucket(of: bob.origin, root: bucket.entry.root) == nil && open().load().state.adopted.isEmpty)
    }

    /// The key is written before its certificate, and takes its place after it: whenever the power goes, one of the two pairs is whole.
    @Test func aCrashWhileAGenerationIsOpenedLeavesAWholePair() throws {
        let directory = NodeDirectory(path: folder.path("node"))
        try directory.create()
        let old = try directory.makeSigningKey(.generation)
        var random = SystemRandomNumberGenerator()
        let new = SigningKey(using: &random)

        try directory.keepNextGeneration(new)
        #expect(try directory.generationKey { $0 == old.verifyingKey }?.verifyingKey == old.verifyingKey, "the certificate has not come: the old key")
        #expect(try directory.generationKey { _ in true }?.verifyingKey == new.verifyingKey, "it has: the new one")
        #expect(try directory.signingKey(.generation)?.verifyingKey == new.verifyingKey, "and it has taken its place")
        #expect(try directory.generationKey { _ in false }?.verifyingKey == new.verifyingKey)
    }
}
