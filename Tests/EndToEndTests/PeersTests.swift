import Foundation
import LocalCluster
import NodeRuntime
import Primitives
import Testing

@Suite(.serialized) struct PeersTests {
    /// What an operator types to keep away from another, and to take it back.
    @Test func anOperatorIsBlockedAndTakenBack() async throws {
        try await Harness.run(nodes: 3) { harness in
            for index in 0..<3 { try harness.useLabPolicy(index) }
            let log = harness.root + "/mail.log"
            try Data(MailLog.line(second: 1, source: "192.0.2.9", recipient: "x@blocked-example.com").utf8).write(to: URL(fileURLWithPath: log))
            try harness.hearsay("collect", log, "--home", harness.home(2))
            let publisher = try harness.origin(2)
            func holds(_ index: Int, _ count: UInt64) async throws -> Bool {
                try await harness.cluster.wait(within: .seconds(60)) { Harness.sightings(of: publisher, in: $0[index]) == count }
            }
            #expect(try await holds(0, 1))
            #expect(try await holds(1, 1))
            #expect(harness.cluster.holdings(of: 1)?[publisher] == 1)

            let blocked = try harness.hearsay("peers", "block", String(publisher.prefix(16)), "--home", harness.home(0))
            #expect(blocked.status == 0 && blocked.text.contains("blocked: what it has published is deleted here"), "\(blocked.errors)")
            #expect(try await holds(0, 0))
            #expect(harness.cluster.holdings(of: 0).map { $0[publisher] } == .some(nil), "the node answers, and holds nothing of theirs")
            let isApart = try await harness.cluster.wait(within: .seconds(60)) { statuses in
                statuses[0].map { status in status.peers.allSatisfy { $0.operator != publisher || !$0.connected } } ?? false
            }
            let answer = try harness.hearsay("query", "domain", "blocked-example.com", "--json", "--home", harness.home(0)).text
            #expect(isApart && answer.contains("\"seen\":false"))
            #expect(try await holds(1, 1), "others decide for themselves")
            #expect(try harness.hearsay("peers", "--home", harness.home(0)).text.contains("blocked"))

            harness.cluster.kill(0)
            try await harness.cluster.start(0)
            #expect(harness.cluster.status(of: 0)?.origins.first { $0.operator == publisher }?.rule == "blocked", "a block outlives a kill")

            #expect(try harness.hearsay("peers", "unblock", publisher, "--home", harness.home(0)).status == 0)
            #expect(try await holds(0, 1))
            let pinned = try harness.hearsay("peers", "pin", publisher, "--home", harness.home(0))
            #expect(pinned.status == 0 && harness.cluster.status(of: 0)?.origins.first { $0.operator == publisher }?.rule == "pinned")
        }
    }

    @Test func aQuotaHoldsBackWhoHasMoreUntilItIsRaised() async throws {
        try await Harness.run(nodes: 2) { harness in
            try harness.useLabPolicy(1)
            #expect(try harness.hearsay("peers", "quota", "--sightings", "1", "--home", harness.home(0)).text.contains("at most 1 sightings, 2048 MiB"))
            let log = harness.root + "/mail.log"
            let lines = (1...2).map { MailLog.line(second: $0, source: "192.0.2.\($0)", recipient: "x@quota-\($0)-example.com") }
            try Data(lines.joined().utf8).write(to: URL(fileURLWithPath: log))
            try harness.hearsay("collect", log, "--home", harness.home(1))
            let publisher = try harness.origin(1)
            let isHeldBack = try await harness.cluster.wait(within: .seconds(60)) { statuses in
                statuses[0]?.origins.first { $0.operator == publisher }?.held_back == "over quota"
            }
            #expect(isHeldBack)
            #expect(try harness.hearsay("peers", "quota", "--home", harness.home(0)).text.contains("operator \(publisher.prefix(16)) has more"))

            harness.cluster.kill(0)
            try await harness.cluster.start(0)
            let quota = harness.cluster.status(of: 0)?.quota
            #expect(quota?.sightings == 1 && quota?.bytes == 2 << 30, "a quota outlives a kill")

            #expect(try harness.hearsay("peers", "quota", "--sightings", "2", "--home", harness.home(0)).status == 0)
            #expect(try await harness.cluster.wait(within: .seconds(60)) { Harness.sightings(of: publisher, in: $0[0]) == 2 })
            let nothing = try Harness.hearsay(["peers", "quota", "--sightings", "0", "--home", harness.home(0)])
            #expect(nothing.status != 0 && nothing.errors.contains("hearsay peers block"))
        }
    }

    @Test func mistakesAboutPeersAreNamed() async throws {
        try await Harness.run(nodes: 2) { harness in
            let own = try harness.origin(0)
            for (arguments, error) in [
                (["block", own], "that is this operator itself"), (["block", "0011223344"], "names no operator of this mesh"),
                (["pin", "00"], "names no operator of this mesh"), (["unblock", try harness.origin(1)], "is not blocked"),
            ] {
                let output = try Harness.hearsay(["peers"] + arguments + ["--home", harness.home(0)])
                #expect(output.status != 0 && output.errors.contains(error) && output.errors.contains("hint:"), "\(arguments): \(output.errors)")
            }
        }
    }

    @Test func theTreeShowsWhoHasAdmittedWhom() async throws {
        try await Harness.run(nodes: 3) { harness in
            let text = try harness.hearsay("mesh", "tree", "--home", harness.home(1)).text
            let lines = text.split(separator: "\n")

            #expect(lines.count == 4 && lines[0].hasPrefix("mesh "))
            #expect(lines[1].hasPrefix("└─ ") && lines[1].contains("operator-1"))
            #expect(lines.dropFirst(2).allSatisfy { $0.hasPrefix("   ") } && text.contains("(member, this operator)"))
        }
    }
}
