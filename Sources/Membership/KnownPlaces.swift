import Ledger
import Primitives
import Synchronization
import WireFormat

/// The times between two at which something may change, by the wall clock: from the first, and before the last.
public struct TimeSpan: Hashable, Sendable {
    public private(set) var start: Timestamp
    public private(set) var end: Timestamp

    public static let always = TimeSpan(from: .zero, to: .distantFuture)

    public init(from start: Timestamp, to end: Timestamp) { (self.start, self.end) = (start, end) }

    public func contains(_ time: Timestamp) -> Bool { start <= time && time < end }

    mutating func narrow(to other: TimeSpan) { (start, end) = (max(start, other.start), min(end, other.end)) }
}

extension MembershipCertificate {
    /// Whether it is valid, and while that stays so; clocks may differ at its beginning.
    func validity(at now: Timestamp) -> (isValid: Bool, span: TimeSpan) {
        let begin = notBefore + Limits.clockSkew * -1
        if now < begin { return (false, TimeSpan(from: .zero, to: begin)) }
        if now < notAfter { return (true, TimeSpan(from: begin, to: notAfter)) }
        return (false, TimeSpan(from: notAfter, to: .distantFuture))
    }
}

/// How far an operator is from the root.
struct Place: Sendable {
    /// `nil` if no valid chain is short enough.
    let depth: Int?
    /// While that stays so, as long as the table stays as it is.
    let span: TimeSpan
}

/// Places of operators that were found with much looking: at most one for each operator there is, and of nobody where sponsors are few.
///
/// Filled while the table is only read. Copies of a table share it as long as they are the same; whoever changes a copy takes another.
final class KnownPlaces: Sendable {
    private struct State {
        var places: SharedTable<OriginID, Place>
        var keptCount = 0
    }

    private let state: Mutex<State>

    init(_ places: SharedTable<OriginID, Place> = SharedTable()) { state = Mutex(State(places: places)) }

    /// Places that were found and kept, each time counted: what looking has cost.
    var keptCount: Int { state.withLock { $0.keptCount } }

    func copy() -> KnownPlaces { KnownPlaces(state.withLock { $0.places }) }

    func place(of origin: OriginID, at now: Timestamp) -> Place? {
        state.withLock { state in
            guard !state.places.isEmpty, let place = state.places[origin], place.span.contains(now) else { return nil }
            return place
        }
    }

    func keep(_ found: [(OriginID, Place)]) {
        state.withLock { state in
            state.keptCount += found.count
            for (origin, place) in found { state.places[origin] = place }
        }
    }
}
