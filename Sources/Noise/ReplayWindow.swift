/// Remembers which counters of a datagram session have been taken (`Protocol/transport.md` §6.3, in the manner of RFC 6479).
///
/// A ring of one bit per counter for the 1,024 counters up to the highest taken one. Asking changes nothing: the caller records a counter
/// only once its tag has been checked, so a forger cannot move the window.
public struct ReplayWindow: Sendable {
    /// How far behind the highest counter a datagram may come.
    public static let width: UInt64 = 1_024

    public enum Verdict: Hashable, Sendable {
        case fresh
        /// Taken before.
        case replayed
        /// So far behind that nobody remembers.
        case tooOld
    }

    private var highest: UInt64?
    private var taken = [UInt64](repeating: 0, count: Int(width / 64))

    public init() {}

    public func verdict(on counter: UInt64) -> Verdict {
        guard let highest, counter <= highest else { return .fresh }
        guard highest - counter < Self.width else { return .tooOld }
        let (word, bit) = Self.place(of: counter)
        return taken[word] & bit == 0 ? .fresh : .replayed
    }

    /// Marks a fresh counter as taken. At most 1,024 steps, where the counter leaps ahead.
    public mutating func record(_ counter: UInt64) {
        if let highest, counter > highest {
            forget(after: highest, through: counter)
        }
        highest = max(highest ?? counter, counter)
        let (word, bit) = Self.place(of: counter)
        taken[word] |= bit
    }

    /// Clears the places that the counters after `highest` take over from those that leave the window.
    private mutating func forget(after highest: UInt64, through counter: UInt64) {
        guard counter - highest < Self.width else {
            for word in taken.indices { taken[word] = 0 }
            return
        }
        for entering in highest + 1...counter {
            let (word, bit) = Self.place(of: entering)
            taken[word] &= ~bit
        }
    }

    private static func place(of counter: UInt64) -> (word: Int, bit: UInt64) {
        let place = counter % width
        return (Int(place / 64), 1 << (place % 64))
    }
}
