import Foundation
import Testing

@testable import Collecting

/// Files that grow, overlap, lead astray or are no files.
@Suite struct SourcesGrowthTests {
    private static let shard = "formats/decnet/artifacts/canary-decky-01/ssh/transcripts/sessions-2026-04-20.jsonl"

    /// However few sessions may be open at a time, each gets the profile it gets alone.
    @Test(arguments: [1, 2, 3])
    func sessionsThatOverlapBeyondTheLimitWaitAndLoseNothing(limit: Int) throws {
        let expected = try Samples.expected()
        let facts = try DecnetLogReader(path: Samples.path("formats/decnet/decnet.log")).sessionFacts { _ in }
        var reader = ShardReader(path: Samples.path(Self.shard), facts: facts)
        reader.openLimit = limit
        var sessions: [SourceSession] = []

        try reader.read { if case .session(let session) = $0 { sessions.append(session) } }

        #expect(sessions.count == 3 && Set(sessions.map(\.sid)).count == 3)
        for session in sessions { try expectProfile(of: session, toBe: try #require(expected[session.sid]?["profile"]?.object), session.sid) }
    }

    @Test func anEventIsGivenOnceHoweverTheLogGrows() throws {
        let folder = try ScratchFolder()
        let whole = try Samples.bytes("formats/decnet/decnet.log")
        let atOnce = try Collected(Samples.path("formats/decnet/decnet.log")).targets.map(\.domain)
        let firstLine = try #require(whole.firstIndex(of: 0x0A))

        var domains: [String] = []
        var earlier: Collected?
        for cut in stride(from: firstLine + 1, through: whole.count, by: 97) + [whole.count] {
            let path = try folder.write(whole[..<cut], to: "decnet.log")
            let collected = try Collected(path, after: earlier)
            domains += collected.targets.map(\.domain)
            earlier = collected.positions.isEmpty ? earlier : collected
        }

        #expect(domains == atOnce && domains.count == 6)
    }

    @Test func positionsComeBetweenEventsSoThatNoTransactionIsLong() throws {
        let folder = try ScratchFolder()
        let line = #"<134>1 2026-04-20T02:00:03+00:00 mail smtp - rcpt_to [relay@55555 src="192.0.2.11" value="<a@v.example.com>"]"# + "\n"
        let path = try folder.write(String(repeating: line, count: 1_000), to: "decnet.log")
        var open = 0
        var longest = 0

        try DecnetLogReader(path: path).readTargets(from: 0, fileKey: "key") { item in
            if item.mayEndTransaction { open = 0 } else { open += 1 }
            longest = max(longest, open)
        }

        #expect(open == 0 && longest == DecnetLogReader.eventsPerPosition)
    }

    @Test func aRenamedLogGoesOnAndANewOneBegins() throws {
        let folder = try ScratchFolder()
        func line(_ second: Int) -> String {
            "<134>1 2026-04-20T02:00:0\(second)+00:00 mail smtp - rcpt_to [relay@55555 src=\"192.0.2.11\" value=\"<a@v\(second).example.com>\"]\n"
        }
        let first = try Collected(try folder.write(line(1), to: "decnet.log"))
        try folder.write(line(1) + line(2), to: "decnet.log.1")
        try folder.write(line(3), to: "decnet.log")

        let second = try Collected(folder.path, after: first)

        #expect(first.targets.map(\.domain) == ["v1.example.com"])
        #expect(Set(second.targets.map(\.domain)) == ["v2.example.com", "v3.example.com"])
    }

    @Test func whatIsUnchangedIsNotReadAgain() throws {
        let first = try Collected(Samples.formats)
        let second = try Collected(Samples.formats, after: first)

        #expect(first.finished.count == 6 && first.sessions.count == 9)
        #expect(second.sessions.isEmpty && second.targets.isEmpty)
    }

    /// The recorder writes to the log only when a session ends: its shard may have been read by then.
    @Test func aShardIsReadAgainWhenTheLogTellsOfItsSessions() throws {
        let folder = try ScratchFolder()
        try folder.write(try Samples.bytes(Self.shard), to: "decky/ssh/transcripts/sessions-2026-04-20.jsonl")
        let early = try Collected(folder.path)
        try folder.write(try Samples.bytes("formats/decnet/decnet.log"), to: "decnet.log")

        let late = try Collected(folder.path, after: early)

        #expect(early.sessions.count == 3 && early.sessions.values.allSatisfy { $0.attackerIP == nil && $0.service == "ssh" && $0.startedAt != nil })
        #expect(late.sessions.count == 3 && late.sessions.values.allSatisfy { $0.attackerIP != nil })
    }

    @Test func progressEndsAtTheSizeOfAllFiles() throws {
        let collected = try Collected(Samples.formats)

        let progress = try #require(collected.lastProgress)
        #expect(progress.doneByteCount == progress.totalByteCount && progress.totalByteCount > 40_000)
    }

    @Test(arguments: ["", "hello\n", "{\"version\":1}\n", "{\"version\":9}\n[0,\"i\",\"a\"]\n", "SQLite format 4\u{0}", "\u{0}\u{1}\u{2}"])
    func whatIsNotKnownIsNamedAsSuch(content: String) throws {
        let folder = try ScratchFolder()
        let path = try folder.write(content, to: "decnet.db")

        #expect(throws: SourceError.unrecognised(path: path)) { try SourceSet([path]) }
        #expect(throws: SourceError.nothingFound(path: folder.path)) { try SourceSet([folder.path]) }
        #expect(throws: SourceError.self) { try SourceSet([path + ".gone"]) }
    }

    /// Kinds are told by content: the names here all lie.
    @Test func aFileIsKnownByWhatItHolds() throws {
        let folder = try ScratchFolder()
        let files: [(String, SourceSet.Kind)] = [
            (try folder.write(try Samples.bytes(Self.shard), to: "a"), .decnetShard),
            (try folder.write(try Samples.bytes("formats/decnet/decnet.log"), to: "b.db"), .decnetLog),
            (try folder.write(try Samples.bytes("formats/cowrie/cowrie.json"), to: "c.cast"), .cowrieLog),
            (try folder.write(try Samples.bytes("formats/asciicast/sample.v3.cast"), to: "d.json"), .asciicast),
            (try folder.write("broken first line\n" + String(decoding: try Samples.bytes("formats/cowrie/cowrie.json"), as: UTF8.self), to: "e"), .cowrieLog),
        ]

        for (path, kind) in files { #expect(try SourceSet.kind(of: path) == kind) }
    }

    @Test func nothingOutsideTheGivenFolderIsReadThroughNamesOrLinks() throws {
        let outside = try ScratchFolder()
        let folder = try ScratchFolder()
        let name = "e10c41a7f80df752e76e2642a3fd520924fa9150ebfec632ea22b2d3e9ec9da6"
        let recording = try outside.write(try Samples.bytes("formats/cowrie/tty/" + name), to: name)
        try outside.write(try Samples.bytes(Self.shard), to: "sessions-2026-04-20.jsonl")
        try FileManager.default.createDirectory(atPath: folder.path + "/tty", withIntermediateDirectories: true)
        try FileManager.default.createSymbolicLink(atPath: folder.path + "/tty/linked", withDestinationPath: recording)
        try FileManager.default.createSymbolicLink(atPath: folder.path + "/more", withDestinationPath: outside.path)
        try FileManager.default.createSymbolicLink(atPath: folder.path + "/x.jsonl", withDestinationPath: outside.path + "/sessions-2026-04-20.jsonl")
        let names = ["linked", recording, "../../\(outside.path)/\(name)", "..", "", ".", "tty/../linked", "a\\u0000b"]
        let lines = names.enumerated().map { #"{"eventid":"cowrie.log.closed","session":"s\#($0.offset)","ttylog":"\#($0.element)"}"# }
        try folder.write(lines.joined(separator: "\n") + "\n", to: "cowrie.json")

        let collected = try Collected(folder.path)

        #expect(collected.sessions.isEmpty)
        #expect(collected.problems.count == names.count)
    }

    @Test func aPipeIsRefusedAndNotWaitedFor() throws {
        let folder = try ScratchFolder()
        let path = folder.path + "/decnet.log"
        #expect(mkfifo(path, 0o600) == 0)

        #expect(throws: SourceError.unreadable(path: path, reason: "not a plain file")) { try SourceSet([path]) }
    }

    @Test func aLineBeyondTheLimitIsPassedOverAndTheNextIsRead() throws {
        let folder = try ScratchFolder()
        let long = "{\"sid\":\"long\",\"t\":0,\"ch\":\"i\",\"d\":\"" + String(repeating: "a", count: LineReader.lineLimit + 300_000) + "\"}\n"
        let short = "{\"sid\":\"short\",\"t\":0,\"ch\":\"i\",\"d\":\"a\"}\n"

        let collected = try Collected(try folder.write(short + long + short, to: "x.jsonl"))

        #expect(Set(collected.sessions.keys) == ["short"] && collected.sessions["short"]?.profile?.totalKeystrokes == 2)
        #expect(collected.problems.map(\.offset) == [Int64(short.utf8.count)])
    }

    @Test(arguments: ["../x", ".hidden", "a/b", "", String(repeating: "a", count: 65), "a b", "ü", "a\\u0000"])
    func aSessionIdIsPlainOrRefused(sid: String) throws {
        let folder = try ScratchFolder()

        let collected = try Collected(try folder.write("{\"sid\":\"\(sid)\",\"t\":0,\"ch\":\"i\",\"d\":\"a\"}\n", to: "x.jsonl"))

        #expect(collected.sessions.isEmpty && collected.problems.map(\.reason) == ["no valid session id"])
    }

    @Test func aRecordWithoutDataDoesNotTakeTheOneBefore() throws {
        let folder = try ScratchFolder()
        let lines = #"{"sid":"a","t":0,"ch":"i","d":"x"}"# + "\n" + #"{"sid":"a","t":1,"ch":"i"}"# + "\n"

        let collected = try Collected(try folder.write(lines, to: "x.jsonl"))

        #expect(collected.sessions["a"]?.profile?.totalKeystrokes == 1)
    }

    @Test func valuesInALogMayHoldBracketsAndQuotes() throws {
        let line = #"<134>1 2026-04-20T02:00:10Z h app - m [id a="x\]y" b="q\"\\" c=""]"#

        let record = try #require(SyslogRecord(Array(line.utf8)[...]))

        #expect(record.text("a") == "x]y" && record.text("b") == #"q"\"# && record.text("c") == "")
        for length in 0..<line.utf8.count - 1 { #expect(SyslogRecord(Array(line.utf8.prefix(length))[...])?.parameters == nil, "\(length)") }
    }
}
