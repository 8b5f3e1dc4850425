import Foundation
import Ledger
import Primitives
import Testing

@testable import Outbox

@Suite struct OutboxRetractionTests {
    private let folder = NSTemporaryDirectory() + "hearsay-outbox-\(UUID().uuidString)"
    private var file: String { folder + "/outbox.log" }
    private let day = Day(number: 20_000)

    private func session(_ number: UInt64) throws -> Sighting {
        .sessionSimHash(try #require(SessionSimHashSighting(day: day, simHash: number, sessions: 1, strength: 9)))
    }

    private func target() throws -> Sighting {
        .smtpTarget(SmtpTargetSighting(day: day, domain: try #require(DomainName(Array("victim.example".utf8))), count: 7, attackers: 2))
    }

    /// Sightings and retractions of both streams, the last a sighting stated again.
    private func changes() throws -> [SightingChange] {
        let (session, target) = (try session(5), try target())
        return [.stated(session), .stated(target), .retracted(session.name), .retracted(target.name), .stated(session)]
    }

    private func bytes() throws -> [UInt8] { Array(try Data(contentsOf: URL(fileURLWithPath: file))) }

    @Test func whatIsRetractedIsReadInItsPlace() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let changes = try changes()
        try OutboxWriter(directory: folder).append(Array(changes.prefix(2)))
        let first = try OutboxReader(directory: folder).read(after: nil, limit: 100)
        try OutboxWriter(directory: folder).append(Array(changes.dropFirst(2)))
        let rest = try OutboxReader(directory: folder).read(after: first.position, limit: 100)
        #expect(first.changes == Array(changes.prefix(2)))
        #expect(rest.changes == Array(changes.dropFirst(2)), "the version has risen under a reader, and its position still holds")
        #expect(try OutboxReader(directory: folder).read(after: nil, limit: 100).changes == changes)
    }

    @Test func theVersionRisesWithTheFirstRetractionAndNotBefore() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let writer = try OutboxWriter(directory: folder)
        try writer.append([try session(5)])
        let old = try bytes()
        #expect(old[8...9] == [0, 1], "what an older node reads")
        try writer.append([.retracted(try session(5).name)])
        let new = try bytes()
        #expect(new[8...9] == [0, 2], "what an older node refuses")
        #expect(new[10..<old.count] == old[10...], "the file id and what stood there are untouched")
    }

    @Test func aRetractionInAFileOfVersionOneIsDamage() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try OutboxWriter(directory: folder).append(try changes())
        var bytes = try bytes()
        bytes[9] = 1
        try Data(bytes).write(to: URL(fileURLWithPath: file))
        let offset = OutboxFile.headerByteCount + (try changes().prefix(2).reduce(0) { $0 + OutboxFile.entry(of: $1).count })
        #expect(throws: OutboxError.damaged(path: file, offset: UInt64(offset))) { try OutboxReader(directory: folder).read(after: nil, limit: 100) }
    }

    @Test func aLaterVersionIsRefusedByBothEnds() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try OutboxWriter(directory: folder).append(try changes())
        for version in [0, 3, 0xFF] as [UInt8] {
            var bytes = try bytes()
            bytes[9] = version
            try Data(bytes).write(to: URL(fileURLWithPath: file))
            #expect(throws: OutboxError.notAnOutbox(path: file)) { try OutboxReader(directory: folder).read(after: nil, limit: 1) }
            #expect(throws: OutboxError.notAnOutbox(path: file)) { try OutboxWriter(directory: folder) }
        }
    }

    @Test func aFileCutAtAnyByteGivesTheWholeEntries() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let all = try changes()
        try OutboxWriter(directory: folder).append(all)
        let whole = try bytes()
        var ends = [OutboxFile.headerByteCount]
        for change in all { ends.append(ends[ends.count - 1] + OutboxFile.entry(of: change).count) }
        #expect(ends.last == whole.count)
        for cut in OutboxFile.headerByteCount..<whole.count {
            try Data(whole[..<cut]).write(to: URL(fileURLWithPath: file))
            let kept = ends.dropFirst().filter { $0 <= cut }.count
            #expect(try OutboxReader(directory: folder).read(after: nil, limit: 100).changes == Array(all.prefix(kept)), "cut at \(cut)")
        }
    }

    @Test func aFlippedBitNeverGivesAChangeThatWasNotWritten() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let all = try changes()
        try OutboxWriter(directory: folder).append(all)
        let whole = try bytes()
        for place in OutboxFile.headerByteCount..<whole.count {
            for bit in [0x01, 0x10, 0x80] as [UInt8] {
                var bytes = whole
                bytes[place] ^= bit
                try Data(bytes).write(to: URL(fileURLWithPath: file))
                do {
                    let read = try OutboxReader(directory: folder).read(after: nil, limit: 100).changes
                    #expect(read.count < all.count && read == Array(all.prefix(read.count)), "byte \(place), bit \(bit)")
                } catch let error as OutboxError {
                    if case .damaged = error { continue }
                    Issue.record("byte \(place), bit \(bit): \(error)")
                }
            }
        }
    }

    @Test func onlyANameThatASightingCanHaveIsOne() {
        #expect(SightingName(stream: .sessionSimHash1, day: day, key: [0, 0, 0, 0, 0, 0, 0, 1]) != nil)
        #expect(SightingName(stream: .sessionSimHash1, day: day, key: [UInt8](repeating: 0, count: 8)) == nil)
        #expect(SightingName(stream: .sessionSimHash1, day: day, key: [1, 2, 3, 4, 5, 6, 7]) == nil)
        #expect(SightingName(stream: .smtpTarget1, day: day, key: Array("victim.example".utf8)) != nil)
        #expect(SightingName(stream: .smtpTarget1, day: day, key: Array("someone@victim.example".utf8)) == nil)
        #expect(SightingName(stream: StreamID(kind: 900, schemaVersion: 1), day: day, key: [1]) == nil)
    }
}
