import Foundation
import Ledger
import LocalCluster
import NodeRuntime
import Primitives
import Replication
import Storage

/// How long a node that holds much takes from the start of its process to its first answer: `hearsay-bench start [N]`, ten million sightings if nothing
/// is said.
///
/// They lie in its database as if it had followed another operator: bucket by bucket, 60 days of them, each checked. Needs the `hearsay` program beside
/// this one.
enum StartBenchmark {
    static let standardCount = 10_000_000
    static let dayCount = 60
    static let rounds = 5

    static func run() async {
        let count = CommandLine.arguments.compactMap { Int($0) }.first ?? standardCount
        await ScratchCluster.run("start \(count)") { cluster, _ in try await measure(&cluster, count: count) }
    }

    private static func measure(_ cluster: inout LocalCluster, count: Int) async throws {
        try await cluster.up(count: 2)
        try await cluster.waitUntilConverged(within: .seconds(60))
        cluster.kill(0)
        cluster.kill(1)
        guard let code = try fill(cluster.members[1].nodeDirectory, from: cluster.members[0].nodeDirectory, count: count) else {
            return print("start \(count): the first node has no generation, or the second does not follow it")
        }
        let clock = ContinuousClock()
        var times: [Duration] = []
        for _ in 0..<rounds {
            var answer = ""
            times.append(
                try await clock.measure {
                    try await cluster.start(1)
                    let request = TypistRequest([.init(code: code)], schemaVersion: 1)
                    if case .document(let text) = try ControlClient.ask(.typist(request), socket: cluster.members[1].nodeDirectory.controlSocketPath) {
                        answer = text
                    }
                })
            guard answer.contains(code) else { return print("start \(count): the answer does not name the code that was asked about: \(answer.prefix(200))") }
            cluster.kill(1)
        }
        times.sort()
        print("start \(count): from the process to the first answer: median \(text(times[times.count / 2])), best \(text(times[0])) of \(rounds)")
    }

    /// Makes one node's replica of the other's operator hold so many sightings; gives a code among them.
    private static func fill(_ follower: NodeDirectory, from origin: NodeDirectory, count: Int) throws -> String? {
        let store = try MeshStore(path: follower.databasePath)
        let (state, _) = try store.load()
        guard let key = try origin.generationKey(isCertified: { _ in false }), let adopted = state.adopted.values.first(where: { $0.head.key == key.verifyingKey }),
            let descriptor = StreamDescriptor.standard(for: .sessionSimHash1, shardKey: Array(0..<16))
        else { return nil }
        let today = SystemClock.timestamp.day
        var random = SeededGenerator(seed: 1)
        var entries: [BucketEntry] = []
        var first: UInt64?
        for number in 1...dayCount {
            let day = today.advanced(by: -number)
            let codes = Set((0..<count / dayCount).map { _ in max(1, random.next()) }).sorted()
            first = first ?? codes.first
            let records = codes.compactMap { SessionSimHashSighting(day: day, simHash: $0, sessions: 1, strength: 8).map { Sighting.sessionSimHash($0).record } }
            let buckets = Bucket.buckets(of: records, at: day, descriptor: descriptor, using: &random)
            try store.stage(buckets.map { (adopted.head.body.origin, $0) })
            entries += buckets.map(\.entry)
        }
        let manifest = Manifest(descriptors: [descriptor], entries: entries.sorted())
        let last = adopted.head.body
        guard
            let head = Head(
                origin: last.origin, position: HeadPosition(generation: last.position.generation, sequence: last.position.sequence + 1),
                issuedAt: SystemClock.timestamp, lifetimeSeconds: 86_400, manifestRoot: manifest.root, entryCount: UInt32(manifest.entries.count),
                sightingCount: manifest.sightingCount, dataByteCount: manifest.dataByteCount, historyRoot: last.historyRoot)
        else { return nil }
        _ = try store.adopt(Signed<Head>.make(head, with: key), manifest, today: today)
        return first.map { String(repeating: "0", count: max(0, 16 - String($0, radix: 16).count)) + String($0, radix: 16) }
    }

    private static func text(_ duration: Duration) -> String { "\(Int(duration / .milliseconds(1))) ms" }
}
