import Synchronization

/// Lets a loop pause between its rounds, until the first signal ends the pause and the loop.
///
/// The pause is cancelled, not raced in a task group: a group waits for all its children, and waiting for a task's value heeds no cancellation.
final class Interruption: Sendable {
    private struct State {
        var hasCome = false
        var pause: Task<Void, Never>?
    }
    private let state = Mutex(State())

    init(by signals: [Int32]) {
        Task { [self] in
            await Signals.first(of: signals)
            state.withLock { state in
                state.hasCome = true
                state.pause?.cancel()
            }
        }
    }

    /// Waits so long, or until the signal; `false` once it has come.
    func pause(for duration: Duration) async -> Bool {
        let pause = Task { _ = try? await Task.sleep(for: duration) }
        let hasCome = state.withLock { state in
            state.pause = pause
            return state.hasCome
        }
        if hasCome { pause.cancel() }
        await pause.value
        return state.withLock { !$0.hasCome }
    }
}
