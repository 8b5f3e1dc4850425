import Dispatch
import Primitives
import Similarity
import Synchronization

/// The newest index, published whole. Readers take a copy and never wait for a change; a change never waits for the index to be put in order.
///
/// What is added can be asked when `change` returns. Putting it where it is found fastest goes on beside, on a queue of its own, and is swapped in.
public final class PublishedIndex: Sendable {
    private let current: Mutex<SightingIndex>
    /// One change at a time. Held while the next index is made, which costs the size of the change, and never while one is put in order.
    private let changing = Mutex(())
    private let settling = DispatchQueue(label: "hearsay.index.settling", qos: .utility)
    private let isSettling = Mutex(false)

    public init(_ index: SightingIndex) { current = Mutex(index) }

    /// The index as it is now: a copy that stays what it is.
    public var snapshot: SightingIndex { current.withLock { $0 } }

    /// - Parameter settles: whether to put it in order afterwards, which a single question does not pay for.
    public func change(settles: Bool = true, _ body: (inout SightingIndex) -> Void) {
        replace(body)
        if settles { settleBeside() }
    }

    /// Waits until everything added so far is in order.
    public func settled() async {
        while snapshot.isUnsettled {
            settleBeside()
            await withCheckedContinuation { continuation in settling.async { continuation.resume() } }
        }
    }

    private func replace(_ body: (inout SightingIndex) -> Void) {
        changing.withLock { _ in
            var next = snapshot  // Made beside the one in use, so that readers wait for a swap only.
            body(&next)
            current.withLock { $0 = next }
        }
    }

    private func settleBeside() {
        guard snapshot.isUnsettled else { return }
        let isFirst = isSettling.withLock { isSettling in
            defer { isSettling = true }
            return !isSettling
        }
        guard isFirst else { return }  // Whoever is at it looks again when it is done.
        settling.async { [self] in
            while let settlement = snapshot.settlement() { replace { $0.install(settlement) } }
            SightingIndex.giveBackMemory()
            let costs = Self.measuredCosts(of: snapshot)
            replace { $0.costs = costs }
            isSettling.withLock { $0 = false }
            settleBeside()
        }
    }

    /// What the steps of a search cost on this machine.
    static func measuredCosts(of index: SightingIndex) -> SearchCosts {
        let clock = SystemClock()
        return index.measuredCosts { UInt64(clamping: clock.now.instant.nanoseconds) }
    }
}
