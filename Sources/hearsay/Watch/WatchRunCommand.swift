import ArgumentParser
import Foundation
import NodeRuntime
import Primitives
import Storage
import Watching

struct WatchRunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Tell what others have seen of what is watched, as soon as the node has adopted it, until interrupted.",
        discussion: """
            Waits at the node's control socket; if the node stops, until it is back, and then asks everything once again. What was told is remembered in \
            watcher/watches.db. Alerts for a webhook are queued there too, tried again on 429, 5xx and failures of the network for three days, and kept for \
            hearsay watch list if they are refused. Each alert has an id: one that a crash has delivered twice has the same.
            """)

    @OptionGroup var home: HomeOptions
    @OptionGroup var options: SinkOptions

    @Flag(help: "Ask everything once, try what is due, and end.")
    var once = false

    func run() async throws {
        let store = try WatchStore(directory: home.watcherDirectory)
        let lock = try takeLock()
        let courier = try options.courier(store)
        if once {
            try await runOnce(store, courier)
        } else {
            var loop = WatchLoop(home: home, store: store, options: options, courier: courier)
            await loop.run()
        }
        withExtendedLifetime(lock) {}
        // Threads that still wait for the node end with the process.
        Foundation.exit(0)
    }

    private func runOnce(_ store: WatchStore, _ courier: Courier?) async throws {
        try store.prune(at: SystemClock.timestamp)
        var round = WatchRound(home: home, store: store, sinks: options.sinks)
        try round.ask(try store.watches())
        try WatchLoop.hand(over: store, options)
        guard let courier else { return }
        var random = SystemRandomNumberGenerator()
        var isMore = true
        while isMore { isMore = try await !courier.deliver(now: { SystemClock.timestamp }, using: &random).isEmpty }
    }

    private func takeLock() throws -> DirectoryLock {
        do { return try DirectoryLock(directory: home.watcherDirectory) } catch DirectoryLockError.heldByAnother {
            throw Failure("another hearsay watch run is at work in \(home.watcherDirectory)")
        }
    }
}
