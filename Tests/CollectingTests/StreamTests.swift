import Foundation
import GRDB
import Keystrokes
import Ledger
import Primitives
import Testing

@testable import Collecting

/// Both streams of codes, side by side.
@Suite struct StreamTests {
    /// A recording of somebody who types so many keys, echoed or with nothing printed.
    static func recording(_ sid: String, keys: Int, isEchoed: Bool = true, seed: UInt64 = 7) -> SourceItem {
        var random = SeededGenerator(seed: seed)
        var builder = RecordingBuilder()
        var time = 0.0
        let letters = Array("the quick brown fox jumps over the lazy dog ".utf8)
        for place in 0..<keys {
            time += 0.08 + Double(random.next() % 120) / 1_000
            let key: [UInt8] = place % 44 == 43 ? [13] : [letters[place % 44]]
            builder.add(time: time, kind: .input, data: key)
            if isEchoed { builder.add(time: time + 0.002, kind: .output, data: key) }
        }
        let (profile, fingerprint) = builder.finish(recordedDuration: nil)
        return .session(
            SourceSession(
                sid: sid, profile: profile, simHash: profile.digraphSimHash, fingerprint: fingerprint, typedKeyCount: profile.typedKeyCount,
                distinctDigraphCount: profile.distinctDigraphCount, digraphSampleCount: profile.digraphSampleCount, startedAt: Fixture.noon))
    }

    private static func policy(_ versions: Set<Int>) -> Policy {
        var policy = Fixture.open
        policy.sessionSimHash.versions = versions
        return policy
    }

    private func codes(_ scratch: CollectorScratch) throws -> [SessionCode] {
        try scratch.database.read("read codes") { try Row.fetchAll($0, sql: "SELECT * FROM session_code ORDER BY sid, schema_version").map { SessionCode($0) } }
    }

    @Test func aRecordingHasBothCodesAndARowOnlyItsOwn() throws {
        let scratch = try CollectorScratch()
        let count = try scratch.take([Self.recording("recorded", keys: 400), Fixture.session("row")])
        #expect(count.newSessions == 2)
        let kept = try codes(scratch)
        #expect(kept.map(\.version) == [1, 2, 1])
        #expect(kept.allSatisfy { ($0.code ?? 0) != 0 })
        #expect(kept[1].lengthClass == 1 && (150..<400).contains(kept[1].keptPairs ?? 0))

        let outcome = try scratch.release(Self.policy([1, 2]), at: Fixture.noon)
        #expect(outcome.rejections == [.noRecording: 1])
        let left = try scratch.outbox()
        #expect(left.map(\.stream).sorted() == [.sessionSimHash1, .sessionSimHash1, .sessionSimHash2])
        let second = try #require(left.first { $0.stream == .sessionSimHash2 })
        #expect(second.record.key == ProfilesDatabase.bytes(of: kept[1].code ?? 0) && second.record.value == [0, 1, 1])
    }

    /// The default once sharing is switched on.
    @Test func onlyVersion2LeavesUnlessVersion1IsAskedFor() throws {
        let scratch = try CollectorScratch()
        _ = try scratch.take([Self.recording("recorded", keys: 400), Fixture.session("row")])
        var policy = Policy()
        policy.sessionSimHash.isShared = true
        policy.delay = .zero ... .zero
        #expect(try scratch.release(policy, at: Fixture.noon).released == 1)
        #expect(try scratch.outbox().map(\.stream) == [.sessionSimHash2])

        policy.sessionSimHash.versions = [1]
        #expect(try scratch.release(policy, at: Fixture.noon).released == 2)
        #expect(try scratch.outbox().map(\.stream) == [.sessionSimHash2, .sessionSimHash1, .sessionSimHash1])
    }

    @Test func whyThereIsNoCodeOfVersion2IsCounted() throws {
        let scratch = try CollectorScratch()
        _ = try scratch.take([
            Self.recording("silent", keys: 400, isEchoed: false), Self.recording("shorter than a code", keys: 30),
            Self.recording("of class 0", keys: 120), Fixture.session("row"),
        ])
        let outcome = try scratch.release(Self.policy([2]), at: Fixture.noon)
        #expect(outcome.rejections == [.noOutput: 1, .tooFewPairs: 1, .tooLowClass: 1, .noRecording: 1])
        #expect(outcome.released == 0)
        // Kept all the same: the operator's own questions may use it.
        #expect(try codes(scratch).contains { $0.lengthClass == 0 && $0.code != nil })
        #expect(try scratch.release(Policy(), at: Fixture.noon).rejections == [.sessionsNotShared: 4], "once for each session")
    }

