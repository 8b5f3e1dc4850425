import Cryptography
import Ledger
import Primitives
import WireFormat

/// The statements a node holds, numbered in the order in which it accepted them: a neighbour asks "what since your number X?"
/// (`Protocol/replication.md` §3).
///
/// Each statement has a *slot*: what it is about. A newer statement takes the slot and a new number, and the old one is gone, so the
/// log is as long as what is held, however much has passed through it.
public struct StatementLog<Slot: Hashable & Sendable>: Sendable {
    /// Names this numbering; a new one for every start.
    public let id: UInt64

    private struct Place {
        let number: UInt64
        let slot: Slot
        /// The first bits of the statement's hash: its part, where parts are finest.
        let part: UInt16
    }

    private struct Held {
        let number: UInt64
        let bytes: [UInt8]
    }

    /// What a log that this one was copied from held already, and all later ones. Ascending; those whose slot has moved on are skipped.
    private var earlier: [Place] = []
    private var places: [Place] = []
    private var current = SharedTable<Slot, Held>()
    /// Statements of `places` that are held.
    private var laterCount = 0
    private var parts = StatementParts()

    public init(id: UInt64) { self.id = id }

    /// A log under another name that holds what `other` holds, under the same numbers; what is shared costs nothing until one of them
    /// changes. O(1) where `other` is such a copy itself, which has taken nothing since.
    public init(id: UInt64, copying other: StatementLog) {
        self = StatementLog(id: id)
        earlier = other.places.isEmpty ? other.earlier : other.earlier + other.places
        current = other.current
        parts = other.parts
        upTo = other.upTo
    }

    /// The number of the statement accepted last; 0 before the first.
    public private(set) var upTo: UInt64 = 0

    /// Statements held.
    public var count: Int { current.count }

    @_specialize(where Slot == Ledger.Slot)
    public func bytes(in slot: Slot) -> [UInt8]? { current[slot]?.bytes }

    /// Whether a statement with this hash is held.
    public func contains(_ hash: Digest) -> Bool { parts.contains(hash) }

    /// Puts a statement last, in the place of what its slot held. O(1) amortised, and one or two hashings.
    @_specialize(where Slot == Ledger.Slot)
    public mutating func append(_ bytes: [UInt8], in slot: Slot) {
        remove(slot)
        let hash = BLAKE2b.hash(bytes)
        parts.insert(hash)
        upTo += 1
        current[slot] = Held(number: upTo, bytes: bytes)
        places.append(Place(number: upTo, slot: slot, part: UInt16(StatementParts.part(of: hash, bits: Limits.comparisonBits))))
        laterCount += 1
        if places.count > 2 * laterCount + 64 { places.removeAll { current[$0.slot]?.number != $0.number } }
        if earlier.count > 2 * (current.count - laterCount) + 64 { earlier.removeAll { current[$0.slot]?.number != $0.number } }
    }

    /// Takes a statement out.
    @_specialize(where Slot == Ledger.Slot)
    public mutating func remove(_ slot: Slot) {
        guard let old = current.removeValue(forKey: slot) else { return }
        if old.number > earlier.last?.number ?? 0 { laterCount -= 1 }
        parts.remove(BLAKE2b.hash(old.bytes))
    }

    /// What has been accepted after `number`, oldest first, within both limits; at least one statement if there is any.
    ///
    /// - Parameter overhead: bytes each statement costs beside its own.
    @_specialize(where Slot == Ledger.Slot)
    public func statements(
        after number: UInt64, limit: Int, byteLimit: Int, overhead: Int
    ) -> (statements: [[UInt8]], upTo: UInt64, hasMore: Bool) {
        statements(after: number, limit: limit, byteLimit: byteLimit, overhead: overhead, places: { _ in true })
    }

    /// The same as above, of some slots only.
    public func statements(
        after number: UInt64, limit: Int, byteLimit: Int, overhead: Int, where isWanted: (Slot) -> Bool
    ) -> (statements: [[UInt8]], upTo: UInt64, hasMore: Bool) {
        statements(after: number, limit: limit, byteLimit: byteLimit, overhead: overhead, places: { isWanted($0.slot) })
    }

    /// The digests of the log's parts, 2 to the power of `bits` of them.
    public mutating func digests(bits: Int) -> [UInt64] { parts.digests(bits: bits) }

    /// The same as above, less the statements in parts that are equal here and at whoever asks.
    ///
    /// - Parameter isEqual: of each part, 1 to 4,096 of them, a power of 2.
    @_specialize(where Slot == Ledger.Slot)
    public func statements(
        after number: UInt64, outside isEqual: [Bool], limit: Int, byteLimit: Int, overhead: Int
    ) -> (statements: [[UInt8]], upTo: UInt64, hasMore: Bool) {
        let shift = UInt16(Limits.comparisonBits - isEqual.count.trailingZeroBitCount)
        return statements(after: number, limit: limit, byteLimit: byteLimit, overhead: overhead, places: { !isEqual[Int($0.part >> shift)] })
    }

    @_specialize(where Slot == Ledger.Slot)
    private func statements(
        after number: UInt64, limit: Int, byteLimit: Int, overhead: Int, places isWanted: (Place) -> Bool
    ) -> (statements: [[UInt8]], upTo: UInt64, hasMore: Bool) {
        var statements: [[UInt8]] = []
        var byteCount = 0
        var last = number
        for part in [earlier, places] {
            for place in part[Self.firstPlace(after: number, in: part)...] where isWanted(place) {
                guard let held = current[place.slot], held.number == place.number else { continue }
                byteCount += held.bytes.count + overhead
                if !statements.isEmpty, statements.count == limit || byteCount > byteLimit { return (statements, last, true) }
                statements.append(held.bytes)
                last = place.number
            }
        }
        return (statements, upTo, false)
    }

    private static func firstPlace(after number: UInt64, in places: [Place]) -> Int {
        var (low, high) = (0, places.count)
        while low < high {
            let middle = (low + high) / 2
            if places[middle].number <= number { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
