import Foundation
import Testing

@testable import Collecting

@Suite struct SourcesSampleTests {
    @Test func everySampleGivesTheExpectedProfile() throws {
        let expected = try Samples.expected()

        let collected = try Collected(Samples.formats + "/decnet", Samples.formats + "/cowrie")

        let names = expected.keys.filter { expected[$0]?["profile"] != nil && !$0.hasPrefix("asciicast") }
        #expect(names.count == 7 && Set(collected.sessions.keys) == Set(names))
        #expect(collected.sessionCount == names.count, "each session is given once")
        for name in names {
            let session = try #require(collected.sessions[name])
            let facts = try #require(expected[name])
            try expectProfile(of: session, toBe: try #require(facts["profile"] as? [String: Any]), name)
            #expect(session.attackerIP == facts["src_ip"] as? String)
            #expect(session.service == (facts["service"] ?? facts["protocol"]) as? String)
            #expect(session.isTruncated == (facts["truncated"] as? Bool ?? false), "\(name)")
        }
        #expect(collected.sessions["c0ffee000001"]?.startedAt == 1_776_643_200_100)
    }

    @Test(arguments: ["v2", "v3"])
    func bothVersionsOfACastGiveTheExpectedProfile(version: String) throws {
        let profile = try #require(try Samples.expected()["asciicast-\(version)"]?["profile"] as? [String: Any])

        let collected = try Collected(Samples.formats + "/asciicast/sample.\(version).cast")

        #expect(collected.problems.isEmpty && collected.sessions.count == 1)
        try expectProfile(of: try #require(collected.sessions.first?.value), toBe: profile, version)
    }

    @Test func mailEventsGiveTheirDomainsByAttacker() throws {
        let collected = try Collected(Samples.formats + "/decnet/decnet.log")

        let expected = try #require(try Samples.expected()["smtp"])
        var domains: [String: Set<String>] = [:]
        for target in collected.targets { domains[target.attackerIP ?? "", default: []].insert(target.domain) }
        for (address, list) in expected {
            // DECNET's extraction knows no international names; ours does.
            let ours = domains[address]?.filter { !$0.contains("xn--") }
            #expect(ours == Set(try #require(list as? [String])), "\(address)")
        }
        #expect(domains["203.0.113.19"]?.contains("xn--bcher-kva.example.com") == true)
        #expect(collected.targets.count == 6, "one message to two mailboxes of a domain counts once")
        #expect(collected.targets.allSatisfy { $0.counting == .event && $0.firstSeen == $0.lastSeen })
        #expect(!collected.targets.contains { $0.domain.hasPrefix("victim009") || $0.domain.contains("sender") || $0.domain.contains("ehlo") })
    }

    /// Cowrie deletes the second recording of the same input: the first one's timing is not the second attacker's.
    @Test func aDuplicateOfASessionGetsNoProfile() throws {
        let collected = try Collected(Samples.formats + "/cowrie")

        #expect(collected.sessions["c0ffee000004"] == nil)
        #expect(collected.problems.contains { $0.reason.contains("c0ffee000004") })
    }

    @Test func twoSessionsThatNameOneRecordingAreNotBothGivenIt() throws {
        let folder = try ScratchFolder()
        let name = "e10c41a7f80df752e76e2642a3fd520924fa9150ebfec632ea22b2d3e9ec9da6"
        try folder.write(try Samples.bytes("formats/cowrie/tty/" + name), to: "tty/" + name)
        let lines = ["one", "two"].map { #"{"eventid":"cowrie.log.closed","session":"\#($0)","ttylog":"x/\#(name)"}"# }
        try folder.write(lines.joined(separator: "\n") + "\n", to: "cowrie.json")

        let collected = try Collected(folder.path + "/cowrie.json")

        #expect(Set(collected.sessions.keys) == ["one"])
        #expect(collected.problems.count == 1)
    }

    /// Durations were a float, a text and milliseconds; times end in an offset unless the host is in UTC.
    @Test(arguments: [#""duration":12.5"#, #""duration":"12.5""#, #""duration_ms":12500"#])
    func everyVersionOfCowriesLogIsRead(duration: String) throws {
        let folder = try ScratchFolder()
        let name = "e10c41a7f80df752e76e2642a3fd520924fa9150ebfec632ea22b2d3e9ec9da6"
        try folder.write(try Samples.bytes("formats/cowrie/tty/" + name), to: "tty/" + name)
        try folder.write(
            """
            {"eventid":"cowrie.session.connect","session":"a1","src_ip":"192.0.2.9","protocol":"ssh","timestamp":"2026-04-20T02:30:00.250000+0230"}
            {"eventid":"cowrie.log.closed","session":"a1","ttylog":"var/lib/cowrie/tty/\(name)",\(duration),"timestamp":"2026-04-20T02:30:09+0230"}
            {"eventid":"cowrie.session.closed","session":"a1",\(duration),"timestamp":"2026-04-20T02:30:10+0230"}

            """, to: "cowrie.json")

        let collected = try Collected(folder.path)

        #expect(collected.problems.isEmpty)
        #expect(collected.sessions["a1"]?.startedAt == 1_776_643_200_250)
        #expect(collected.sessions["a1"]?.attackerIP == "192.0.2.9")
    }

    @Test func aTornRecordingCountsUpToWhereItIsCutAndACommandIsNoKeystroke() throws {
        let folder = try ScratchFolder()
        for name in ["torn-sample", "exec-sample"] { try folder.write(try Samples.bytes("formats/cowrie/tty/" + name), to: "tty/" + name) }
        let lines = ["torn-sample", "exec-sample"].map { #"{"eventid":"cowrie.log.closed","session":"\#($0)","ttylog":"\#($0)"}"# }
        try folder.write(lines.joined(separator: "\n"), to: "cowrie.json")

        let collected = try Collected(folder.path)

        #expect(collected.sessions["torn-sample"]?.isTruncated == true)
        #expect((collected.sessions["torn-sample"]?.profile?.totalKeystrokes ?? 0) > 0)
        #expect(collected.sessions["exec-sample"]?.profile?.totalKeystrokes == 0)
        #expect(collected.problems.count == 1 && collected.problems[0].offset != nil && collected.problems[0].file.hasSuffix("torn-sample"))
    }

    @Test func aCastWithoutInputIsReportedAndIsNoDamage() throws {
        let folder = try ScratchFolder()
        try folder.write("{\"version\":2,\"width\":80,\"height\":24,\"duration\":null}\n[0.5,\"o\",\"hello\"]\n", to: "quiet.cast")

        let collected = try Collected(folder.path)

        #expect(collected.sessions.isEmpty && collected.finished.count == 1)
        #expect(collected.problems.map(\.reason) == ["the recording holds no input events; record with input switched on"])
    }

    @Test func castsWithoutATimeAreToldApartByAllTheyHold() throws {
        let folder = try ScratchFolder()
        for key in ["a", "b"] {
            try folder.write("{\"version\":2,\"width\":80,\"height\":24}\n[0.1,\"o\",\"$ \"]\n[1.0,\"i\",\"\(key)\"]\n", to: "\(key).cast")
        }

        let collected = try Collected(folder.path)

        #expect(collected.sessions.count == 2)
    }
}
