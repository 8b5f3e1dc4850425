import Foundation
import Ledger
import Primitives
import Testing

@testable import Outbox

@Suite struct OutboxTests {
    private let folder = NSTemporaryDirectory() + "hearsay-outbox-\(UUID().uuidString)"
    private var file: String { folder + "/outbox.log" }

    private func sightings(_ count: Int) throws -> [Sighting] {
        try (1...count).map { number in
            let day = Day(number: 20_000)
            if number % 2 == 0 {
                return .smtpTarget(SmtpTargetSighting(day: day, domain: try #require(DomainName(Array("d\(number).example".utf8))), count: 7, attackers: 2))
            }
            return .sessionSimHash(try #require(SessionSimHashSighting(day: day, simHash: UInt64(number), sessions: 1, strength: 9)))
        }
    }

    private func written(_ sightings: [Sighting]) throws -> [UInt8] {
        try OutboxWriter(directory: folder).append(sightings)
        return Array(try Data(contentsOf: URL(fileURLWithPath: file)))
    }

    @Test func whatIsAppendedIsReadInOrderAndOnce() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let all = try sightings(7)
        _ = try written(all)
        let reader = OutboxReader(directory: folder)
        let first = try reader.read(after: nil, limit: 3)
        let rest = try reader.read(after: first.position, limit: 100)
        #expect(first.sightings + rest.sightings == all)
        let none = try reader.read(after: rest.position, limit: 100)
        #expect(none.sightings.isEmpty && none.position == rest.position)
    }

    @Test func aFileCutAtAnyByteGivesTheWholeEntriesAndGoesOnFromThere() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let all = try sightings(4)
        let whole = try written(all)
        var ends: [Int] = [OutboxFile.headerByteCount]
        for sighting in all { ends.append(ends.last! + OutboxFile.entry(of: sighting).count) }
        #expect(ends.last == whole.count, "every byte belongs to the header or to an entry")
        for cut in 0..<whole.count {
            try Data(whole[..<cut]).write(to: URL(fileURLWithPath: file))
            let kept = ends.dropFirst().filter { $0 <= cut }.count
            let before = try OutboxReader(directory: folder).read(after: nil, limit: 100)
            #expect(before.sightings == Array(all.prefix(kept)), "cut at \(cut)")
            let extra = try sightings(1)
            try OutboxWriter(directory: folder).append(extra)
            let after = try OutboxReader(directory: folder).read(after: before.position, limit: 100)
            #expect(after.sightings == extra, "cut at \(cut)")
        }
    }

    @Test func aFlippedBitNeverGivesASightingThatWasNotWritten() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let all = try sightings(3)
        let whole = try written(all)
        for place in OutboxFile.headerByteCount..<whole.count {
            var bytes = whole
            bytes[place] ^= 0x10
            try Data(bytes).write(to: URL(fileURLWithPath: file))
            do {
                let read = try OutboxReader(directory: folder).read(after: nil, limit: 100).sightings
                #expect(read.count < all.count && read == Array(all.prefix(read.count)), "byte \(place)")
            } catch {
                guard case .damaged = error else {
                    Issue.record("byte \(place): \(error)")
                    continue
                }
            }
        }
    }

    @Test func anotherFileIsReadFromItsBeginning() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let all = try sightings(3)
        _ = try written(all)
        let old = try OutboxReader(directory: folder).read(after: nil, limit: 100).position
        try FileManager.default.removeItem(atPath: file)
        _ = try written(all)
        #expect(try OutboxReader(directory: folder).read(after: old, limit: 100).sightings == all)
    }

    @Test func aPositionBeyondTheEndReadsFromTheBeginning() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let all = try sightings(3)
        let whole = try written(all)
        let old = try OutboxReader(directory: folder).read(after: nil, limit: 100).position
        try Data(whole[..<(whole.count - 1)]).write(to: URL(fileURLWithPath: file))
        #expect(try OutboxReader(directory: folder).read(after: old, limit: 100).sightings == Array(all.prefix(2)))
    }

    @Test func aSecondWriterIsRefusedAndTheModesKeepOthersOut() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let writer = try OutboxWriter(directory: folder)
        #expect(throws: OutboxError.inUse(path: folder)) { try OutboxWriter(directory: folder) }
        func mode(_ path: String) throws -> Int? { (try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? NSNumber)?.intValue }
        #expect(try mode(file).map { $0 & 0o137 } == 0, "nobody but the owner writes, others do not read")
        #expect(try mode(folder).map { $0 & 0o027 } == 0)
        withExtendedLifetime(writer) {}
    }

    @Test func aStrangersFileIsLeftAlone() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let bytes = Data(repeating: 0x41, count: 200)
        try bytes.write(to: URL(fileURLWithPath: file))
        #expect(throws: OutboxError.notAnOutbox(path: file)) { try OutboxWriter(directory: folder) }
        #expect(throws: OutboxError.notAnOutbox(path: file)) { try OutboxReader(directory: folder).read(after: nil, limit: 1) }
        #expect(try Data(contentsOf: URL(fileURLWithPath: file)) == bytes)
    }

    @Test func everyPrefixOfAPositionIsRefused() throws {
        let position = try #require(OutboxPosition(fileID: Array(1...16), offset: 77))
        #expect(OutboxPosition(bytes: position.bytes) == position)
        for count in 0..<position.bytes.count { #expect(OutboxPosition(bytes: Array(position.bytes.prefix(count))) == nil) }
        #expect(OutboxPosition(bytes: position.bytes + [0]) == nil)
    }
}
