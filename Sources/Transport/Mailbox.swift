import Collections
import Synchronization

/// Everything that waits for the node, in the order in which it happened; the one door into it.
///
/// What peers send is *offered*: at the limit it is refused and the caller pushes back (a socket is not read) or drops (a
/// datagram). What the node itself caused, such as a timer or the result of work it asked for, is *posted* and always taken: its number is bounded by what
/// was asked for, and losing it would leave the node waiting for ever.
public final class Mailbox<Element: Sendable>: Sendable {
    /// How many offered elements wait at most.
    public let capacity: Int
    /// How many bytes the offered elements hold at most; one element may go beyond it, so that none is too big for ever.
    public let byteCapacity: Int

    private struct State {
        var waiting = Deque<(element: Element, offeredByteCount: Int?)>()
        var offeredCount = 0
        var offeredByteCount = 0
        var consumer: CheckedContinuation<Void, Never>?
        var pushedBack: [@Sendable () -> Void] = []
        var isFinished = false
    }

    private let state = Mutex(State())

    public init(capacity: Int, byteCapacity: Int) {
        precondition(capacity > 0 && byteCapacity > 0, "a mailbox of capacity \(capacity) and \(byteCapacity) bytes can hold nothing")
        self.capacity = capacity
        self.byteCapacity = byteCapacity
    }

    /// How many elements wait, offered and posted.
    public var count: Int { state.withLock { $0.waiting.count } }

    /// Puts something of the node's own last. Ignored once finished.
    public func post(_ element: Element) {
        wakeConsumer { state in
            guard !state.isFinished else { return }
            state.waiting.append((element, nil))
        }
    }

    /// Puts something a peer sent last, if there is room; otherwise nothing changes and the answer is `false`.
    ///
    /// - Parameter whenRoom: called once, from any thread, when a refused caller should try again: at half the limit, so that
    ///   a full mailbox does not wake everyone for every element taken. `nil` for callers who drop.
    public func offer(_ element: Element, byteCount: Int, whenRoom: (@Sendable () -> Void)? = nil) -> Bool {
        var isTaken = false
        wakeConsumer { state in
            guard !state.isFinished else { return }
            guard state.offeredCount < capacity, state.offeredByteCount < byteCapacity else {
                if let whenRoom { state.pushedBack.append(whenRoom) }
                return
            }
            state.waiting.append((element, byteCount))
            state.offeredCount += 1
            state.offeredByteCount += byteCount
            isTaken = true
        }
        return isTaken
    }

    /// The oldest elements, at most `limit`, as soon as there is one; `nil` once finished and empty. For one consumer at a time.
    public func next(_ limit: Int) async -> [Element]? {
        while true {
            let (batch, isOver, resumed) = take(limit)
            for resume in resumed { resume() }
            if !batch.isEmpty { return batch }
            if isOver { return nil }
            await withCheckedContinuation { continuation in
                let isReady = state.withLock { state in
                    guard state.waiting.isEmpty, !state.isFinished else { return true }
                    state.consumer = continuation
                    return false
                }
                if isReady { continuation.resume() }
            }
        }
    }

    /// Takes nothing more; what waits is still given out.
    public func finish() {
        wakeConsumer { $0.isFinished = true }
    }

    private func take(_ limit: Int) -> (batch: [Element], isOver: Bool, resumed: [@Sendable () -> Void]) {
        state.withLock { state in
            var batch: [Element] = []
            while batch.count < limit, let (element, byteCount) = state.waiting.popFirst() {
                batch.append(element)
                if let byteCount {
                    state.offeredCount -= 1
                    state.offeredByteCount -= byteCount
                }
            }
            var resumed: [@Sendable () -> Void] = []
            if state.offeredCount <= capacity / 2, state.offeredByteCount <= byteCapacity / 2 { swap(&resumed, &state.pushedBack) }
            return (batch, state.isFinished && state.waiting.isEmpty, resumed)
        }
    }

    private func wakeConsumer(after change: (inout sending State) -> Void) {
        let consumer = state.withLock { state in
            change(&state)
            guard !state.waiting.isEmpty || state.isFinished else { return nil as CheckedContinuation<Void, Never>? }
            let consumer = state.consumer
            state.consumer = nil
            return consumer
        }
        consumer?.resume()
    }
}
