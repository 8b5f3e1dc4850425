import Foundation
import LocalCluster
import NodeRuntime
import Primitives
import Testing

@Suite(.serialized) struct KillTests {
    /// What `hearsay collect` has acknowledged is everywhere in the end, whichever node is killed when.
    @Test(arguments: [1, 2] as [UInt64]) func aKilledNodeLosesNothingAndRejoins(seed: UInt64) async throws {
        try await Harness.run(nodes: 3) { harness in
            var random = SeededGenerator(seed: seed)
            for index in 0..<3 { try harness.useLabPolicy(index) }
            let origins = try (0..<3).map { try harness.origin($0) }
            var acknowledged: [UInt64] = [0, 0, 0]

            for round in 0..<6 {
                let (publisher, victim) = (Int(random.number(below: 3)), Int(random.number(below: 3)))
                let log = harness.root + "/round-\(round).log"
                let lines = (0..<40).map { MailLog.line(second: $0, source: "192.0.2.\($0 + 1)", recipient: "x@round-\(round)-\($0)-\(publisher).com") }
                try Data(lines.joined().utf8).write(to: URL(fileURLWithPath: log))

                // Killed before, while or after the node takes what was collected: as many looks later as the dice say.
                let looks = Int(random.number(below: 12))
                let home = harness.home(publisher)
                let collecting = Task.detached { try Harness.hearsay(["collect", log, "--home", home]).status }
                for _ in 0..<looks { _ = harness.cluster.status() }
                harness.cluster.kill(victim)
                #expect(try await collecting.value == 0, "seed \(seed) round \(round)")
                acknowledged[publisher] += 40
                try await harness.cluster.start(victim)
            }

            let expected = acknowledged
            let isEverywhere = try await harness.cluster.wait(within: .seconds(60)) { statuses in
                (0..<3).allSatisfy { holder in
                    (0..<3).allSatisfy { publisher in
                        holder == publisher
                            ? statuses[holder]?.sightings == expected[publisher]
                            : Harness.sightings(of: origins[publisher], in: statuses[holder]) == expected[publisher]
                    }
                }
            }
            #expect(isEverywhere, "seed \(seed): \(expected) acknowledged")
        }
    }
}
