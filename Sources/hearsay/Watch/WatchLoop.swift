import Foundation
import NodeRuntime
import Primitives
import Watching

/// Follows the node's changes, and has watches asked and alerts carried: one thing after another, woken by events.
struct WatchLoop {
    private enum Event: Sendable {
        case changes(Result<ChangesDocument, any Error>)
        /// Time to look at what nobody tells of: watches added, sessions collected, deliveries due.
        case tick
        case delivered(Result<Int, any Error>)
        case stop
    }

    /// Between looks, and before a node that has gone is asked again.
    static let interval: Duration = .seconds(1)
    /// After each round the loop rests this many times as long as the round took: however much is watched, the node has time for others.
    static let restFactor = 3
    /// Between two looks for what may be forgotten.
    static let pruneInterval: Duration = .seconds(3_600)

    let home: HomeOptions
    let store: WatchStore
    let options: SinkOptions
    let courier: Courier?
    private var round: WatchRound
    private var position = ChangesRequest()
    private var isNodeThere = true
    /// Watches that were asked since the node is followed.
    private var known: Set<Int64> = []
    private var isDelivering = false
    private var isStopping = false
    /// What each step last failed with, and has said.
    private var troubles: [String: String] = [:]
    private var pruned: ContinuousClock.Instant?
    private let events: AsyncStream<Event>
    /// At most one event of each kind is under way, so this needs no other bound.
    private let post: AsyncStream<Event>.Continuation

    init(home: HomeOptions, store: WatchStore, options: SinkOptions, courier: Courier?) {
        self.home = home
        self.store = store
        self.options = options
        self.courier = courier
        round = WatchRound(home: home, store: store, sinks: options.sinks)
        (events, post) = AsyncStream.makeStream(of: Event.self)
    }

    /// Until the first signal; a delivery under way is waited for.
    mutating func run() async {
        let post = post
        Task {
            await Signals.first(of: [SIGINT, SIGTERM])
            post.yield(.stop)
        }
        askForChanges(after: .zero)
        tick(after: .zero)
        for await event in events {
            switch event {
            case .changes(.success(let changes)):
                let begin = ContinuousClock.now
                let isDone = attempt("follow") { loop in try loop.follow(changes) }
                askForChanges(after: isDone ? (ContinuousClock.now - begin) * Self.restFactor : Self.interval)
            case .changes(.failure(let error)):
                if isNodeThere { printError("\(error); waiting for it") }
                isNodeThere = false
                askForChanges(after: Self.interval)
            case .tick:
                attempt("forget") { loop in try loop.pruneIfDue() }
                if isNodeThere, position.instance != nil { attempt("look") { loop in try loop.lookAround() } }
                attempt("hand over") { loop in try Self.hand(over: loop.store, loop.options) }
                deliver()
                tick(after: Self.interval)
            case .delivered(let result):
                isDelivering = false
                if isStopping { return }
                if attempt("deliver", { _ in _ = try result.get() }), case .success(let count) = result, count > 0 { deliver() }
            case .stop:
                isStopping = true
                if !isDelivering { return }
            }
            if isStopping, !isDelivering { return }
        }
    }

    /// Asks about all watches that the changes may concern.
    private mutating func follow(_ changes: ChangesDocument) throws {
        if !isNodeThere { printError("the node is back") }
        isNodeThere = true
        let watches = try store.watches()
        let concerned = watches.filter { watch in
            !changes.complete || !known.contains(watch.number)
                || changes.changes.contains { $0.kind == watch.kind && Int($0.schema_version) == watch.schemaVersion }
        }
        try round.ask(concerned)
        // Only now: what was not asked to the end is asked again.
        known = Set(watches.map(\.number))
        position = ChangesRequest(instance: changes.instance, revision: changes.revision)
        try Self.hand(over: store, options)
        deliver()
    }

    private mutating func lookAround() throws {
        let watches = try store.watches()
        let new = watches.filter { !known.contains($0.number) }
        if !new.isEmpty { try round.ask(new) }
        known = Set(watches.map(\.number))
        try round.askForNewSessions(watches)
    }

    /// Prints and writes what waits; each is noted when it is out.
    static func hand(over store: WatchStore, _ options: SinkOptions) throws {
        for sink in [Sinks.output, .file] where options.sinks.contains(sink) {
            while true {
                let waiting = try store.waiting(for: sink)
                if waiting.isEmpty { break }
                for alert in waiting {
                    if sink == .output { try options.output(alert) } else { try options.alertFile?.append(alert) }
                    try store.took(sink, alert.alert)
                }
            }
        }
    }

    private mutating func deliver() {
        guard let courier, !isDelivering, !isStopping else { return }
        isDelivering = true
        let post = post
        Task {
            var random = SystemRandomNumberGenerator()
            do {
                // One at a time, so that stopping waits for one at most.
                post.yield(.delivered(.success(try await courier.deliver(limit: 1, now: { SystemClock.timestamp }, using: &random).count)))
            } catch { post.yield(.delivered(.failure(error))) }
        }
    }

    private mutating func pruneIfDue() throws {
        guard pruned.map({ ContinuousClock.now - $0 >= Self.pruneInterval }) ?? true else { return }
        try store.prune(at: SystemClock.timestamp)
        pruned = ContinuousClock.now
    }

    /// What fails now is done again with the next event; the same trouble of a step is said once.
    @discardableResult private mutating func attempt(_ step: String, _ action: (inout WatchLoop) throws -> Void) -> Bool {
        do {
            try action(&self)
            troubles[step] = nil
            return true
        } catch {
            let words = (error as? Failure)?.message ?? "\(error)"
            if words != troubles[step] { printError("error: \(words)") }
            troubles[step] = words
            return false
        }
    }

    private func askForChanges(after delay: Duration) {
        let (post, position, home) = (post, position, home)
        // A thread of its own: the answer may be long in coming.
        DispatchQueue.global().asyncAfter(deadline: .now() + delay / .seconds(1)) {
            post.yield(
                .changes(
                    Result {
                        let text = try home.ask(.changes(position)) ?? ""
                        return try JSONDecoder().decode(ChangesDocument.self, from: Data(text.utf8))
                    }))
        }
    }

    private func tick(after delay: Duration) {
        let post = post
        DispatchQueue.global().asyncAfter(deadline: .now() + delay / .seconds(1)) { post.yield(.tick) }
    }
}
