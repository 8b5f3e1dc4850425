import Foundation
import GRDB
import Primitives
import Testing

@testable import Watching

@Suite struct WatchStoreTests {
    private func told(
        _ store: WatchStore, _ watch: Watch, _ findings: [Finding], sinks: Sinks = .webhook, at now: Timestamp = noon, seed: UInt64 = 1
    ) throws -> Alert? {
        var random = SeededGenerator(seed: seed)
        return try store.tell(watch, [FindingGroup(findings)], names: [:], sinks: sinks, at: now, using: &random)
    }

    private func kept(_ watch: Watch, in store: WatchStore) throws -> Watch {
        var kept = watch
        kept.number = try store.add(watch)
        return kept
    }

    @Test func watchesComeBackAsTheyWereKept() async throws {
        try await withScratchFolder { folder in
            let watches = [
                watch(decibans: 7.25, operators: 2), Watch(.domain("bank.example.com"), label: "bank", schemaVersion: 1),
                Watch(.ownSessions, label: "ours", schemaVersion: 2, within: 9),
                Watch(.code("00000000000000ff", lengthClass: nil), label: "", schemaVersion: 1, within: 8),
            ]
            let store = try WatchStore(directory: folder + "/watcher")
            for watch in watches { _ = try store.add(watch) }
            // A second opening migrates once more.
            let again = try WatchStore(directory: folder + "/watcher").watches()
            #expect(again.map(\.number) == [1, 2, 3, 4])
            #expect(again.map { watch in var bare = watch; bare.number = 0; return bare } == watches)
            #expect(try store.remove(2) && !store.remove(2))
            #expect(try store.add(watches[1]) == 5)
            let attributes = try FileManager.default.attributesOfItem(atPath: store.path)
            #expect(attributes[.posixPermissions] as? Int == 0o600)
            #expect(try FileManager.default.attributesOfItem(atPath: folder + "/watcher")[.posixPermissions] as? Int == 0o700)
        }
    }

    @Test func aDayIsToldOnceAlsoAfterARestart() async throws {
        try await withScratchFolder { folder in
            let store = try WatchStore(directory: folder)
            let watch = try kept(watch(), in: store)
            let first = try #require(try told(store, watch, [near("a", of: 1), near("a", of: 2)]))
            #expect(first.sightings.count == 2 && first.operators == 2 && first.watch.label == "a \"friend\"")
            #expect(try told(store, watch, [near("a", of: 1), near("a", of: 2)]) == nil)
            // As after kill -9: nothing was closed.
            let later = try WatchStore(directory: folder)
            #expect(try told(later, watch, [near("a", of: 1)]) == nil)
            let second = try #require(try told(later, watch, [near("a", of: 1), near("a", of: 1, day: today.advanced(by: -1)), near("b", of: 1)], seed: 2))
            #expect(second.sightings.map(\.code) == ["b", "a"] && second.alert != first.alert && second.operators == 1)
            // Another watch tells for itself.
            let other = try kept(Watch(.ownSessions, label: "ours", schemaVersion: 2, within: 9), in: later)
            #expect(try told(later, other, [near("a", of: 1)], seed: 3) != nil)
            #expect(try later.queue().waiting == 3)
        }
    }

    @Test func whatIsTooLittleNowIsToldWhenThereIsMore() async throws {
        try await withScratchFolder { folder in
            let store = try WatchStore(directory: folder)
            let watch = try kept(watch(operators: 2), in: store)
            #expect(try told(store, watch, [near("a", of: 1)]) == nil)
            #expect(try told(store, watch, [near("a", of: 1), near("b", of: 2)])?.sightings.count == 2)
        }
    }

    @Test func aRemovedWatchTellsNothing() async throws {
        try await withScratchFolder { folder in
            let store = try WatchStore(directory: folder)
            let watch = try kept(watch(), in: store)
            #expect(try store.remove(watch.number))
            #expect(try told(store, watch, [near("a", of: 1)]) == nil)
        }
    }

    @Test func whatIsForgottenIsTooOldToBeToldAgain() async throws {
        try await withScratchFolder { folder in
            let store = try WatchStore(directory: folder)
            let watch = try kept(watch(), in: store)
            #expect(try told(store, watch, [near("a", of: 1)]) != nil)
            for days in 0...(WatchLimits.memoryDays + 20) where days % 3 == 0 {
                let later = noon + .seconds(86_400 * Int64(days))
                try store.prune(at: later)
                #expect(try told(store, watch, [near("a", of: 1)], at: later, seed: UInt64(days) + 2) == nil, "after \(days) days")
            }
            let rows = try await DatabaseQueue(path: store.path).read { try Int.fetchOne($0, sql: "SELECT count(*) FROM told") }
            #expect(rows == 0)
        }
    }

