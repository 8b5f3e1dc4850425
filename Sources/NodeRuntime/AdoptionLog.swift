import Foundation
import Ledger
import Primitives
import Storage
import Synchronization

/// Tells those who wait for it that the replica has adopted something new: in which stream, of whom, and on which days.
///
/// The revision counts what this process has adopted. Another process is another instance, and knows nothing of what was told before it: whoever asks with the
/// name of another instance, or with a revision from before the log, is told to ask everything once again.
final class AdoptionLog: Sendable {
    /// What is remembered; whoever is further behind asks everything.
    static let changeLimit = 256
    /// Days named of one change; with more of them none is named, which stands for all.
    static let dayLimit = 128

    private struct Change {
        let revision: UInt64
        let change: ChangesDocument.Change
    }

    private struct State {
        var revision: UInt64 = 0
        /// Oldest first.
        var changes: [Change] = []
        /// The revision from which on `changes` holds everything.
        var completeFrom: UInt64 = 0
        var waiting: [UInt64: CheckedContinuation<Void, Never>] = [:]
        var places: Set<UInt64> = []
        var lastPlace: UInt64 = 0
    }

    private let instance: String
    private let state = Mutex(State())

    init() {
        var random = SystemRandomNumberGenerator()
        instance = Hex.encode(random.bytes(count: 8))
    }

    /// The index has it by now. What has only been taken away is no news.
    func note(_ change: ReplicaChange) {
        let streams = Dictionary(grouping: change.added, by: \.entry.stream).mapValues { buckets in Set(buckets.map(\.entry.day)) }
        guard !streams.isEmpty else { return }
        let waiting = state.withLock { state in
            state.revision += 1
            for (stream, days) in streams.sorted(by: { $0.key < $1.key }) {
                let named = days.count > Self.dayLimit ? nil : days.sorted().map { "\($0)" }
                let change = ChangesDocument.Change(origin: "\(change.origin)", kind: stream.kind, schema_version: stream.schemaVersion, days: named)
                state.changes.append(Change(revision: state.revision, change: change))
            }
            while state.changes.count > Self.changeLimit { state.completeFrom = state.changes.removeFirst().revision }
            defer { state.waiting = [:] }
            return Array(state.waiting.values)
        }
        for continuation in waiting { continuation.resume() }
    }

    /// What has come since; waits for something to come, or for the time limit. `nil` if too many wait already.
    func next(after request: ChangesRequest, within limit: Duration) async -> ChangesDocument? {
        if let changes = changes(since: request) { return changes }
        let place = state.withLock { state -> UInt64? in
            guard state.places.count < ControlLimits.changesWaiting else { return nil }
            state.lastPlace += 1
            state.places.insert(state.lastPlace)
            return state.lastPlace
        }
        guard let place else { return nil }
        let alarm = Task { [self] in
            try? await Task.sleep(for: limit)
            leave(place)
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOver = state.withLock { state in
                    // It may have come, or the time be up, since we looked.
                    guard state.revision == request.revision, state.places.contains(place) else { return true }
                    state.waiting[place] = continuation
                    return false
                }
                if isOver { continuation.resume() }
            }
        } onCancel: {
            leave(place)
        }
        alarm.cancel()
        leave(place)
        return changes(since: request) ?? ChangesDocument(instance: instance, revision: request.revision, complete: true, changes: [])
    }

    /// Those who wait now.
    var waitingCount: Int { state.withLock { $0.waiting.count } }

    private func leave(_ place: UInt64) {
        let continuation = state.withLock { state in
            state.places.remove(place)
            return state.waiting.removeValue(forKey: place)
        }
        continuation?.resume()
    }

    /// `nil` if there is nothing that the asker does not know.
    private func changes(since request: ChangesRequest) -> ChangesDocument? {
        state.withLock { state in
            guard request.instance == instance, request.revision >= state.completeFrom, request.revision <= state.revision else {
                return ChangesDocument(instance: instance, revision: state.revision, complete: false, changes: [])
            }
            guard request.revision < state.revision else { return nil }
            let changes = state.changes.filter { $0.revision > request.revision }.map(\.change)
            return ChangesDocument(instance: instance, revision: state.revision, complete: true, changes: changes)
        }
    }
}

/// What the replica has adopted, as JSON.
public struct ChangesDocument: Codable, Hashable, Sendable {
    public struct Change: Codable, Hashable, Sendable {
        public var origin: String
        public var kind: UInt16
        public var schema_version: UInt16
        /// `nil`: too many to name.
        public var days: [String]?
    }

    /// The running process: another one counts anew.
    public var instance: String
    public var revision: UInt64
    /// `false`: what has changed is not known, and everything is to be asked again.
    public var complete: Bool
    public var changes: [Change]

    var text: String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return (try? encoder.encode(self)).map { String(decoding: $0, as: UTF8.self) } ?? "{}"
    }
}
