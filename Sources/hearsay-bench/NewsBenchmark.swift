import Simulation

/// What it costs each node to hear of the heads of 10,000 origins with one a minute: measured among 60 nodes, at a lower rate and at that one, and computed
/// from there (`Protocol/replication.md` §6.1).
enum NewsBenchmark {
    static func run() {
        let (origins, rate) = NewsRun.largeMesh
        for (announces, headsPerSecond) in [(false, 20), (true, 20), (false, rate), (true, rate)] {
            var run = NewsRun()
            run.announces = announces
            run.headsPerSecond = headsPerSecond
            var found: NewsRun.Report?
            let realTime = ContinuousClock().measure { found = run.report() }
            guard let report = found else { continue }
            let types = report.statistics.bytesPerNodePerSecondByType.prefix(8).map { "\($0.name) \(Int($0.bytes))" }.joined(separator: ", ")
            let reading = LogReading(origins: origins, headsPerSecond: rate, neighbours: report.neighbourCount)
            print("news, \(announces ? "announced" : "told whole"): \(run.nodeCount) nodes, \(Int(headsPerSecond)) heads/s for \(run.duration) (\(realTime))")
            print("    sent per node \(Int(report.statistics.bytesPerNodePerSecond)) B/s: \(types)")
            print("    head to last node \(report.statistics.headToLastNode)\(report.isSound ? "" : "; NOT SOUND: \(report.violations)")")
            let (inAll, logs) = (report.bytesPerSecond(origins: origins, headsPerSecond: rate), announces ? reading.compared : reading.pulled)
            print("    \(origins) origins, \(Int(rate)) heads/s: \(Int(inAll)) B/s sent per node, of them \(Int(logs)) B/s for logs, computed")
        }
    }
}
