import Foundation
import Ledger
import LocalCluster
import NodeRuntime
import Outbox
import Primitives
import Storage
import Testing

/// What an operator does when a key is to be replaced, a disk is lost, or a feed ends.
@Suite(.serialized) struct GenerationTests {
    private static func head(of origin: String, in status: StatusDocument?) -> String? { status?.origins.first { $0.operator == origin }?.adopted }

    @Test func aKeyIsRotatedADiskIsLostAndRecoveredAndTheFeedEnds() async throws {
        try await Harness.run(nodes: 3) { harness in
            try harness.useLabPolicy(0)
            let samples = try harness.makeSamples()
            #expect(try harness.hearsay("collect", samples + "/operator-1", "--home", harness.home(0)).status == 0)
            let origin = try harness.origin(0)
            let sees = { (status: StatusDocument?) in Harness.sightings(of: origin, in: status) }
            #expect(try await harness.cluster.wait(within: .seconds(20)) { $0[1...].allSatisfy { sees($0) > 0 } })
            let count = sees(harness.cluster.status(of: 1))

            let rotated = try harness.hearsay("generation", "new", "--reason", "rotation", "--home", harness.home(0))
            #expect(rotated.status == 0 && rotated.text.hasPrefix("generation 2 is open"), "\(rotated.text)\(rotated.errors)")
            #expect(try await harness.cluster.wait(within: .seconds(20)) { $0[1...].allSatisfy { Self.head(of: origin, in: $0)?.hasPrefix("2/") == true } })
            #expect(sees(harness.cluster.status(of: 1)) == count)

            // Everything is lost but the identity key, which was kept elsewhere.
            harness.cluster.kill(0)
            let saved = harness.root + "/saved.key"
            try FileManager.default.copyItem(atPath: harness.home(0) + "/node/identity.key", toPath: saved)
            for part in ["node", "outbox", "collector"] { try FileManager.default.removeItem(atPath: harness.home(0) + "/" + part) }
            let address = "127.0.0.1:\(harness.cluster.members[0].port)"
            let made = try harness.hearsay(
                "init", "--name", "operator-1", "--listen", address, "--advertise", address, "--identity", saved, "--home", harness.home(0))
            #expect(made.status == 0 && made.text.contains(origin), "\(made.errors)")
            let token = try harness.hearsay("invite", "--home", harness.home(1)).text.split(separator: "\n").first { $0.hasPrefix("hearsay1:") }
            let joined = try harness.hearsay("join", String(try #require(token)), "--home", harness.home(0))
            #expect(joined.status == 0, "\(joined.errors)")
            try await harness.cluster.start(0)
            #expect(harness.cluster.status(of: 0)?.signing.hasPrefix("halted") == true, "nothing is signed before the operator says so")

            let recovered = try harness.hearsay("recover", "--home", harness.home(0))
            #expect(recovered.status == 0 && recovered.text.contains("with \(count) sightings"), "\(recovered.text)\(recovered.errors)")
            #expect(try await harness.cluster.wait(within: .seconds(20)) { $0[1...].allSatisfy { Self.head(of: origin, in: $0)?.hasPrefix("3/") == true } })
            #expect(sees(harness.cluster.status(of: 2)) == count)

            let ended = try harness.hearsay("generation", "new", "--reason", "end-of-feed", "--home", harness.home(0))
            #expect(ended.status == 0 && ended.text.contains("the feed has ended"), "\(ended.text)\(ended.errors)")
            #expect(try await harness.cluster.wait(within: .seconds(20)) { $0[1...].allSatisfy { $0?.origins.first { $0.operator == origin }?.ended == true } })
            #expect(sees(harness.cluster.status(of: 2)) == count, "what was published stays")
        }
    }

    /// A database is put back from an old copy: the node notices, signs nothing, and one command mends it.
    @Test func aRestoredBackupIsNoticedAndMended() async throws {
        try await Harness.run(nodes: 3) { harness in
            let origin = try harness.origin(0)
            let node = harness.home(0) + "/node"
            let writer = try OutboxWriter(directory: harness.home(0) + "/outbox")
            func state(_ code: UInt64) throws {
                let sighting = try #require(SessionSimHashSighting(day: Recent.day, simHash: code, sessions: 1, strength: 8))
                try writer.append([.sessionSimHash(sighting)])
            }
            try state(0x1111)
            #expect(try await harness.cluster.wait(within: .seconds(20)) { $0[1...].allSatisfy { Harness.sightings(of: origin, in: $0) == 1 } })
            harness.cluster.kill(0)
            try NodeDirectory(path: node).copyFiles(to: harness.root + "/backup")
            try await harness.cluster.start(0)
            try state(0x2222)
            #expect(try await harness.cluster.wait(within: .seconds(20)) { $0[1...].allSatisfy { Harness.sightings(of: origin, in: $0) == 2 } })

            harness.cluster.kill(0)
            try FileManager.default.removeItem(atPath: node)
            try NodeDirectory(path: harness.root + "/backup").copyFiles(to: node)
            try await harness.cluster.start(0)
            #expect(try await harness.cluster.wait(within: .seconds(20)) { $0[0]?.signing.hasPrefix("halted: others hold our head") == true })
            let status = try harness.hearsay("status", "--home", harness.home(0))
            #expect(status.text.contains("hearsay recover"), "\(status.text)")

            let recovered = try harness.hearsay("recover", "--home", harness.home(0))
            #expect(recovered.status == 0 && recovered.text.contains("with 2 sightings"), "\(recovered.text)\(recovered.errors)")
            try state(0x3333)
            #expect(try await harness.cluster.wait(within: .seconds(20)) { $0[1...].allSatisfy { Harness.sightings(of: origin, in: $0) == 3 } })
            #expect(try harness.hearsay("evidence", "--home", harness.home(1)).text.contains("no operator has been caught"))
        }
    }

    @Test func aReasonThatIsNoneIsRefused() throws {
        let output = try Harness.hearsay(["generation", "new", "--reason", "boredom"])
        #expect(output.status == 64 && output.errors.contains("rotation"))
    }
}
