import Foundation
import Primitives
import Simulation
import Synchronization

/// What many drawn scenarios came to; filled from several threads.
final class DrawnOutcomes: Sendable {
    private struct State {
        var count = 0, failureCount = 0
        var convergenceTimes: [Duration] = []
        var virtualNodeTime: Duration = .zero
        var occurrences: [ScenarioOutcome.Occurrence: Int] = [:]
        var only: ScenarioOutcome?
    }

    private let state = Mutex(State())

    func add(_ outcome: ScenarioOutcome) {
        state.withLock { state in
            state.count += 1
            if !outcome.isSound { state.failureCount += 1 }
            if let time = outcome.convergenceTime { state.convergenceTimes.append(time) }
            state.virtualNodeTime += outcome.virtualTime * outcome.operatorCount
            for occurrence in outcome.occurrences { state.occurrences[occurrence, default: 0] += 1 }
            state.only = outcome
        }
    }

    /// One thread prints at a time.
    func tell(_ text: String) { state.withLock { _ in print(text) } }

    var count: Int { state.withLock { $0.count } }
    var failureCount: Int { state.withLock { $0.failureCount } }
    var convergenceTimes: [Duration] { state.withLock { $0.convergenceTimes.sorted() } }
    var nodeHours: Double { state.withLock { $0.virtualNodeTime / .seconds(3_600) } }
    /// The outcome if there was one only.
    var only: ScenarioOutcome? { state.withLock { $0.count == 1 ? $0.only : nil } }
    func count(of occurrence: ScenarioOutcome.Occurrence) -> Int { state.withLock { $0.occurrences[occurrence] ?? 0 } }
    var neverHappened: [ScenarioOutcome.Occurrence] { ScenarioOutcome.Occurrence.allCases.filter { count(of: $0) == 0 } }
}

/// Simulations in words.
enum SimulationText {
    static func lines(of report: SteadyRun.Report, realTime: Duration) -> String {
        let (run, figures, spread) = (report.run, report.statistics, report.statistics.headToLastNode)
        var table = TextTable([
            "simulated", "\(run.nodeCount) nodes for \(run.duration.hours) h, \(Double(run.lossPerMille) / 10) % of datagrams lost, seed \(run.seed)",
        ])
        table.add(["started", report.startTime.map { "all held everything after \($0.seconds) s" } ?? "some never held everything"])
        table.add([
            "head to last node",
            "p50 \(spread.median.seconds) s, p99 \(spread.percentile99.seconds) s, max \(spread.maximum.seconds) s (\(spread.count) heads)",
        ])
        let shares = [0.5, 0.9, 0.99].map { share in
            "\(Int(share * 100)) % after \(report.convergence.time(toReach: share).map { "\($0.seconds) s" } ?? "never")"
        }
        table.add(["in rounds of 3 s", "max \((spread.maximum / AttackScenario.round * 10).rounded(.up) / 10)"])
        table.add(["head to nodes", shares.joined(separator: ", ")])
        table.add(["per node", "\(Int(figures.bytesPerNodePerSecond)) B/s, \((figures.packetsPerNodePerSecond * 10).rounded() / 10) packets/s"])
        table.add(["made of", figures.bytesPerNodePerSecondByType.prefix(8).map { "\($0.name) \(($0.bytes * 10).rounded() / 10)" }.joined(separator: ", ")])
        table.add(["busiest node", "\(Int(figures.mostBytesPerSecond)) B/s"])
        table.add(["liveness", "\(figures.liveness)"])
        let (notice, death) = (report.detection.crashToNotice, report.detection.crashToDeath)
        table.add([
            "one falls silent",
            "suspected p50 \(notice.median.seconds) s, max \(notice.maximum.seconds) s; dead p50 \(death.median.seconds) s, max \(death.maximum.seconds) s, at \(death.count)",
        ])
        table.add(["sessions made", "\(figures.sessionsMade), of which broken \(figures.sessionBreakCount)"])
        table.add(["converged", report.isConverged ? "yes" : "no"])
        table.add(["violations", report.violations.isEmpty ? "none" : report.violations.prefix(10).map { "\($0)" }.joined(separator: "; ")])
        table.add(["real time", "\(realTime.seconds) s, \(figures.eventCount) events, \(figures.checkCount) signatures checked"])
        table.add(["trace", traceText(report.traceHash)])
        return table.text
    }

    static func lines(of outcome: AttackOutcome) -> String {
        let spread = outcome.statistics.headToLastNode
        var table = TextTable(["attack", "\(outcome.scenario.rawValue): \(outcome.attackerCount) of \(outcome.nodeCount) members, seed \(outcome.seed)"])
        table.add(["started", outcome.startTime.map { "all honest members held everything after \($0.seconds) s" } ?? "some never held everything"])
        table.add([
            "head to last node",
            "p50 \(spread.median.seconds) s, p99 \(spread.percentile99.seconds) s, max \(spread.maximum.seconds) s (\(spread.count) heads)",
        ])
        table.add(["withheld", "\(outcome.withheldCount) statements"])
        table.add(["dialed attackers", "\(outcome.dialedAttackersPerMille) of 1,000 sessions"])
        if let count = outcome.victimsHonestNeighbours { table.add(["victim", "\(count) honest neighbours"]) }
        table.add(["liveness", "\(outcome.statistics.liveness)"])
        table.add(["has not held", outcome.failures.isEmpty ? "nothing" : outcome.failures.joined(separator: "; ")])
        return table.text
    }

