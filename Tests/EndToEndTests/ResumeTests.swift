import Foundation
import Ledger
import LocalCluster
import NodeRuntime
import Outbox
import Primitives
import Testing
import WireFormat

/// A follower that is killed in the middle of much goes on where it was (`Protocol/replication.md` §4.2).
@Suite(.serialized) struct ResumeTests {
    private static let dayCount = 24
    private static let sightingsPerDay = 50_000

    @Test func aKilledFollowerIsSentAgainAtMostWhatWasUnderWay() async throws {
        try await Harness.run(nodes: 2) { harness in
            let origin = try harness.origin(0)
            let expected = UInt64(Self.dayCount * Self.sightingsPerDay)
            harness.cluster.kill(1)
            try OutboxWriter(directory: harness.cluster.members[0].outboxDirectory).append(sightings())
            #expect(try await harness.cluster.wait(within: .seconds(120)) { $0[0]?.sightings == expected })

            harness.cluster.nodeArguments = ["--capture", "{home}/first"]
            try await harness.cluster.start(1)
            let first = harness.home(1) + "/first"
            let end = ContinuousClock.now + .seconds(60)
            while try fileByteCount(first) < 2 * Limits.bucketByteCount, ContinuousClock.now < end {}
            harness.cluster.kill(1)

            harness.cluster.nodeArguments = ["--capture", "{home}/second"]
            try await harness.cluster.start(1)
            #expect(try await harness.cluster.wait(within: .seconds(120)) { Harness.sightings(of: origin, in: $0[1]) == expected })

            let before = try buckets(in: first)
            let after = try buckets(in: harness.home(1) + "/second")
            #expect(!before.isEmpty && !after.isEmpty, "killed too early or too late: \(before.count) buckets before, \(after.count) after")
            #expect(Set(after).count == after.count, "a bucket came twice in one run")
            let again = Set(before).intersection(after)
            print("\(before.count) buckets before the kill, \(after.count) after, \(again.count) of them again")
            #expect(again.reduce(0) { $0 + $1.count } <= Limits.bucketByteCount, "more than was under way")
        }
    }

    private func sightings() throws -> [Sighting] {
        try (0..<Self.dayCount).flatMap { day in
            try (0..<Self.sightingsPerDay).map { number in
                let code = UInt64(day * Self.sightingsPerDay + number + 1) &* 0x9E37_79B9_7F4A_7C15
                let day = Recent.day.advanced(by: -day)
                return .sessionSimHash(try #require(SessionSimHashSighting(day: day, simHash: code, sessions: 1, strength: 10)))
            }
        }
    }

    private func fileByteCount(_ path: String) throws -> Int {
        (try? FileManager.default.attributesOfItem(atPath: path)[.size] as? NSNumber)?.intValue ?? 0
    }

    /// The bodies of the bucket answers that a node has received: `length u32 | direction u8 | kind u8 | frame` each; a kill may have cut the last.
    private func buckets(in path: String) throws -> [[UInt8]] {
        let data = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
        var reader = WireReader(data)
        var found: [[UInt8]] = []
        while let length = try? reader.integer(UInt32.self), let item = try? reader.bytes(Int(length)) {
            let (received, frame) = (TapByte.received, TapByte.frame)
            guard item.count > 2, item[0] == received, item[1] == frame else { continue }
            var frameReader = WireReader(Array(item[2...]))
            guard (try? frameReader.integer(UInt32.self)) != nil, let type = try? frameReader.integer(UInt16.self), type == FrameType.bucket.rawValue,
                (try? frameReader.bytes(6)) != nil
            else { continue }
            found.append((try? frameReader.bytes(frameReader.remaining)) ?? [])
        }
        return found
    }

    private enum TapByte { static let received: UInt8 = 2, frame: UInt8 = 1 }
}
