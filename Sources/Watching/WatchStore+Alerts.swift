import Foundation
import GRDB
import Primitives

/// Where alerts go to.
public struct Sinks: OptionSet, Hashable, Sendable {
    public let rawValue: Int
    public init(rawValue: Int) { self.rawValue = rawValue }

    public static let output = Sinks(rawValue: 1)
    public static let file = Sinks(rawValue: 2)
    public static let webhook = Sinks(rawValue: 4)
}

extension WatchStore {
    private static let droppedTally = "dropped"

    /// Makes an alert of what is new in these groups, remembers that it was told and queues it, all or nothing; `nil` if nothing is new.
    ///
    /// - Parameters:
    ///   - names: what operators call themselves, by key.
    ///   - sinks: where it is to be told; without any it counts as told.
    public func tell(
        _ watch: Watch, _ groups: [FindingGroup], names: [String: String], sinks: Sinks, at now: Timestamp, using random: inout some RandomNumberGenerator
    ) throws(WatchStoreError) -> Alert? {
        let id = Hex.encode(random.bytes(count: 16))
        return try write("remember what was told") { database in
            // Removed meanwhile: nobody wants to hear of it.
            guard var told = try Int.fetchOne(database, sql: "SELECT told_count FROM watch WHERE number = ?", arguments: [watch.number]) else { return nil }
            var fresh: [Finding] = []
            var untold = 0
            var operators: Set<String> = []
            for group in groups {
                let relevant = WhatIsNew.relevant(group, for: watch, today: now.day)
                let freshBefore = fresh.count
                for finding in WhatIsNew.inOrder(relevant) {
                    guard told < WatchLimits.toldPerWatch else {
                        if try !Self.isTold(finding, by: watch, database) { untold += 1 }
                        continue
                    }
                    try database.execute(
                        sql: "INSERT OR IGNORE INTO told (watch, key, origin, day) VALUES (?, ?, ?, ?)",
                        arguments: [watch.number, finding.key, finding.origin, finding.day.number])
                    guard database.changesCount > 0 else { continue }
                    told += 1
                    fresh.append(finding)
                }
                guard fresh.count > freshBefore else { continue }
                operators.formUnion(relevant.map(\.origin))
            }
            if untold > 0 || !fresh.isEmpty {
                try database.execute(
                    sql: "UPDATE watch SET told_count = ?, untold = max(untold, ?) WHERE number = ?", arguments: [told, untold, watch.number])
            }
            guard !fresh.isEmpty else { return nil }
            let alert = Alert(
                id: id, watch, fresh: WhatIsNew.inOrder(fresh), operators: operators.count, figures: groups.count == 1 ? groups[0].figures : nil,
                names: names, at: now)
            guard !sinks.isEmpty else { return alert }
            try database.execute(
                sql: "INSERT INTO alert (id, created_at, body, open, due_at) VALUES (?, ?, ?, ?, ?)",
                arguments: [alert.alert, now.milliseconds.stored, alert.text, sinks.rawValue, now.milliseconds.stored])
            try Self.makeRoom(database)
            return alert
        }
    }

    /// Forgets what is too old to be told again, and alerts that a sink could not take for too long.
    public func prune(at now: Timestamp) throws(WatchStoreError) {
        // A week more than is told, so that a clock that is set back brings nothing again.
        let day = now.day.advanced(by: -WatchLimits.memoryDays - 7)
        let oldest = now + (Duration.zero - RetrySchedule.patience)
        try write("forget what is old") { database in
            try database.execute(sql: "DELETE FROM told WHERE day < ?", arguments: [day.number])
            if database.changesCount > 0 {
                try database.execute(
                    sql: "UPDATE watch SET told_count = (SELECT count(*) FROM told WHERE told.watch = watch.number), untold = 0")
            }
            // What waits for a sink that no run has any more. The webhook's own are given up one by one, if there is one.
            try database.execute(
                sql: "UPDATE alert SET open = open & ? WHERE created_at < ?", arguments: [Sinks.webhook.rawValue, oldest.milliseconds.stored])
            try database.execute(
                sql: "DELETE FROM alert WHERE failed = 0 AND (open = 0 OR created_at < ?)",
                arguments: [(oldest + (Duration.zero - RetrySchedule.patience)).milliseconds.stored])
            try Self.countDropped(database.changesCount, database)
        }
    }

