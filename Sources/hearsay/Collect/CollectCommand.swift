import ArgumentParser
import Collecting
import Foundation
import NodeRuntime
import Outbox
import Primitives

struct CollectCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "collect", abstract: "Read honeypots' databases, logs and recordings, and release what the policy allows.",
        discussion: """
            Sources are DECNET databases, artifact folders, session shards and logs, Cowrie logs with their ttylogs, and asciicasts with input events, told \
            apart by their content. Nothing is changed in them. Running it again takes only what is new.
            """)

    @OptionGroup var home: HomeOptions

    @Argument(help: "Files and folders.")
    var sources: [String]

    @Option(help: "The policy file (default: collector/policy.toml in the home directory; without one nothing is shared).")
    var policy: String?

    @Flag(help: "Go on reading what grows, and releasing what is due, until interrupted.")
    var follow = false

    @Flag(help: "Print one JSON object per run.")
    var json = false

    /// How often growing sources are looked at.
    static let followInterval: Duration = .seconds(2)

    func run() async throws {
        let policyPath = policy ?? home.collectorDirectory + "/policy.toml"
        let hasPolicy = FileManager.default.fileExists(atPath: policyPath)
        if policy != nil, !hasPolicy { throw Failure("there is no policy file \(policyPath)", hint: "hearsay policy init") }
        let policy = hasPolicy ? try Policy(reading: policyPath) : Policy()
        let collector = Collector(
            database: try ProfilesDatabase(directory: home.collectorDirectory), outbox: try OutboxWriter(directory: home.outboxDirectory), policy: policy)
        var random = SystemRandomNumberGenerator()
        var isFirst = true
        let interruption = follow ? Interruption(by: [SIGINT, SIGTERM]) : nil
        repeat {
            let progress = ProgressLine()
            let report = try collector.run(
                try SourceSet(sources), at: Int64(SystemClock.timestamp.milliseconds), using: &random, progress: { progress.show($0) })
            progress.finish()
            if isFirst || report.released + report.newSessions + report.newTargets + report.changedTargets + report.problemCount > 0 {
                if json { print(CollectReport.json(report)) } else { CollectReport.show(report, hasPolicy: hasPolicy, isFirst: isFirst) }
            }
            isFirst = false
            // The node looks by itself; being told saves half a second.
            if report.released > 0 { _ = try? home.ask(.absorb) }
        } while await interruption?.pause(for: Self.followInterval) ?? false
    }
}

/// What a run has done, for people and for programs.
enum CollectReport {
    static func show(_ report: Collector.Report, hasPolicy: Bool, isFirst: Bool) {
        for problem in report.problems.prefix(50) { printError("skipped: \(problem)") }
        if report.problemCount > 50 { printError("skipped: \(report.problemCount - 50) more; --json names up to \(Collector.problemLimit)") }
        print("sessions   \(report.sessions) read: \(report.newSessions) new, \(report.changedSessions) changed")
        print("targets    \(report.targets) read: \(report.newTargets) new, \(report.changedTargets) changed")
        for (reason, count) in report.rejections { print("held back  \(count): \(reason.rawValue)") }
        var line = "released   \(report.released) sightings to the outbox"
        if report.waiting > 0 { line += ", \(report.waiting) waiting" + (report.nextDue.map { " (the next until \(time($0)))" } ?? "") }
        print(line)
        if !hasPolicy, isFirst { printError("hint: nothing is shared until you choose: hearsay policy init, then edit collector/policy.toml") }
    }

    private static func time(_ milliseconds: Int64) -> String {
        ISO8601DateFormatter().string(from: Date(timeIntervalSince1970: Double(milliseconds) / 1_000))
    }

    static func json(_ report: Collector.Report) -> String {
        let object: [String: Any] = [
            "sessions": report.sessions, "new_sessions": report.newSessions, "changed_sessions": report.changedSessions, "targets": report.targets,
            "new_targets": report.newTargets, "changed_targets": report.changedTargets, "problem_count": report.problemCount,
            "problems": report.problems.map { ["file": $0.file, "offset": $0.offset.map { $0 as Any } ?? NSNull(), "reason": $0.reason] as [String: Any] },
            "held_back": Dictionary(uniqueKeysWithValues: report.rejections.map { ($0.reason.rawValue, $0.count) }), "released": report.released,
            "waiting": report.waiting,
        ]
        let data = try? JSONSerialization.data(withJSONObject: object, options: [.sortedKeys, .withoutEscapingSlashes])
        return data.map { String(decoding: $0, as: UTF8.self) } ?? "{}"
    }
}
