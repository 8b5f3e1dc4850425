import Ledger
import Primitives
import WireFormat

/// One record that a question has found in the replica.
public struct FoundSighting: Hashable, Sendable {
    public let origin: OriginID
    public let day: Day
    /// Sessions, or attackers.
    public let count: UInt64
    /// Bits from the code asked for; `nil` for domains.
    public let distance: UInt16?

    public init(origin: OriginID, day: Day, count: UInt64, distance: UInt16?) {
        self.origin = origin
        self.day = day
        self.count = count
        self.distance = distance
    }
}

/// Which branch of the sponsor tree each operator belongs to, by the operator at its top.
///
/// Whoever admits a dozen operators of its own making is one voice with them.
public struct SponsorBranches: Hashable, Sendable {
    private let branches: [OriginID: OriginID]

    public init(_ branches: [OriginID: OriginID]) { self.branches = branches }

    /// Operators that stand in no branch, having no membership, are not counted.
    public subscript(origin: OriginID) -> OriginID? { branches[origin] }
}

extension AggregateAnswer {
    /// Operators of as many different branches must have seen it before anything is said.
    public static let threshold = 3
    /// Nothing older than this is answered from, in days.
    public static let oldestDays = 90
    /// How near a code must be: each is looked at alone, the nearest first.
    static let bands: [(nearness: Nearness, bits: UInt16)] = [(.within6Bits, 6), (.within10Bits, 10), (.within16Bits, 16)]

    /// What may be said of what was found (`Protocol/answers.md` §6.3).
    ///
    /// Of codes: within the narrowest band that enough operators have one in. All else is about that band.
    public init(_ found: [FoundSighting], branches: SponsorBranches, today: Day) {
        let oldest = today.advanced(by: -Self.oldestDays)
        let counted = found.filter { $0.day >= oldest && $0.day <= today.advanced(by: 1) && branches[$0.origin] != nil }
        let domains = counted.filter { $0.distance == nil }
        if let seen = Self.seen(domains, branches, today, nearness: nil) {
            self.init(seen: seen)
            return
        }
        for band in Self.bands {
            let near = counted.filter { $0.distance.map { $0 <= band.bits } ?? false }
            guard let seen = Self.seen(near, branches, today, nearness: band.nearness) else { continue }
            self.init(seen: seen)
            return
        }
        self = .none
    }

    /// `nil` below the threshold. Counted are branches, not operators, so that many from one branch do not look like many.
    private static func seen(_ found: [FoundSighting], _ branches: SponsorBranches, _ today: Day, nearness: Nearness?) -> Seen? {
        let voices = Set(found.compactMap { branches[$0.origin] })
        guard voices.count >= threshold, let last = found.map(\.day).max() else { return nil }
        let operators: Operators = voices.count >= 20 ? .from20 : voices.count >= 10 ? .from10 : voices.count >= 5 ? .from5 : .from3
        let total = found.reduce(UInt64(0)) { sum, each in
            let (more, overflow) = sum.addingReportingOverflow(each.count)
            return overflow ? .max : more
        }
        let recency: Recency =
            last > today.advanced(by: -7) ? .within7Days : last > today.advanced(by: -30) ? .within30Days : .within90Days
        return Seen(operators: operators, digits: UInt8(min(9, String(total).utf8.count)), recency: recency, nearness: nearness)
    }
}
