import Foundation
import Ledger
import LocalCluster
import NodeRuntime
import Outbox
import Primitives

/// How fast news spreads between real nodes on loopback: `hearsay-bench mesh [N] [--loss SHARE]`, 20 nodes if nothing is said, of whose datagrams this share is
/// lost. Serf's agents are measured in the same way afterwards where `serf` is installed (`Scripts/bench-serf.py`).
///
/// Needs the `hearsay` program beside this one. All nodes share this machine's cores, so that figures of large meshes say more about
/// those than about the protocol. One node is asked until it has seen what it is asked for, then the next: asking costs time too.
enum MeshBenchmark {
    static let standardCount = 20
    static let headCount = 12
    static let burstCount = 200
    static let patience: Duration = .seconds(60)

    static func run() async {
        let count = CommandLine.arguments.compactMap { Int($0) }.first ?? standardCount
        let loss = CommandLine.arguments.firstIndex(of: "--loss").flatMap { CommandLine.arguments.dropFirst($0 + 1).first }
        await ScratchCluster.run("mesh \(count)") { cluster, _ in
            if let loss {
                print("mesh \(count): \(loss) of all datagrams are lost")
                cluster.nodeArguments = ["--loss", loss]
            }
            try await measure(&cluster, count: count)
        }
        if loss == nil { measureSerf(count: count) }
    }

    /// Prints what serf's agents do; nothing where it is not installed.
    private static func measureSerf(count: Int) {
        guard let script = ProcessInfo.processInfo.environment["HEARSAY_SERF_SCRIPT"] else { return }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [ProcessInfo.processInfo.environment["HEARSAY_PYTHON"] ?? "python3", script, "\(count)"]
        do {
            try process.run()
            process.waitUntilExit()
        } catch { print("serf \(count): \(error)") }
    }

    private static func measure(_ cluster: inout LocalCluster, count: Int) async throws {
        let clock = ContinuousClock()
        let rise = try await clock.measure { try await cluster.up(count: count) }
        let all = try await time(Array(0..<count)) { index in (cluster.holdings(of: index)?.count ?? 0) >= count - 1 }
        print("mesh \(count): made and started in \(rise); all see all \(text(all)) after the last start")

        let origins = (0..<count).map { cluster.status(of: $0)?.operator ?? "" }
        let writers = try cluster.members.map { try OutboxWriter(directory: $0.outboxDirectory) }
        var stated = [UInt64](repeating: 0, count: count)
        func append(at publisher: Int) throws {
            stated[publisher] += 1
            let code = UInt64(publisher + 1) << 32 | stated[publisher]
            let day = SystemClock.timestamp.day.advanced(by: -2)
            guard let sighting = SessionSimHashSighting(day: day, simHash: code, sessions: 1, strength: 10) else { return }
            try writers[publisher].append([.sessionSimHash(sighting)])
        }

        var times: [Duration?] = []
        for round in 0..<headCount {
            let publisher = round * 7 % count
            try append(at: publisher)
            let expected = stated[publisher]
            times.append(
                try await time((0..<count).filter { $0 != publisher }) { cluster.holdings(of: $0)?[origins[publisher]] == expected })
        }
        let seen = times.compactMap { $0 }.sorted()
        print(
            "mesh \(count): a new sighting reaches the last node: median \(text(seen.isEmpty ? nil : seen[seen.count / 2])), max \(text(seen.last)), \(seen.count) of \(times.count) arrived"
        )

        for round in 0..<burstCount { try append(at: round % count) }
        let expected = stated
        let burst = try await time(Array(0..<count)) { holder in
            guard let held = cluster.holdings(of: holder) else { return false }
            return (0..<count).allSatisfy { $0 == holder || held[origins[$0]] == expected[$0] }
        }
        print("mesh \(count): \(burstCount) sightings appended one by one are everywhere \(text(burst)) after the last")

        let victim = count - 1
        cluster.kill(victim)
        let noticed = try await time(Array(0..<victim)) { index in
            cluster.status(of: index).map { status in !status.peers.contains { $0.operator == origins[victim] && $0.connected } } ?? false
        }
        print("mesh \(count): kill -9 is noticed by all \(text(noticed)) after the process is gone")
    }

    /// How long it takes until what is asked holds of each of these nodes; `nil` if that takes too long.
    private static func time(_ nodes: [Int], until condition: (Int) -> Bool) async throws -> Duration? {
        let begin = ContinuousClock.now
        var waiting = nodes
        while true {
            // One after another, for as long as it takes each: what has come stays, so the last to be found is no earlier than the last to have it.
            while let index = waiting.last, condition(index) { waiting.removeLast() }
            let elapsed = ContinuousClock.now - begin
            if waiting.isEmpty { return elapsed }
            guard elapsed < patience else { return nil }
            try await Task.sleep(for: .milliseconds(2))
        }
    }

    private static func text(_ duration: Duration?) -> String { duration.map { "\(Int($0 / .milliseconds(1))) ms" } ?? "never" }
}
