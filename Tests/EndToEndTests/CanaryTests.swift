import Foundation
import Ledger
import LocalCluster
import NodeRuntime
import Outbox
import Primitives
import Testing

@Suite(.serialized) struct CanaryTests {
    /// Where a leak would show: all that left the collector of the first node, and everything the others have.
    private static func findings(_ scanner: CanaryScanner, _ harness: Harness) throws -> Set<String> {
        var found: Set<String> = []
        for (index, member) in harness.cluster.members.enumerated() {
            // The collector of the node that was fed is the one place where identities belong.
            found.formUnion(try scanner.findings(below: member.home) { index == 0 && $0.contains("/collector/") })
        }
        return found
    }

    /// Thousands of identities in every kind of source at one node; not one of them in a frame, a datagram, the outbox, a node's files or a log.
    @Test(arguments: [11] as [UInt64]) func noIdentityLeavesTheCollector(seed: UInt64) async throws {
        try await Harness.run(nodes: 3, arguments: ["--capture", "{home}/capture.bin", "--log", "debug"]) { harness in
            let sources = try PlantedSources(folder: harness.root + "/planted", seed: seed, count: 400)
            try FileManager.default.createDirectory(atPath: harness.home(0) + "/collector", withIntermediateDirectories: true)
            try Data(
                """
                [session_simhash]
                share = true
                schema_versions = [1, 2]
                minimum_typed_keys = 40
                minimum_digraphs = 20
                trust_unmeasured = true
                [smtp_target]
                share = true
                minimum_attackers = 1
                minimum_count = 1
                [release]
                minimum_delay_hours = 0
                maximum_delay_hours = 0
                """.utf8).write(to: URL(fileURLWithPath: harness.home(0) + "/collector/policy.toml"))

            let collected = try harness.hearsay("collect", sources.folder, "--json", "--home", harness.home(0))
            #expect(collected.status == 0, "\(collected.errors)")
            let published = try JSONSerialization.jsonObject(with: Data(collected.text.utf8)) as? [String: Any]
            let released = try #require(published?["released"] as? Int)
            let count = UInt64(released)
            #expect(count > 400, "seed \(seed): \(collected.text)")
            let origin = try harness.origin(0)
            #expect(try await harness.cluster.wait(within: .seconds(30)) { $0[1...].allSatisfy { Harness.sightings(of: origin, in: $0) == count } })
            // An analyst asks everywhere; questions leave no trace of an identity either.
            for index in 0..<3 { try harness.hearsay("query", "domain", "aimed-at-1.com", "--home", harness.home(index)) }

            #expect(sources.canaries.count > 3_000)
            let scanner = CanaryScanner(sources.canaries)
            #expect(try Self.findings(scanner, harness) == [], "seed \(seed)")
            // The scanner sees: the same identities are where they belong.
            #expect(try scanner.findings(below: harness.home(0) + "/collector").count > 1_000)
        }
    }

    /// The same search with a leak: a session id dressed up as a domain, put into the outbox past the collector. It must be found, in every place.
    @Test func aDeliberateLeakIsCaught() async throws {
        try await Harness.run(nodes: 2, arguments: ["--capture", "{home}/capture.bin"]) { harness in
            let sid = "5e55dead-0000-4c0d-8000-00000000beef"
            let leak = SmtpTargetSighting(day: Recent.day, domain: try #require(DomainName(sid + ".com")), count: 1, attackers: 1)
            try OutboxWriter(directory: harness.home(0) + "/outbox").append([.smtpTarget(leak)])
            let origin = try harness.origin(0)
            #expect(try await harness.cluster.wait(within: .seconds(20)) { Harness.sightings(of: origin, in: $0[1]) == 1 })

            let found = try Self.findings(CanaryScanner([sid]), harness)
            for place in ["/outbox/outbox.log", "/node/mesh.db", "/capture.bin"] {
                #expect(found.contains { $0.contains(place) }, "not found in \(place): \(found)")
            }
        }
    }

    @Test(arguments: ["5e550001-0000-4c0d-8000-000000000001", "203.0.113.107", "2001:db8:1111:2222:3333:4444:5555:6666", "canary.local-part", "hunter2-canary"])
    func everyEncodingIsRecognised(canary: String) {
        let scanner = CanaryScanner([canary])
        var random = SeededGenerator(seed: 3)
        for (encoding, bytes) in CanaryScanner.encodings(of: canary) where bytes.count >= 8 {
            let hay = random.bytes(count: 100) + bytes + random.bytes(count: 100)
            #expect(!scanner.findings(in: hay).isEmpty, "\(encoding)")
        }
        #expect(scanner.findings(in: random.bytes(count: 100_000)).isEmpty)
    }
}