    @Test func aRecordingThatWasReadAgainReplacesBothCodes() throws {
        let scratch = try CollectorScratch()
        _ = try scratch.take([Self.recording("grows", keys: 200)])
        let before = try codes(scratch)
        #expect(try scratch.take([Self.recording("grows", keys: 200)]).changedSessions == 0)
        #expect(try codes(scratch) == before)
        #expect(try scratch.take([Self.recording("grows", keys: 700)]).changedSessions == 1)
        let after = try codes(scratch)
        #expect(after.count == 2 && after[1].lengthClass == 2 && before[1].lengthClass == 1)
        // A database's row of the same session tells less, and replaces nothing.
        #expect(try scratch.take([Fixture.session("grows")]).changedSessions == 0)
        #expect(try codes(scratch) == after)
    }

    @Test func aRetractedCodeIsTakenBackFromBothStreams() throws {
        let scratch = try CollectorScratch()
        _ = try scratch.take([Self.recording("recorded", keys: 400)])
        _ = try scratch.release(Self.policy([1, 2]), at: Fixture.noon)
        let released = try scratch.outbox().map { SightingChange.stated($0) }
        let today = Timestamp(milliseconds: UInt64(Fixture.noon)).day
        let retractor = Retractor(database: scratch.database, today: today)
        for code in try codes(scratch) {
            #expect(try retractor.note(.simHash(try #require(code.code)), released: released, at: Fixture.noon).simHashes == 1, "version \(code.version)")
        }
        #expect(try scratch.release(Self.policy([1, 2]), at: Fixture.noon).rejections == [.retracted: 2])
    }

    /// One from before there were codes by schema_version, opened twice.
    @Test func anOlderDatabaseGetsItsCodesAndItsSourcesAreReadOnceMore() throws {
        let scratch = try CollectorScratch()
        _ = try scratch.take([Self.recording("recorded", keys: 400), Fixture.session("row")])
        let whole = try codes(scratch)
        let file = scratch.root + "/one.cast"
        try "{}".write(toFile: file, atomically: true, encoding: .utf8)
        let state = try #require(FileState(file))
        try scratch.database.finished(state)
        try scratch.database.write("make older") { try $0.execute(sql: "DROP TABLE session_code") }

        let upgraded = try ProfilesDatabase(directory: scratch.profilesDirectory)
        #expect(try codes(scratch) == whole.filter { $0.version == 1 })
        #expect(try !upgraded.isUnchanged(state), "its recording is read again")
        _ = try scratch.take([Self.recording("recorded", keys: 400)])
        #expect(try codes(scratch) == whole)

        try upgraded.finished(state)
        let again = try ProfilesDatabase(directory: scratch.profilesDirectory)
        #expect(try again.isUnchanged(state), "only once")
        #expect(try codes(scratch) == whole)
    }

    @Test func thePolicyFileSaysWhichVersionsLeave() throws {
        let scratch = try CollectorScratch()
        func read(_ text: String) throws -> Policy {
            let path = scratch.root + "/policy.toml"
            try text.write(toFile: path, atomically: true, encoding: .utf8)
            return try Policy(reading: path)
        }
        #expect(try read("[session_simhash]\nshare = true\n").sessionSimHash.versions == [2])
        #expect(try read("[session_simhash]\nschema_versions = [1, 2]\nminimum_class = 3\n").sessionSimHash.minimumClass == 3)
        for policy in [Policy(), .lab, Self.policy([1])] { #expect(try read(policy.fileText) == policy) }
        for text in ["schema_versions = [3]", "schema_versions = 2", "minimum_class = 0", "minimum_class = 4"] {
            #expect(throws: PolicyError.self, "\(text)") { try read("[session_simhash]\n" + text + "\n") }
        }
    }
}
