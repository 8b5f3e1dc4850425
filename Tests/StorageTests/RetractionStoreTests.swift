import Foundation
import Ledger
import NodeCore
import Primitives
import Storage
import Testing

@Suite struct RetractionStoreTests {
    static let secretKey: UInt64 = 0x5EC2_E7C0_DE5E_C2E7

    let folder = ScratchFolder()
    let ann = Operator(seed: 1)

    private func open() throws -> MeshStore { try MeshStore(path: folder.path("mesh.db")) }

    private func retraction(_ simHash: UInt64) -> SightingChange { .retracted(ann.sighting(simHash).name) }

    @Test func aRetractionDeletesTheRecordAndMakesItsDayDirty() throws {
        let store = try open()
        try store.absorb([ann.sighting(1), ann.sighting(2)], position: [1])
        _ = try store.publish(ann.publication(1, [], covering: try store.dirtyDays()))

        try store.absorb([retraction(1)], position: [2])

        let days = try store.dirtyDays()
        #expect(try days.map(store.ownRecords) == [[ann.sighting(2).record]])
        #expect(try store.outboxPosition() == [2])
    }

    @Test func aDayLeftWithoutRecordsIsDirtyAndEmpty() throws {
        let store = try open()
        try store.absorb([ann.sighting(1)], position: [1])
        _ = try store.publish(ann.publication(1, [], covering: try store.dirtyDays()))

        try store.absorb([retraction(1)], position: [2])

        #expect(try store.dirtyDays().map(store.ownRecords) == [[]])
    }

    @Test func theLaterWordCountsWithinOneStepToo() throws {
        let store = try open()
        try store.absorb([.stated(ann.sighting(1)), retraction(1), .stated(ann.sighting(2)), retraction(2), .stated(ann.sighting(2))], position: [1])

        #expect(try store.dirtyDays().map(store.ownRecords) == [[ann.sighting(2).record]])
    }

    @Test func retractingWhatIsNotHereMakesNothingDirty() throws {
        let store = try open()
        try store.absorb([retraction(1)], position: [1])

        #expect(try store.dirtyDays().isEmpty)
        #expect(try store.retractionState() == .none)
        #expect(try store.outboxPosition() == [1])
    }

    @Test func aRetractionBeforeAnyHeadLeavesNothingInTheLog() throws {
        let store = try open()
        try store.absorb([ann.sighting(Self.secretKey)], position: [1])
        #expect(try !folder.files(containing: ann.sighting(Self.secretKey).record.key).isEmpty)

        try store.absorb([retraction(Self.secretKey)], position: [2])

        #expect(try folder.files(containing: ann.sighting(Self.secretKey).record.key) == [])
    }

    @Test func theFirstHeadThatCoversAllOfItIsRemembered() throws {
        let store = try open()
        try store.absorb([ann.sighting(1), ann.sighting(2)], position: [1])
        _ = try store.publish(ann.publication(1, [], covering: try store.dirtyDays()))
        #expect(try store.retractionState() == .none)
        try store.absorb([retraction(1)], position: [2])
        #expect(try store.retractionState() == .waiting)
        let built = try store.dirtyDays()
        try store.absorb([retraction(2)], position: [3])

        _ = try store.publish(ann.publication(2, [], covering: built))  // Built before the second retraction.
        #expect(try store.retractionState() == .waiting)
        _ = try store.publish(ann.publication(3, [], covering: try store.dirtyDays()))
        _ = try store.publish(ann.publication(4, []))

        #expect(try open().retractionState() == .published(HeadPosition(generation: 1, sequence: 3)))
    }

    /// Among so many that the trees have several levels and pages are split and joined.
    @Test(arguments: [1, 2, 3] as [UInt64]) func aRetractedSightingIsInNoFileOnceTheNextHeadIsOut(seed: UInt64) throws {
        var (ann, random) = (Operator(seed: seed), SeededGenerator(seed: seed))
        let needle = ann.sighting(Self.secretKey).record.key
        let others = (0..<4_000).map { _ in random.next() | 1 }.filter { $0 != Self.secretKey }
        let store = try open()
        try store.absorb(others.prefix(2_000).map { ann.sighting($0) } + [ann.sighting(Self.secretKey)], position: [1])
        try store.absorb(others.suffix(2_000).map { ann.sighting($0) }, position: [2])
        let old = ann.bucket(Array(Set(others)) + [Self.secretKey])
        _ = try store.publish(ann.publication(1, [old], covering: try store.dirtyDays()))
        #expect(try !folder.files(containing: needle).isEmpty, "seed \(seed)")

        try store.absorb([retraction(Self.secretKey)], position: [3])
        let new = ann.bucket(Array(Set(others)))
        let change = try store.publish(ann.publication(2, [new], covering: try store.dirtyDays()))

        #expect(change.removed == [old.entry.root] && new.entry.root != old.entry.root)
        #expect(try folder.files(containing: needle) == [], "seed \(seed)")
    }
}