    static func lines(of report: EvidenceRun.Report, realTime: Duration) -> String {
        let run = report.run
        var table = TextTable([
            "two books", "\(run.nodeCount) nodes, \(report.honestCount) of them honest, \(Double(run.lossPerMille) / 10) % of datagrams lost, seed \(run.seed)",
        ])
        table.add(["first found", report.firstFound.map { "\($0.seconds) s after the start" } ?? "by nobody"])
        let spread = report.spread.map { "\($0.seconds) s later: \(($0 / AttackScenario.round * 10).rounded(.up) / 10) rounds of 3 s" }
        table.add(["at 99 %", spread ?? "not within \(EvidenceRun.longestSpread) rounds of 3 s"])
        table.add(["informed", "\(report.informedCount) of \(report.honestCount)"])
        table.add(["violations", report.violations.isEmpty ? "none" : report.violations.prefix(10).map { "\($0)" }.joined(separator: "; ")])
        table.add(["real time", "\(realTime.seconds) s"])
        return table.text
    }

    static func failure(_ outcome: ScenarioOutcome, in scenario: Scenario, drawn: Scenario) -> String {
        let left = drawn.faults.subtracting(scenario.faults).map(\.rawValue).sorted().map { " --without \($0)" }.joined()
        let reasons = (outcome.convergenceTime == nil ? ["not converged in time"] : []) + outcome.violations.prefix(5).map { "\($0)" }
        return "seed \(outcome.seed) failed: \(reasons.joined(separator: "; "))\n  replay: hearsay simulate --drawn --seed \(outcome.seed)\(left)"
    }

    static func summary(of outcomes: DrawnOutcomes) -> String {
        var lines: [String] = []
        if let only = outcomes.only {
            let faults = only.faults.map(\.rawValue).sorted().joined(separator: ", ")
            lines.append("seed \(only.seed): \(only.operatorCount) nodes, trace \(traceText(only.traceHash)), faults: \(faults)")
        }
        let times = outcomes.convergenceTimes
        func at(_ share: Double) -> String { times.isEmpty ? "-" : times[min(times.count - 1, Int(share * Double(times.count)))].seconds }
        let nodeDays = (outcomes.nodeHours / 24 * 100).rounded() / 100
        lines.append(
            "\(outcomes.count) scenarios, \(nodeDays) node-days, \(outcomes.failureCount) failed; healed to converged: p50 \(at(0.5)) s, max \(at(1)) s")
        let counts = ScenarioOutcome.Occurrence.allCases.map { "\($0.rawValue) \(outcomes.count(of: $0))" }
        lines.append("happened in: " + counts.joined(separator: ", "))
        if !outcomes.neverHappened.isEmpty { lines.append("never happened: " + outcomes.neverHappened.map(\.rawValue).joined(separator: ", ")) }
        return lines.joined(separator: "\n")
    }
}

/// The report for programs.
struct SimulationDocument: Encodable {
    var nodes: Int
    var hours: Double
    var loss: Double
    var seed: UInt64
    var startSeconds: Double?
    var headToLastNodeSeconds: [String: Double]
    var headCount: Int
    var bytesPerNodePerSecond: Double
    var packetsPerNodePerSecond: Double
    var bytesPerNodePerSecondByType: [String: Double]
    var falseSuspicionsPerNodeHour: Double
    var falseDeaths: Int
    var detectionSeconds: [String: Double]
    var sessionsMade: Int
    var isConverged: Bool
    var violations: [String]
    var realSeconds: Double
    var eventCount: Int
    var trace: String

    init(_ report: SteadyRun.Report, realTime: Duration) {
        let spread = report.statistics.headToLastNode
        nodes = report.run.nodeCount
        hours = report.run.duration / .seconds(3_600)
        loss = Double(report.run.lossPerMille) / 1_000
        seed = report.run.seed
        startSeconds = report.startTime.map { $0 / .seconds(1) }
        headToLastNodeSeconds = ["p50": spread.median / .seconds(1), "p99": spread.percentile99 / .seconds(1), "max": spread.maximum / .seconds(1)]
        headCount = spread.count
        bytesPerNodePerSecond = report.statistics.bytesPerNodePerSecond
        packetsPerNodePerSecond = report.statistics.packetsPerNodePerSecond
        bytesPerNodePerSecondByType = Dictionary(uniqueKeysWithValues: report.statistics.bytesPerNodePerSecondByType.map { ($0.name, $0.bytes) })
        falseSuspicionsPerNodeHour = report.statistics.liveness.falseSuspicionsPerNodeHour
        falseDeaths = report.statistics.liveness.falseDeathCount
        let notice = report.detection.crashToNotice
        detectionSeconds = ["p50": notice.median / .seconds(1), "p99": notice.percentile99 / .seconds(1), "max": notice.maximum / .seconds(1)]
        sessionsMade = report.statistics.sessionsMade
        isConverged = report.isConverged
        violations = report.violations.map { "\($0)" }
        realSeconds = realTime / .seconds(1)
        eventCount = report.statistics.eventCount
        trace = traceText(report.traceHash)
    }

    var text: String {
        get throws {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys]
            encoder.keyEncodingStrategy = .convertToSnakeCase
            return String(decoding: try encoder.encode(self), as: UTF8.self)
        }
    }
}

/// 16 hex digits.
private func traceText(_ hash: UInt64) -> String { Hex.encode(withUnsafeBytes(of: hash.bigEndian, Array.init)) }

extension Duration {
    /// To milliseconds.
    fileprivate var seconds: String { "\(Double(clampedMilliseconds) / 1_000)" }
    fileprivate var hours: String { "\((self / .seconds(3_600) * 1_000).rounded() / 1_000)" }
}
