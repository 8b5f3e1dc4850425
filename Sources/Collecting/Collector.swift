import Foundation
import Outbox
import Primitives

/// Reads sources into `profiles.db`, and lets out what the policy allows. The only part that ever sees an attacker.
public final class Collector {
    /// Items taken in one transaction.
    static let batch = 2_000

    private let database: ProfilesDatabase
    private let outbox: OutboxWriter
    private let policy: Policy

    public init(database: ProfilesDatabase, outbox: OutboxWriter, policy: Policy) {
        self.database = database
        self.outbox = outbox
        self.policy = policy
    }

    /// What one run has done.
    public struct Report: Sendable {
        public var files = 0
        public var sessions = 0
        public var newSessions = 0
        public var changedSessions = 0
        public var targets = 0
        public var newTargets = 0
        public var changedTargets = 0
        public var problems: [SourceProblem] = []
        public var problemCount = 0
        /// By reason, over all that is known, not only this run's.
        public var rejections: [(reason: Rejection, count: Int)] = []
        public var released = 0
        public var waiting = 0
        /// When the next sighting is due, UTC milliseconds since 1970.
        public var nextDue: Int64?
    }

    /// Problems that a report names one by one; further ones are counted.
    public static let problemLimit = 1_000

    /// Reads all that is new in the sources, then releases what is due. Running it again changes nothing.
    public func run(
        _ sources: SourceSet, at now: Int64, using random: inout some RandomNumberGenerator, progress: (SourceProgress) -> Void = { _ in }
    ) throws -> Report {
        var report = Report()
        var count = ProfilesDatabase.IngestCount()
        var items: [SourceItem] = []
        func flush() throws {
            try database.ingest(items, into: &count)
            items.removeAll(keepingCapacity: true)
        }
        try sources.read(
            position: { key in
                try flush()
                return try database.position(of: key)
            },
            isUnchanged: { try database.isUnchanged($0) },
            { item in
                switch item {
                case .progress(let made): return progress(made)
                case .problem(let problem):
                    report.problemCount += 1
                    if report.problems.count < Self.problemLimit { report.problems.append(problem) }
                    return
                case .session: report.sessions += 1
                case .smtpTarget: report.targets += 1
                case .attacker, .position: break
                }
                items.append(item)
                if items.count >= Self.batch, item.mayEndTransaction { try flush() }
            },
            finished: { state in
                try flush()
                try database.finished(state)
                report.files += 1
            })
        try flush()
        (report.newSessions, report.changedSessions) = (count.newSessions, count.changedSessions)
        (report.newTargets, report.changedTargets) = (count.newTargets, count.changedTargets)
        let gate = ReleaseGate(policy: policy, today: Timestamp(milliseconds: UInt64(max(0, now))).day)
        let outcome = try Releaser(database: database, gate: gate).run(outbox, at: now, using: &random)
        report.rejections = outcome.rejections.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
        (report.released, report.waiting, report.nextDue) = (outcome.released, outcome.waiting, outcome.nextDue)
        return report
    }
}
