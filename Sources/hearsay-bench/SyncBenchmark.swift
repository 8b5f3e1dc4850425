import Foundation
import Ledger
import LocalCluster
import NodeRuntime
import Outbox
import Primitives
import Storage

/// How long the sightings of one operator take to be verified and stored at another: `hearsay-bench sync [N]`, a million if nothing is said.
///
/// Two real nodes on loopback; needs the `hearsay` program beside this one, and `git` for the comparison: the same bytes as one file per bucket, cloned from `file://`.
enum SyncBenchmark {
    static let standardCount = 1_000_000
    static let dayCount = 20
    static let rounds = 5
    static let patience: Duration = .seconds(120)

    static func run() async {
        let count = CommandLine.arguments.compactMap { Int($0) }.first ?? standardCount
        await ScratchCluster.run("sync \(count)") { cluster, folder in try await measure(&cluster, count: count, root: folder) }
    }

    private static func measure(_ cluster: inout LocalCluster, count: Int, root: String) async throws {
        try await cluster.up(count: 2)
        guard let origin = cluster.status(of: 0)?.operator else { return print("sync \(count): the first node does not answer") }
        cluster.kill(1)
        let pristine = NodeDirectory(path: root + "/pristine")
        try cluster.members[1].nodeDirectory.copyFiles(to: pristine.path)
        try OutboxWriter(directory: cluster.members[0].outboxDirectory).append(sightings(count))
        guard try await wait(until: { cluster.status(of: 0)?.sightings == UInt64(count) }) != nil else {
            return print("sync \(count): the origin does not publish")
        }

        var times: [Duration] = []
        var wireByteCount: UInt64 = 0
        for _ in 0..<rounds {
            // The second node begins with nothing of the first each time.
            try FileManager.default.removeItem(atPath: cluster.members[1].nodeDirectory.path)
            try pristine.copyFiles(to: cluster.members[1].nodeDirectory.path)
            try await cluster.start(1)
            guard try await wait(until: { cluster.status(of: 1)?.origins.contains { $0.operator == origin && $0.sightings == UInt64(count) } ?? false }) != nil,
                let status = cluster.status(of: 1), let followed = status.origins.first(where: { $0.operator == origin })?.followed_in_ms
            else { return print("sync \(count): the second node has not followed in time") }
            times.append(.microseconds(Int(followed * 1_000)))
            wireByteCount = status.peers.reduce(0) { $0 + ($1.received_bytes ?? 0) + ($1.sent_bytes ?? 0) }
            cluster.kill(1)
        }
        times.sort()
        let clone = try GitClone(of: sightings(count), scratch: root)
        let buckets = (count: clone.fileCount, byteCount: clone.byteCount)
        let median = times[times.count / 2]
        print(
            "sync \(count): \(buckets.count) buckets, \(buckets.byteCount) bytes; from hearing of the head to verified and stored: "
                + "median \(milliseconds(median)) ms, best \(milliseconds(times[0])) ms of \(rounds)")
        print(
            "sync \(count): \(wireByteCount) bytes on the wire, both ways, handshake and all: \(ratio(Double(wireByteCount) / Double(max(1, buckets.byteCount))))x the buckets"
        )
        guard GitClone.isHere else { return print("sync \(count): git is not here to compare with") }
        let cloned = try (0..<rounds).map { try clone.time($0) }.sorted()
        print(
            "sync \(count): git clone of as many bytes in the same form: median \(milliseconds(cloned[cloned.count / 2])) ms, best \(milliseconds(cloned[0])) ms; "
                + "hearsay takes \(ratio(median / cloned[cloned.count / 2])) of it")
    }

    /// Sightings of the days before today, drawn from a seed.
    private static func sightings(_ count: Int) -> [Sighting] {
        var random = SeededGenerator(seed: 7)
        let today = SystemClock.timestamp.day
        var sightings: [Sighting] = []
        sightings.reserveCapacity(count)
        while sightings.count < count {
            let day = today.advanced(by: -1 - sightings.count % dayCount)
            if let sighting = SessionSimHashSighting(day: day, simHash: random.next(), sessions: 1, strength: 9) { sightings.append(.sessionSimHash(sighting)) }
        }
        return sightings
    }

    private static func wait(until condition: () -> Bool) async throws -> Duration? {
        let begin = ContinuousClock.now
        while !condition() {
            guard ContinuousClock.now - begin < patience else { return nil }
            try await Task.sleep(for: .milliseconds(20))
        }
        return ContinuousClock.now - begin
    }

    private static func milliseconds(_ duration: Duration) -> Int { Int(duration / .milliseconds(1)) }
    private static func ratio(_ value: Double) -> String { String(format: "%.3f", value) }
}
