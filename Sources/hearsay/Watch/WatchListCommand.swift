import ArgumentParser
import Foundation
import Watching

struct WatchListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Show what is watched, and what waits to be told or was refused by the webhook.")

    @OptionGroup var home: HomeOptions

    @Flag(help: "Print one JSON object.")
    var json = false

    func run() throws {
        let store = try WatchStore(directory: home.watcherDirectory)
        let (watches, queue) = (try store.watches(), try store.queue())
        if json { return print(try WatchListDocument(watches, queue).text) }
        if watches.isEmpty {
            print("nothing is watched")
        } else {
            var table = TextTable(["watch", "kind", "what", "within", "decibans", "operators", "label"])
            for watch in watches {
                var label = watch.label
                if watch.untold > 0 { label += " (full: \(watch.untold) new sightings were not told)" }
                table.add([
                    "\(watch.number)", watch.kindName, watch.subjectText, watch.kind == 1 ? "\(watch.within) bits of version \(watch.schemaVersion)" : "-",
                    watch.minimumDecibans.map { "from \($0)" } ?? "-", "from \(watch.minimumOperators)", label,
                ])
            }
            print(table.text)
        }
        if queue.waiting > 0 {
            let trouble = queue.trouble.map { ": \($0)" } ?? ""
            print("\(AnswerWords.counted(queue.waiting, "alert")) waiting, \(queue.waitingForWebhook) for the webhook\(trouble)")
        }
        if queue.dropped > 0 {
            print("\(AnswerWords.counted(Int(clamping: queue.dropped), "alert")) dropped so far: no sink took them, or too many waited")
        }
        for failed in queue.failed.prefix(20) { print("not delivered: alert \(failed.id) of \(failed.createdAt.day): \(failed.reason)") }
        if queue.failed.count > 20 { print("not delivered: \(queue.failed.count - 20) more; --json names them") }
    }
}

/// The list for programs.
private struct WatchListDocument: Encodable {
    struct Entry: Encodable {
        var id: Int64
        var label: String
        var kind: String
        var code: String?
        var length_class: Int?
        var domain: String?
        var schema_version: Int
        var within: Int?
        var min_decibans: Double?
        var min_operators: Int
        var untold: Int64
    }
    struct Failed: Encodable {
        var alert: String
        var created_at_ms: UInt64
        var reason: String
    }
    var watches: [Entry]
    var waiting: Int
    var waiting_for_webhook: Int
    var trouble: String?
    var dropped: Int64
    var failed: [Failed]

    init(_ watches: [Watch], _ queue: WatchStore.Queue) {
        self.watches = watches.map { watch in
            var entry = Entry(
                id: watch.number, label: watch.label, kind: watch.kindName, schema_version: watch.schemaVersion, min_decibans: watch.minimumDecibans,
                min_operators: watch.minimumOperators, untold: watch.untold)
            switch watch.subject {
            case .code(let code, let lengthClass): (entry.code, entry.length_class, entry.within) = (code, lengthClass, watch.within)
            case .domain(let domain): entry.domain = domain
            case .ownSessions: entry.within = watch.within
            }
            return entry
        }
        waiting = queue.waiting
        waiting_for_webhook = queue.waitingForWebhook
        trouble = queue.trouble
        dropped = queue.dropped
        failed = queue.failed.map { Failed(alert: $0.id, created_at_ms: $0.createdAt.milliseconds, reason: $0.reason) }
    }

    var text: String {
        get throws {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            return String(decoding: try encoder.encode(self), as: UTF8.self)
        }
    }
}