    @Test func atTheLimitNewSightingsAreCountedAndNothingIsToldTwice() async throws {
        try await withScratchFolder { folder in
            let store = try WatchStore(directory: folder)
            let watch = try kept(watch(), in: store)
            #expect(try told(store, watch, [near("a", of: 1)]) != nil)
            try await DatabaseQueue(path: store.path).write { database in
                try database.execute(sql: "UPDATE watch SET told_count = ?", arguments: [WatchLimits.toldPerWatch - 1])
            }
            #expect(try told(store, watch, [near("a", of: 1), near("b", of: 1), near("c", of: 1)], seed: 2)?.sightings.map(\.code) == ["b"])
            #expect(try told(store, watch, [near("a", of: 1), near("b", of: 1), near("c", of: 1)], seed: 3) == nil)
            #expect(try store.watches().first?.untold == 1)
        }
    }

    @Test func eachSinkTakesAnAlertForItself() async throws {
        try await withScratchFolder { folder in
            let store = try WatchStore(directory: folder)
            let watch = try kept(watch(), in: store)
            let alert = try #require(try told(store, watch, [near("a", of: 1)], sinks: [.output, .file]))
            #expect(try store.waiting(for: .output) == [alert] && store.waiting(for: .webhook) == [])
            try store.took(.output, alert.alert)
            #expect(try store.waiting(for: .output) == [] && store.waiting(for: .file) == [alert])
            try store.took(.file, alert.alert)
            #expect(try store.queue() == WatchStore.Queue())
        }
    }

    @Test func whatNoSinkTakesIsDroppedInTheEndAndCounted() async throws {
        try await withScratchFolder { folder in
            let store = try WatchStore(directory: folder)
            let watch = try kept(watch(), in: store)
            #expect(try told(store, watch, [near("a", of: 1)], sinks: .file) != nil)
            #expect(try told(store, watch, [near("b", of: 1)], sinks: [.output, .webhook], seed: 2) != nil)
            func left(after duration: Duration) throws -> [Int] {
                try store.prune(at: noon + duration)
                let queue = try store.queue()
                return [queue.waiting, queue.waitingForWebhook, Int(queue.dropped)]
            }
            #expect(try left(after: RetrySchedule.patience) == [2, 1, 0])
            #expect(try left(after: RetrySchedule.patience + .seconds(1)) == [1, 1, 1])
            #expect(try store.waiting(for: .output).isEmpty)
            #expect(try left(after: RetrySchedule.patience * 2 + .seconds(1)) == [0, 0, 2])
        }
    }

    @Test func anAlertOfAnotherVersionKeepsNobodyElseFromGoing() async throws {
        try await withScratchFolder { folder in
            let store = try WatchStore(directory: folder)
            let watch = try kept(watch(), in: store)
            try await DatabaseQueue(path: store.path).write { try $0.execute(sql: "INSERT INTO alert (id, created_at, body, open) VALUES ('x', 0, '{}', 4)") }
            let alert = try #require(try told(store, watch, [near("a", of: 1)]))
            #expect(try store.due(at: noon)?.alert == alert)
        }
    }

    @Test func theOldestAreDroppedAndCounted() async throws {
        try await withScratchFolder { folder in
            let store = try WatchStore(directory: folder)
            let watch = try kept(watch(), in: store)
            try await DatabaseQueue(path: store.path).write { database in
                for number in 0..<WatchLimits.waitingAlerts {
                    try database.execute(sql: "INSERT INTO alert (id, created_at, body, open) VALUES (?, 0, '{}', 4)", arguments: ["\(number)"])
                }
            }
            #expect(try told(store, watch, [near("a", of: 1)]) != nil)
            #expect(try store.queue().waiting == WatchLimits.waitingAlerts && store.queue().dropped == 1)
            let oldest = try await DatabaseQueue(path: store.path).read { try String.fetchOne($0, sql: "SELECT id FROM alert ORDER BY number LIMIT 1") }
            #expect(oldest == "1")
        }
    }

    @Test func anOlderDatabaseGetsWhatItLacks() async throws {
        try await withScratchFolder { folder in
            try await DatabaseQueue(path: folder + "/watches.db").write { database in
                try database.execute(sql: WatchSchema.tables)
                try database.execute(
                    sql: """
                        INSERT INTO watch (label, kind, subject, schema_version, within, minimum_operators) VALUES ('old', 'domain', 'a.example.com', 1, 0, 1)
                        """)
            }
            let store = try WatchStore(directory: folder)
            let old = try #require(try store.watches().first)
            #expect(old.label == "old" && old.untold == 0)
            #expect(try told(store, old, [near("a", of: 1)]) != nil)
        }
    }
}
