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