    /// Alerts that a sink has not taken yet, oldest first.
    public func waiting(for sink: Sinks, limit: Int = 100) throws(WatchStoreError) -> [Alert] {
        try read("look for alerts") { database in
            try String.fetchAll(
                database, sql: "SELECT body FROM alert WHERE open & ? <> 0 ORDER BY number LIMIT ?", arguments: [sink.rawValue, limit]
            ).compactMap { Alert(text: $0) }
        }
    }

    /// A sink has it.
    public func took(_ sink: Sinks, _ id: String) throws(WatchStoreError) {
        try write("note an alert as told") { database in
            try database.execute(sql: "UPDATE alert SET open = open & ~? WHERE id = ?", arguments: [sink.rawValue, id])
            try database.execute(sql: "DELETE FROM alert WHERE id = ? AND open = 0 AND failed = 0", arguments: [id])
        }
    }

    /// How the queue stands.
    public struct Queue: Sendable, Hashable {
        public var waiting = 0
        /// For the webhook among them.
        public var waitingForWebhook = 0
        /// What hinders the oldest that was tried.
        public var trouble: String?
        /// Refused for good, newest first: id, time and reason.
        public var failed: [Failed] = []
        public var dropped: Int64 = 0

        public struct Failed: Sendable, Hashable {
            public var id: String
            public var createdAt: Timestamp
            public var reason: String
        }
    }

    public func queue() throws(WatchStoreError) -> Queue {
        try read("look at the queue") { database in
            var queue = Queue()
            queue.waiting = try Int.fetchOne(database, sql: "SELECT count(*) FROM alert WHERE open <> 0") ?? 0
            queue.waitingForWebhook =
                try Int.fetchOne(database, sql: "SELECT count(*) FROM alert WHERE open & ? <> 0", arguments: [Sinks.webhook.rawValue]) ?? 0
            queue.trouble = try String.fetchOne(
                database, sql: "SELECT trouble FROM alert WHERE open <> 0 AND trouble IS NOT NULL ORDER BY number LIMIT 1")
            queue.failed = try Row.fetchAll(database, sql: "SELECT id, created_at, trouble FROM alert WHERE failed = 1 ORDER BY number DESC").map { row in
                .init(id: row["id"], createdAt: Timestamp(milliseconds: UInt64(max(0, row["created_at"] as Int64))), reason: row["trouble"] ?? "")
            }
            queue.dropped = try Int64.fetchOne(database, sql: "SELECT count FROM tally WHERE name = ?", arguments: [Self.droppedTally]) ?? 0
            return queue
        }
    }

    private static func isTold(_ finding: Finding, by watch: Watch, _ database: Database) throws -> Bool {
        try Int.fetchOne(
            database, sql: "SELECT 1 FROM told WHERE watch = ? AND key = ? AND origin = ? AND day = ?",
            arguments: [watch.number, finding.key, finding.origin, finding.day.number]) != nil
    }

    /// The oldest go, and are counted.
    private static func makeRoom(_ database: Database) throws {
        let excess = (try Int.fetchOne(database, sql: "SELECT count(*) FROM alert WHERE open <> 0") ?? 0) - WatchLimits.waitingAlerts
        guard excess > 0 else { return }
        try database.execute(
            sql: "DELETE FROM alert WHERE number IN (SELECT number FROM alert WHERE open <> 0 ORDER BY number LIMIT ?)", arguments: [excess])
        try countDropped(database.changesCount, database)
    }

    private static func countDropped(_ count: Int, _ database: Database) throws {
        guard count > 0 else { return }
        try database.execute(
            sql: "INSERT INTO tally (name, count) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET count = count + excluded.count",
            arguments: [droppedTally, count])
    }
}

extension UInt64 {
    /// As SQLite keeps it; a time beyond its range stays at the end.
    var stored: Int64 { Int64(clamping: self) }
}
