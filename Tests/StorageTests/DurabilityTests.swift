import Foundation
import GRDB
import Ledger
import NodeCore
import Primitives
import Testing

@testable import Storage

@Suite struct DurabilityTests {
    let folder = ScratchFolder()

    private func open() throws -> MeshStore { try MeshStore(path: folder.path("mesh.db")) }

    /// A head that is sent and then unmade by a power cut is an equivocation with the next one.
    @Test func everyTransactionIsSyncedAndDeletedBytesAreOverwritten() throws {
        let store = try open()

        let (synchronous, secure, journal) = try store.pool.writeWithoutTransaction { database in
            (
                try Int.fetchOne(database, sql: "PRAGMA synchronous"), try Int.fetchOne(database, sql: "PRAGMA secure_delete"),
                try String.fetchOne(database, sql: "PRAGMA journal_mode")
            )
        }

        #expect(synchronous == 2)  // FULL
        #expect(secure == 1)
        #expect(journal == "wal")
    }

    @Test func noFileOfADatabaseIsOpenToOthers() throws {
        let store = try open()
        try store.absorb([Operator(seed: 1).sighting(1)], position: [1])

        for name in try folder.names() { #expect(try folder.mode(of: name) == 0o600, "\(name)") }
        #expect(try folder.names().contains("mesh.db-wal"))
    }

    @Test func aFileOfALaterVersionIsRefusedAndLeftAsItIs() throws {
        try open().save(NodeSettings(displayName: "Ann", bindAddress: "::", tcpPort: 1, udpPort: 1, advertised: []))
        try DatabaseQueue(path: folder.path("mesh.db")).write { try $0.execute(sql: "PRAGMA user_version = 99") }

        let error = #expect(throws: StoreError.self) { try open() }

        guard case .newer(folder.path("mesh.db"), 99) = error else { return #expect(Bool(false), "\(String(describing: error))") }
        try DatabaseQueue(path: folder.path("mesh.db")).write { try $0.execute(sql: "PRAGMA user_version = \(MeshStore.formatVersion)") }
        #expect(try open().settings()?.displayName == "Ann")
    }

    @Test(arguments: [100, 5_000]) func aFileThatIsNoDatabaseIsRefused(byteCount: Int) throws {
        try folder.write([UInt8](repeating: 0x5A, count: byteCount), to: "mesh.db", mode: 0o600)

        #expect(throws: StoreError.self) { try open() }
    }

    /// `kill -9` after any transaction: the files as they lie there hold exactly what was said to be done.
    @Test func afterEveryTransactionTheFilesHoldIt() throws {
        let store = try open()

        for (number, step) in steps().enumerated() {
            try step(store)
            let expected = try Picture(store)
            let copy = try copyFiles(to: "after-\(number)")
            #expect(try Picture(MeshStore(path: copy)) == expected, "step \(number)")
        }
    }

    /// A power cut that leaves any part of the log: what is found is one of the states that were, never a mixture.
    @Test(arguments: [1, 2] as [UInt64]) func aTornLogLeavesOneOfTheStatesThatWere(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let store = try open()
        try store.compactLog()
        var states = [try Picture(store)]
        for step in steps().prefix(6) {  // Later ones empty the log.
            try step(store)
            states.append(try Picture(store))
        }
        let log = try [UInt8](Data(contentsOf: URL(fileURLWithPath: folder.path("mesh.db-wal"))))
        #expect(log.count > 20_000)

        var found = Set<Int>()
        for number in 0..<60 {
            let length = Int.random(in: 0...log.count, using: &random)
            let copy = try copyFiles(to: "torn-\(number)")
            try folder.write(Array(log.prefix(length)), to: "torn-\(number)/mesh.db-wal", mode: 0o600)
            let index = states.firstIndex(of: try Picture(MeshStore(path: copy)))
            #expect(index != nil, "seed \(seed), \(length) of \(log.count) bytes")
            if let index { found.insert(index) }
            try FileManager.default.removeItem(atPath: folder.path("torn-\(number)"))
        }
        #expect(found.count >= 4, "seed \(seed): the cuts were not spread over the states")
    }

    /// The day is rebuilt after a crash between taking sightings and publishing them; nothing is asked for twice, nothing is lost.
    @Test func aCrashBetweenAbsorbingAndPublishingLosesNothing() throws {
        let ann = Operator(seed: 1)
        let store = try open()
        try store.absorb([ann.sighting(1)], position: [1])
        let copy = try copyFiles(to: "crashed")

        let again = try MeshStore(path: copy)

        #expect(try again.outboxPosition() == [1])
        #expect(try again.dirtyDays().map(again.ownRecords) == [[ann.sighting(1).record]])
    }

    // MARK: Deleted is gone

    private static let secretKey: UInt64 = 0xDEAD_BEEF_0BAD_CAFE

    @Test func aRetractedSightingIsInNoFile() throws {
        var ann = Operator(seed: 1)
        let needle = ann.sighting(Self.secretKey).record.key
        let (old, new) = (ann.bucket([1, Self.secretKey]), ann.bucket([1]))
        let store = try open()
        try store.stage(old, of: ann.origin)
        _ = try store.adopt(ann.head(1, ann.manifest([old])), ann.manifest([old]), today: Operator.today)
        #expect(try !folder.files(containing: needle).isEmpty)
        try store.stage(new, of: ann.origin)

        _ = try store.adopt(ann.head(2, ann.manifest([new])), ann.manifest([new]), today: Operator.today)

        #expect(try folder.files(containing: needle) == [])
    }

    @Test func anExpiredSightingIsInNoFileWhetherOursOrTheirs() throws {
        var (ann, ben) = (Operator(seed: 1), Operator(seed: 2))
        let needle = ann.sighting(Self.secretKey).record.key
        let store = try open()
        try store.absorb([ann.sighting(Self.secretKey)], position: [1])
        _ = try store.publish(ann.publication(1, [ann.bucket([Self.secretKey])], covering: try store.dirtyDays()))
        try store.stage(ben.bucket([Self.secretKey]), of: ben.origin)  // Staged only: expires all the same.

        _ = try store.expire(before: Operator.today.advanced(by: 91))

        #expect(try folder.files(containing: needle) == [])
    }

    @Test func ownRecordsAloneLeaveTheLogToo() throws {
        let ann = Operator(seed: 1)
        let store = try open()
        try store.absorb([ann.sighting(Self.secretKey)], position: [1])

        #expect(try store.expire(before: Operator.today.advanced(by: 91)).isEmpty)

        #expect(try folder.files(containing: ann.sighting(Self.secretKey).record.key) == [])
    }

    /// A reader in another process keeps the log: the deletion stands, and the log is emptied with the next one.
    @Test func aReaderDelaysEmptyingTheLogButNotTheDeletion() throws {
        let ann = Operator(seed: 1)
        let needle = ann.sighting(Self.secretKey).record.key
        let store = try open()
        let other = try open()
        try store.absorb([ann.sighting(Self.secretKey)], position: [1])

        try other.pool.read { database in
            _ = try Int.fetchOne(database, sql: "SELECT count(*) FROM own_record")
            _ = try store.expire(before: Operator.today.advanced(by: 91))
            #expect(try store.compactLog() == false)
        }
        #expect(try !folder.files(containing: needle).isEmpty)
        _ = try store.expire(before: Operator.today.advanced(by: 91))

        #expect(try folder.files(containing: needle) == [])
    }

    // MARK: -

    /// One of everything that a node does to its disk, each one transaction; deletions come last.
    private func steps() -> [(MeshStore) throws -> Void] {
        var (ann, ben) = (Operator(seed: 1), Operator(seed: 2))
        let (first, second) = (ben.bucket([1, 2]), ben.bucket([3]))
        let own = ann.bucket([5])
        let signer = (ann, ben)
        return [
            { try $0.keep([signer.0.membership(of: signer.1), signer.0.peerRecord(incarnation: 1)]) },
            { try $0.stage(first, of: signer.1.origin) },
            { _ = try $0.adopt(signer.1.head(1, signer.1.manifest([first])), signer.1.manifest([first]), today: Operator.today) },
            { try $0.absorb([signer.0.sighting(5)], position: [1]) },
            { try $0.addInvite(InviteID(bytes: Array(0..<16))!, secret: Array(0..<32), notAfter: Operator.later, label: "", at: Operator.now) },
            { try $0.save(NodeSettings(displayName: "Ann", bindAddress: "::", tcpPort: 1, udpPort: 1, advertised: [])) },
            { _ = try $0.redeem(InviteID(bytes: Array(0..<16))!, by: signer.1.origin, at: Operator.now) },
            { _ = try $0.publish(signer.0.publication(1, [own], covering: try $0.dirtyDays())) },
            { try $0.stage(second, of: signer.1.origin) },
            { _ = try $0.adopt(signer.1.head(2, signer.1.manifest([second])), signer.1.manifest([second]), today: Operator.today) },
            { _ = try $0.expire(before: Operator.today.advanced(by: 91)) },
        ]
    }

    /// The database and its log as they lie on the disk, without the shared memory, which a crash does not leave.
    private func copyFiles(to name: String) throws -> String {
        try FileManager.default.createDirectory(atPath: folder.path(name), withIntermediateDirectories: true)
        for file in ["mesh.db", "mesh.db-wal"] {
            try FileManager.default.copyItem(atPath: folder.path(file), toPath: folder.path(name) + "/" + file)
        }
        return folder.path(name) + "/mesh.db"
    }
}
