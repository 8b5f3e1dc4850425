import Foundation
import LocalCluster
import NodeRuntime
import Outbox
import Primitives
import Testing

@Suite(.serialized) struct RetractTests {
    private static let domain = "withdrawn-victim.com"
    private static let otherDomain = "staying-victim.com"

    private static let one = "--schema-version=1"

    private struct Seen: Decodable { var seen: Bool }
    private struct Asked: Decodable { var sessions_asked: [Seen] }

    /// Whether a node answers that somebody has seen exactly this.
    private static func isSeen(_ harness: Harness, _ index: Int, _ question: String...) throws -> Bool {
        let output = try Harness.hearsay(["query"] + question + ["--json", "--home", harness.home(index)])
        let text = Data(output.text.utf8)
        if let domain = try? JSONDecoder().decode(Seen.self, from: text) { return domain.seen }
        return try JSONDecoder().decode(Asked.self, from: text).sessions_asked.contains(where: \.seen)
    }

    /// The files of a node, or of its whole home, in which these bytes lie.
    private static func files(below path: String, with needles: [[UInt8]]) throws -> [String] {
        try FileManager.default.subpathsOfDirectory(atPath: path).filter { name in
            guard let data = FileHandle(forReadingAtPath: path + "/" + name).flatMap({ try? $0.readToEnd() }) else { return false }
            return needles.contains { data.range(of: Data($0)) != nil }
        }
    }

    private static func confirmations(_ status: StatusDocument?) -> Int { status?.origins.filter { $0.has_retracted == true }.count ?? 0 }

    /// Two domains and two typists at one operator; it takes back one of each, and nobody else has them any more.
    @Test func whatIsTakenBackIsNeitherAnsweredNorKeptByAnybody() async throws {
        try await Harness.run(nodes: 3, arguments: ["--log", "debug"]) { harness in
            for index in 0..<3 { try harness.useLabPolicy(index) }
            let samples = try harness.makeSamples()
            let log = (0..<8).map { number in
                MailLog.line(second: 60 * number, source: "203.0.113.\(number + 1)", recipient: "box@\(number < 4 ? Self.domain : Self.otherDomain)")
            }
            try Data(log.joined().utf8).write(to: URL(fileURLWithPath: samples + "/operator-1/mail.log"))
            let collected = try harness.hearsay("collect", samples + "/operator-1", "--home", harness.home(0))
            #expect(collected.status == 0, "\(collected.errors)")
            let origin = try harness.origin(0)
            // Two sessions with two codes each, the two domains of the samples and the two above.
            #expect(try await harness.cluster.wait(within: .seconds(20)) { $0[1...].allSatisfy { Harness.sightings(of: origin, in: $0) == 8 } })

            let profiles = try harness.hearsay("profile", samples + "/operator-1", "--json").text.split(separator: "\n")
            let codes = try profiles.map { line in
                let columns = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
                return try #require(columns?["kd_digraph_simhash"] as? String)
            }
            let (code, otherCode) = (codes[0], codes[1])
            try #require(Set(codes).count == 2)
            let needles = [Array(Self.domain.utf8), Array(code.utf8), try #require(Hex.decode(code))]
            for index in 0..<3 {
                #expect(try !Self.files(below: harness.home(index) + "/node", with: needles).isEmpty, "the control: it is in the files of node \(index)")
                #expect(try Self.isSeen(harness, index, "domain", Self.domain) && Self.isSeen(harness, index, "simhash", code, Self.one, "--radius", "0"))
            }

            #expect(try harness.hearsay("retract", "--domain", "someone@mx." + Self.domain, "--home", harness.home(0)).status == 0)
            #expect(try harness.hearsay("retract", "--simhash", code, "--home", harness.home(0)).text.contains("1 SimHash and 0 domain sightings"))
            let isConfirmed = try await harness.cluster.wait(within: .seconds(30)) {
                Self.confirmations($0[0]) == 2 && $0[1...].allSatisfy { Harness.sightings(of: origin, in: $0) == 6 }
            }
            #expect(isConfirmed)

            // At once: who confirms has deleted.
            for index in 0..<3 {
                #expect(try Self.files(below: harness.home(index) + (index == 0 ? "/node" : ""), with: needles) == [], "node \(index)")
                #expect(try !Self.isSeen(harness, index, "domain", Self.domain) && !Self.isSeen(harness, index, "simhash", code, Self.one, "--radius", "0"))
                #expect(
                    try Self.isSeen(harness, index, "domain", Self.otherDomain) && Self.isSeen(harness, index, "simhash", otherCode, Self.one, "--radius", "0"))
            }
            #expect(try harness.hearsay("retract", "--status", "--home", harness.home(0)).text.contains("2 of 2 operators have confirmed it"))
            #expect(try harness.hearsay("retract", "--status", "--home", harness.home(1)).text.contains("nothing was retracted"))

            // The same sources again: it stays away.
            let again = try harness.hearsay("collect", samples + "/operator-1", "--home", harness.home(0))
            #expect(again.text.contains("2: retracted by the operator") && again.text.contains("released   0"))
        }
    }

    /// A day may become empty, and an operator publish nothing at all any more.
    @Test func everythingCanBeTakenBackAlsoBesideACollectorAtWork() async throws {
        try await Harness.run(nodes: 2) { harness in
            try harness.useLabPolicy(0)
            let samples = try harness.makeSamples()
            try harness.hearsay("collect", samples + "/operator-1", "--home", harness.home(0))
            let origin = try harness.origin(0)
            #expect(try await harness.cluster.wait(within: .seconds(20)) { Harness.sightings(of: origin, in: $0[1]) == 6 })

            var collectorAtWork: OutboxWriter? = try OutboxWriter(directory: harness.home(0) + "/outbox")
            let noted = try harness.hearsay("retract", "--all", "--home", harness.home(0))
            #expect(noted.status == 0 && noted.errors.contains("the collector that is at work writes it"))
            #expect(try harness.hearsay("retract", "--status", "--home", harness.home(0)).text.contains("has not published a head without"))
            withExtendedLifetime(collectorAtWork) {}
            collectorAtWork = nil
            try harness.hearsay("collect", samples + "/operator-1", "--home", harness.home(0))

            let isGone = try await harness.cluster.wait(within: .seconds(30)) {
                Harness.sightings(of: origin, in: $0[1]) == 0 && Self.confirmations($0[0]) == 1
            }
            #expect(isGone)
            #expect(try harness.hearsay("retract", "--status", "--home", harness.home(0)).text.contains("1 of 1 operators have confirmed it"))
        }
    }

    @Test func theCommandSaysWhatIsWrongAndWhatToDo() throws {
        let nowhere = FileManager.default.temporaryDirectory.appendingPathComponent("hearsay-none-\(UUID().uuidString)").path
        #expect(try Harness.hearsay(["retract", "--home", nowhere]).status == 64)
        #expect(try Harness.hearsay(["retract", "--all", "--day", "2026-01-31", "--home", nowhere]).status == 64)
        for (arguments, words) in [
            (["--simhash", "0000000000000000"], "a SimHash has 16 hex digits"), (["--day", "2026-02-30"], "is no day"),
            (["--domain", "co.uk"], "is no domain"),
            (["--all"], "there is no profiles.db"),
        ] {
            let output = try Harness.hearsay(["retract"] + arguments + ["--home", nowhere])
            #expect(output.status == 1 && output.errors.contains("error: ") && output.errors.contains(words), "\(arguments): \(output.errors)")
        }
        #expect(!FileManager.default.fileExists(atPath: nowhere), "nothing is made by asking")
    }
}
