import Foundation
import Testing

@testable import Collecting

/// Damaged samples never stop a reading, and what was not damaged comes out as before.
@Suite struct SourcesMutationTests {
    private static let log = "formats/decnet/decnet.log"
    private static let shard = "formats/decnet/artifacts/canary-decky-01/ssh/transcripts/sessions-2026-04-20.jsonl"

    private func damage(_ bytes: [UInt8], _ dice: inout SeededDice) -> (bytes: [UInt8], places: Range<Int>) {
        let place = Int.random(in: 0..<bytes.count, using: &dice)
        var damaged = bytes
        switch Int.random(in: 0..<4, using: &dice) {
        case 0:
            return (Array(bytes[..<place]), place..<bytes.count)
        case 1:
            damaged[place] ^= 1 << UInt8.random(in: 0..<8, using: &dice)
            return (damaged, place..<place + 1)
        case 2:
            damaged[place] = UInt8.random(in: 0...255, using: &dice)
            return (damaged, place..<place + 1)
        default:
            let end = min(bytes.count, place + Int.random(in: 1...64, using: &dice))
            for index in place..<end { damaged[index] = UInt8.random(in: 0...255, using: &dice) }
            return (damaged, place..<end)
        }
    }

    /// Which sessions have a line that the damage reaches, or whose neighbour it may have joined to.
    private func touched(_ bytes: [UInt8], _ places: Range<Int>) -> Set<String> {
        var start = 0
        var touched: Set<String> = []
        for line in bytes.split(separator: 0x0A, omittingEmptySubsequences: false) {
            let range = start..<start + line.count + 1
            start = range.upperBound
            if range.overlaps(places.lowerBound - 1..<places.upperBound + 1) { touched.insert(String(decoding: line.dropFirst(8).prefix(36), as: UTF8.self)) }
        }
        return touched
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func sessionsOfADamagedShardThatWereNotTouchedAreTheSame(seed: UInt64) throws {
        var dice = SeededDice(state: seed)
        let folder = try ScratchFolder()
        let bytes = try Samples.bytes(Self.shard)
        let whole = try Collected(try folder.write(bytes, to: "sessions-2026-04-20.jsonl"))
        var comparisonCount = 0

        for round in 0..<150 {
            let (damaged, places) = damage(bytes, &dice)
            let path = try folder.write(damaged, to: "sessions-2026-04-20.jsonl")
            var sessions: [String: SourceSession] = [:]
            try ShardReader(path: path, facts: [:]).read { if case .session(let session) = $0 { sessions[session.sid] = session } }
            for (sid, session) in whole.sessions where !touched(bytes, places).contains(sid) {
                #expect(sessions[sid]?.profile == session.profile, "seed \(seed) round \(round) \(sid)")
                comparisonCount += 1
            }
        }

        #expect(comparisonCount > 100)
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func linesOfADamagedLogThatWereNotTouchedStillCount(seed: UInt64) throws {
        var dice = SeededDice(state: seed)
        let folder = try ScratchFolder()
        let bytes = try Samples.bytes(Self.log)

        for round in 0..<300 {
            let (damaged, _) = damage(bytes, &dice)
            guard damaged.count == bytes.count else { continue }
            let path = try folder.write(damaged, to: "decnet.log")
            var targetCount = 0
            try DecnetLogReader(path: path).readTargets(from: 0, fileKey: "key") { if case .smtpTarget = $0 { targetCount += 1 } }
            // One damage of at most 64 bytes reaches two lines, each of at most two domains.
            #expect(targetCount >= 6 - 3, "seed \(seed) round \(round)")
        }
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func aDamagedCastOrCowrieFileNeverStopsTheReading(seed: UInt64) throws {
        var dice = SeededDice(state: seed)
        let folder = try ScratchFolder()
        let name = "e387872cbf63d16d73788329ae8b385de7a569a749af779139cb8b0d7c706224"
        let (tty, log) = (try Samples.bytes("formats/cowrie/tty/" + name), try Samples.bytes("formats/cowrie/cowrie.json"))
        let casts = [try Samples.bytes("formats/asciicast/sample.v2.cast"), try Samples.bytes("formats/asciicast/sample.v3.cast")]
        for other in ["796fdb17c2d6c057b366a10cb8117d71394cd597f587f6fe86dec356fb24f261", "e10c41a7f80df752e76e2642a3fd520924fa9150ebfec632ea22b2d3e9ec9da6"] {
            try folder.write(try Samples.bytes("formats/cowrie/tty/" + other), to: "tty/" + other)
        }
        let whole = try Collected(Samples.formats + "/cowrie")

        for round in 0..<60 {
            try folder.write(damage(tty, &dice).bytes, to: "tty/" + name)
            try folder.write(log, to: "cowrie.json")
            let torn = try Collected(folder.path + "/cowrie.json")
            for sid in ["c0ffee000002", "c0ffee000003"] { #expect(torn.sessions[sid]?.profile == whole.sessions[sid]?.profile, "seed \(seed) round \(round)") }

            let path = try folder.write(damage(log, &dice).bytes, to: "cowrie.json")
            try CowrieReader(path: path, ttylogFolders: [folder.path + "/tty"]).read { _ in }
            for cast in casts {
                var sessionCount = 0
                try AsciicastReader(path: try folder.write(damage(cast, &dice).bytes, to: "x.cast")).read { if case .session = $0 { sessionCount += 1 } }
                #expect(sessionCount <= 1)
            }
        }
    }

    /// A damaged database may be refused as a whole, or give what can be read of it; it is never the end of the run.
    @Test(arguments: [1, 2, 3] as [UInt64])
    func aDamagedDatabaseNeverStopsTheReading(seed: UInt64) throws {
        var dice = SeededDice(state: seed)
        let folder = try ScratchFolder()
        for name in Samples.databases {
            let bytes = Array(try Data(contentsOf: URL(fileURLWithPath: try Samples.database(name, in: folder))))
            for _ in 0..<25 {
                var damaged = bytes
                for _ in 0..<Int.random(in: 1...20, using: &dice) { damaged = damage(damaged, &dice).bytes.isEmpty ? bytes : damage(damaged, &dice).bytes }
                guard damaged.count > 100 else { continue }
                damaged.replaceSubrange(0..<16, with: bytes[0..<16])
                let collected = try Collected(try folder.write(damaged, to: "damaged.db"), try folder.write(try Samples.bytes(Self.log), to: "decnet.log"))
                #expect(collected.targets.filter { $0.counting == .event }.count == 6, "the file beside it is read: seed \(seed)")
            }
        }
    }

    @Test func everyPrefixOfAnyJSONLineIsRefused() {
        let line = Array(#"{"a":[1,-2.5e3,"x\"é\n",{"b":null}],"c":true,"d":false}"#.utf8)
        func isWhole(_ bytes: ArraySlice<UInt8>) -> Bool {
            do throws(JSONCursor.Malformed) {
                var cursor = JSONCursor(bytes)
                try cursor.skip()
                try cursor.finish()
                return true
            } catch { return false }
        }

        #expect(isWhole(line[...]))
        for length in 0..<line.count { #expect(!isWhole(line[..<length]), "\(length)") }
        #expect(!isWhole(Array(String(repeating: "[", count: 100_000).utf8)[...]), "nesting has a limit")
    }
}
