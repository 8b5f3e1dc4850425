import GRDB
import Primitives

/// An alert on its way to the webhook.
public struct Delivery: Sendable, Hashable {
    public let alert: Alert
    public let queuedAt: Timestamp
    /// Tries that have failed.
    public let attempts: Int
}

extension WatchStore {
    /// The next delivery that is due; `nil` if none is.
    public func due(at now: Timestamp) throws(WatchStoreError) -> Delivery? {
        try read("look for deliveries") { database in
            let rows = try Row.fetchCursor(
                database, sql: "SELECT body, created_at, attempts FROM alert WHERE open & ? <> 0 AND due_at <= ? ORDER BY due_at, number",
                arguments: [Sinks.webhook.rawValue, now.milliseconds.stored])
            while let row = try rows.next() {
                // One that another version has written keeps nobody else from going.
                guard let alert = Alert(text: row["body"]) else { continue }
                return Delivery(
                    alert: alert, queuedAt: Timestamp(milliseconds: UInt64(max(0, row["created_at"] as Int64))), attempts: row["attempts"])
            }
            return nil
        }
    }

    /// Notes what became of a try.
    public func settle(_ delivery: Delivery, _ decision: RetrySchedule.Decision) throws(WatchStoreError) {
        let id = delivery.alert.alert
        switch decision {
        case .delivered: try took(.webhook, id)
        case .again(let time, let reason):
            try write("note a try") { database in
                try database.execute(
                    sql: "UPDATE alert SET attempts = attempts + 1, due_at = ?, trouble = ? WHERE id = ?", arguments: [time.milliseconds.stored, reason, id])
            }
        case .failed(let reason):
            try write("note a failure") { database in
                try database.execute(
                    sql: "UPDATE alert SET attempts = attempts + 1, open = open & ~?, failed = 1, trouble = ? WHERE id = ?",
                    arguments: [Sinks.webhook.rawValue, reason, id])
                try database.execute(
                    sql: """
                        DELETE FROM alert WHERE failed = 1 AND open = 0
                            AND number NOT IN (SELECT number FROM alert WHERE failed = 1 ORDER BY number DESC LIMIT ?)
                        """, arguments: [WatchLimits.failedAlerts])
            }
        }
    }
}
