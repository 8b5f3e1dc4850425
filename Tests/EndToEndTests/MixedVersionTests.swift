import Foundation
import NodeRuntime
import Testing

@Suite(.serialized) struct MixedVersionTests {
    /// The publisher's sightings of version 2 reach the last node through one that cannot search them; upgraded, and alone in the world, it answers
    /// from what it holds.
    @Test func aNodeOfVersion1RelaysVersion2AndSearchesItOnceUpgraded() async throws {
        try await Harness.run(nodes: 3, arguments: ["--searchable", "1.1,2.1"]) { harness in
            let (publisher, relay, last) = (0, 1, 2)
            try harness.useLabPolicy(publisher)
            let samples = try harness.makeSamples()
            let origin = try harness.origin(publisher)
            let profile = try harness.hearsay("profile", samples + "/operator-3/session.cast", "--json").text
            let columns = try JSONSerialization.jsonObject(with: Data(profile.utf8)) as? [String: Any]
            let code = try #require((columns?["fingerprint"] as? [String: Any])?["code"] as? String)

            harness.cluster.kill(last)
            #expect(try harness.hearsay("collect", samples + "/operator-3/session.cast", "--home", harness.home(publisher)).status == 0)
            #expect(try await harness.cluster.wait(within: .seconds(30)) { Harness.sightings(of: origin, in: $0[relay]) == 2 })
            harness.cluster.kill(publisher)
            try await harness.cluster.start(last)
            let isRelayed = try await harness.cluster.wait(within: .seconds(60)) { Harness.sightings(of: origin, in: $0[last]) == 2 }
            #expect(isRelayed, "by one that cannot search it")
            let older = try harness.hearsay("query", "simhash", code, "--home", harness.home(last))
            #expect(older.status == 1 && older.errors.contains("cannot search them") && older.errors.contains("hint: upgrade"))

            harness.cluster.kill(relay)
            harness.cluster.kill(last)
            harness.cluster.nodeArguments = []
            try await harness.cluster.start(last)
            let upgraded = try harness.hearsay("query", "simhash", code, "--class", "1", "--home", harness.home(last))
            #expect(upgraded.status == 0 && upgraded.text.contains("seen by 1 operator: 1 session"), "\(upgraded.text)\(upgraded.errors)")
            #expect(upgraded.text.contains("+15"))
        }
    }
}
