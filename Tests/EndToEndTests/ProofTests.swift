import Foundation
import Storage
import Testing

@Suite(.serialized) struct ProofTests {
    private struct Verified: Decodable {
        struct Operator: Decodable {
            struct Member: Decodable {
                var mesh: String
            }
            struct Sighting: Decodable {
                var day: String
                var domain: String?
                var code: String?
            }
            var `operator`: String
            var member: Member?
            var sightings: [Sighting]
        }
        var verified: Bool
        var operators: [Operator]
    }

    /// An operator's sightings reach another; that one proves them to somebody who has nothing but the file, also after they were taken back.
    @Test func anAnswerIsProvenToAStranger() async throws {
        try await Harness.run(nodes: 2) { harness in
            try harness.useLabPolicy(0)
            let log = harness.root + "/mail.log"
            let lines = (0..<4).map { MailLog.line(second: 60 * $0, source: "203.0.113.\($0 + 1)", recipient: "someone@victim-bank-test.com") }.joined()
            try Data(lines.utf8).write(to: URL(fileURLWithPath: log))
            #expect(try harness.hearsay("collect", log, "--home", harness.home(0)).status == 0)
            let origin = try harness.origin(0)
            let hasCome = try await harness.cluster.wait(within: .seconds(20)) { Harness.sightings(of: origin, in: $0[1]) >= 1 }
            #expect(hasCome)

            let file = harness.root + "/out.bundle"
            let query = try harness.hearsay("query", "domain", "victim-bank-test.com", "--proof", file, "--home", harness.home(1))
            #expect(query.status == 0 && query.errors.contains("retraction cannot reach it"), "\(query.errors)")
            let size = try #require(FileManager.default.contents(atPath: file)).count
            #expect(size <= 1_331, "\(size) bytes")

            let words = try Harness.hearsay(["verify", file])
            #expect(
                words.status == 0 && words.text.contains(origin) && words.text.contains("the domain victim-bank-test.com")
                    && words.text.contains("\(Recent.day)"))
            #expect(words.text.contains("not proven:") && words.text.contains("that it is true") && words.text.contains("taken it back since"))

            let store = try MeshStore(path: NodeDirectory(path: harness.home(1) + "/node").databasePath)
            let root = try #require(try store.settings()?.meshRoot)
            let required = try Harness.hearsay(["verify", file, "--mesh", root, "--operator", origin, "--json"])
            let document = try JSONDecoder().decode(Verified.self, from: Data(required.text.utf8))
            #expect(document.verified && document.operators.map(\.operator) == [origin] && document.operators.first?.member != nil)
            #expect(document.operators.first?.sightings.map(\.domain) == ["victim-bank-test.com"])
            #expect(document.operators.first?.sightings.map(\.day) == ["\(Recent.day)"])

            let otherMesh = try Harness.hearsay(["verify", file, "--mesh", String(repeating: "ab", count: 32)])
            #expect(otherMesh.status == 1 && otherMesh.errors.contains("is a member of another mesh"))
            let otherOperator = try Harness.hearsay(["verify", file, "--operator", try harness.origin(1)])
            #expect(otherOperator.status == 1 && otherOperator.errors.contains("not of"))

            var bytes = Array(try #require(FileManager.default.contents(atPath: file)))
            bytes[bytes.count / 2] ^= 1
            try Data(bytes).write(to: URL(fileURLWithPath: file + ".tampered"))
            let tampered = try Harness.hearsay(["verify", file + ".tampered"])
            #expect(tampered.status == 1 && tampered.errors.contains("proves nothing"), "\(tampered.errors)")
            #expect(try Harness.hearsay(["verify", log]).errors.contains("it is no proof bundle"))

            // What is gone cannot be proven anew, and the old file proves it still.
            #expect(try harness.hearsay("retract", "--domain", "victim-bank-test.com", "--home", harness.home(0)).status == 0)
            let isGone = try await harness.cluster.wait(within: .seconds(20)) { Harness.sightings(of: origin, in: $0[1]) == 0 }
            #expect(isGone)
            let again = try harness.hearsay("query", "domain", "victim-bank-test.com", "--proof", file + ".later", "--home", harness.home(1))
            #expect(again.status == 1 && again.errors.contains("nothing to prove"))
            #expect(try Harness.hearsay(["verify", file]).status == 0)
        }
    }

    @Test func aCodeIsProvenFromTheFilesOfANodeThatIsDown() async throws {
        try await Harness.run(nodes: 2) { harness in
            try harness.useLabPolicy(0)
            let samples = try harness.makeSamples()
            #expect(try harness.hearsay("collect", samples + "/operator-1", "--home", harness.home(0)).status == 0)
            let origin = try harness.origin(0)
            let hasCome = try await harness.cluster.wait(within: .seconds(20)) { Harness.sightings(of: origin, in: $0[1]) >= 4 }
            #expect(hasCome)
            let profile = try harness.hearsay("profile", samples + "/operator-1", "--json").text
            let first = try #require(profile.split(separator: "\n").first)
            let columns = try JSONSerialization.jsonObject(with: Data(first.utf8)) as? [String: Any]
            let code = try #require((columns?["fingerprint"] as? [String: Any])?["code"] as? String)
            let home = harness.home(1)
            try await harness.cluster.down()

            let file = harness.root + "/code.bundle"
            let query = try harness.hearsay("query", "simhash", code, "--class", "1", "--local", "--proof", file, "--home", home)
            #expect(query.status == 0, "\(query.errors)")
            let document = try JSONDecoder().decode(Verified.self, from: Data(try Harness.hearsay(["verify", file, "--json"]).text.utf8))
            #expect(document.operators.first?.operator == origin && document.operators.first?.sightings.contains { $0.code == code } == true)
        }
    }
}
