import Foundation
import GRDB
import Ledger
import NodeCore
import Primitives
import Storage
import Testing

@Suite struct OwnStoreTests {
    let folder = ScratchFolder()
    let ann = Operator(seed: 1)
    let yesterday = Operator.today.advanced(by: -1)

    private func open() throws -> MeshStore { try MeshStore(path: folder.path("mesh.db")) }

    private func edit(_ sql: String) throws { try DatabaseQueue(path: folder.path("mesh.db")).write { try $0.execute(sql: sql) } }

    @Test func whatWasAbsorbedButNotPublishedIsDirtyAfterARestart() throws {
        try open().absorb([ann.sighting(2), ann.sighting(1), ann.sighting(3, at: yesterday)], position: [7, 7])

        let store = try open()
        let days = try store.dirtyDays()

        #expect(days.map(\.day) == [yesterday, Operator.today])
        #expect(try store.ownRecords(of: days[1]) == [ann.sighting(1).record, ann.sighting(2).record])
        #expect(try store.outboxPosition() == [7, 7])
    }

    @Test func theLatestWordOnAKeyCounts() throws {
        let store = try open()
        try store.absorb([ann.sighting(1, sessions: 2), ann.sighting(1, sessions: 5)], position: [1])

        #expect(try store.dirtyDays().map(store.ownRecords) == [[ann.sighting(1, sessions: 5).record]])
    }

    /// The outbox may be replayed: what says nothing new makes no day dirty, and so no new head.
    @Test func sayingTheSameAgainMakesNothingDirty() throws {
        let store = try open()
        try store.absorb([ann.sighting(1)], position: [1])
        _ = try store.publish(ann.publication(1, [], covering: try store.dirtyDays()))

        try store.absorb([ann.sighting(1)], position: [2])

        #expect(try store.dirtyDays().isEmpty)
        #expect(try store.outboxPosition() == [2])
    }

    @Test func aChangeDuringPublicationKeepsTheDayDirty() throws {
        let store = try open()
        try store.absorb([ann.sighting(1)], position: [1])
        let built = try store.dirtyDays()
        try store.absorb([ann.sighting(2)], position: [2])

        _ = try store.publish(ann.publication(1, [], covering: built))

        let days = try store.dirtyDays()
        #expect(days.map(\.day) == [Operator.today])
        _ = try store.publish(ann.publication(2, [], covering: days))
        #expect(try store.dirtyDays().isEmpty)
    }

    /// Who remembers a mark from before must not take a later change for it.
    @Test func aMarkIsNeverUsedAgain() throws {
        let store = try open()
        var marks: [Int64] = []
        for number in 1...4 as ClosedRange<UInt64> {
            try store.absorb([ann.sighting(number)], position: [1])
            marks += try store.dirtyDays().map(\.mark)
            _ = try store.publish(ann.publication(number, [], covering: try store.dirtyDays()))
        }

        #expect(marks.count == 4)
        #expect(Set(marks).count == 4)
    }

    @Test func aPublicationReplacesTheOneBefore() throws {
        var ann = ann
        let (old, kept, new) = (ann.bucket([1]), ann.bucket([2], at: yesterday), ann.bucket([1, 3]))
        let store = try open()
        let first = ann.publication(1, [old, kept])
        #expect(try store.publish(first).added == [old, kept])

        let whole = ann.publication(2, [new, kept])
        let second = Publication(head: whole.head, manifest: whole.manifest, history: whole.history, newBuckets: [new])
        let change = try store.publish(second)

        #expect(change.added == [new])
        #expect(change.removed == [old.entry.root])
        let state = try open().load().state
        #expect(state.own == OwnState(head: second.head, manifest: second.manifest, history: second.history))
        #expect(state.adopted.isEmpty)
        #expect(state.staged.isEmpty)
        #expect(try store.bucket(of: ann.origin, root: kept.entry.root) == kept.bytes)
    }

    @Test func ownSightingsEndWithTheirRetention() throws {
        let store = try open()
        try store.absorb([ann.sighting(1)], position: [1])
        let day = try #require(try store.dirtyDays().first)

        _ = try store.expire(before: Operator.today.advanced(by: 90))
        #expect(try store.ownRecords(of: day).count == 1)
        _ = try store.expire(before: Operator.today.advanced(by: 91))
        #expect(try store.ownRecords(of: day).isEmpty)
    }

    /// What is built of records must be allowed in a bucket, or the node would stop.
    @Test(arguments: ["key = x'0102'", "key = 'texttext'", "value = 7", "key = zeroblob(8)", "value = zeroblob(3)"])
    func aDamagedRecordIsLeftOut(change: String) throws {
        let store = try open()
        try store.absorb([ann.sighting(1), ann.sighting(2)], position: [1])
        try edit("UPDATE own_record SET \(change) WHERE key = x'0000000000000002'")

        #expect(try store.dirtyDays().map(store.ownRecords) == [[ann.sighting(1).record]])
    }

    @Test func aShardKeyIsDrawnOnce() throws {
        var random = SeededGenerator(seed: 1)
        let first = try open().descriptor(of: .sessionSimHash1, using: &random)
        let second = try open().descriptor(of: .sessionSimHash1, using: &random)
        let other = try open().descriptor(of: .smtpTarget1, using: &random)

        #expect(first != nil)
        #expect(first == second)
        #expect(other?.shardKey != first?.shardKey)
    }

    @Test func everyStartHasAHigherNumber() throws {
        let numbers = try (0..<4).map { _ in try open().nextIncarnation() }

        #expect(numbers == numbers.sorted())
        #expect(Set(numbers).count == 4)
    }

    @Test func settingsSurviveARestart() throws {
        #expect(try open().settings() == nil)
        let settings = NodeSettings(
            displayName: "Ann", bindAddress: "127.0.0.1", tcpPort: 1, udpPort: 2, advertised: ["127.0.0.1:1"], meshRoot: "ab",
            seeds: [.init(address: "127.0.0.1:3", key: "cd")], outboxDirectory: "out")

        try open().save(settings)

        #expect(try open().settings() == settings)
    }
}
