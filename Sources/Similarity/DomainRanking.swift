import Ledger
import Primitives

/// What is held about one domain, in short: a line of a list.
public struct DomainStanding: Hashable, Sendable {
    public let domain: DomainName
    /// Other operators who have seen it aimed at.
    public let operators: Int
    public let seenByOwn: Bool
    /// Different days.
    public let days: Int
    public let firstDay: Day
    public let lastDay: Day
    /// As reported by the honeypots, all operators together: no number of messages.
    public let reportedCount: UInt64
    public let attackerDays: UInt64
}

extension SightingIndex {
    /// Which domains come first. Of equals the one whose name sorts first.
    public enum DomainOrder: Hashable, Sendable, CaseIterable {
        /// Seen by most operators, ourselves included; then on most days.
        case operators
        /// Seen on most days; then by most operators.
        case days
        /// Seen last; then by most operators.
        case newest
    }

    /// The first domains in an order, all or those of a parent domain. Exact; looks at every record of the stream.
    ///
    /// - Parameter parent: only this domain and what ends in a dot and this domain.
    /// - Parameter limit: at most 1,000 are given.
    public func domains(by order: DomainOrder, under parent: DomainName? = nil, limit: Int, in stream: StreamID = .smtpTarget1) -> [DomainStanding] {
        var gathered: [DomainName: Gathered] = [:]
        for segment in domains(of: stream) {
            segment.forEachSighting { sighting in
                guard parent.map({ sighting.domain.isWithin($0) }) ?? true else { return }
                gathered[sighting.domain, default: Gathered()].add(sighting, of: segment, isOwn: segment.origin == own)
            }
        }
        let standings = gathered.map { domain, gathered in gathered.standing(of: domain) }
        return Array(standings.sorted { Self.precedes($0, $1, by: order) }.prefix(min(max(0, limit), Self.matchLimit)))
    }

    private static func precedes(_ left: DomainStanding, _ right: DomainStanding, by order: DomainOrder) -> Bool {
        func all(_ standing: DomainStanding) -> Int { standing.operators + (standing.seenByOwn ? 1 : 0) }
        func rank(_ standing: DomainStanding) -> (Int, Int) {
            switch order {
            case .operators: (all(standing), standing.days)
            case .days: (standing.days, all(standing))
            case .newest: (Int(standing.lastDay.number), all(standing))
            }
        }
        return rank(left) != rank(right) ? rank(left) > rank(right) : left.domain < right.domain
    }

    private struct Gathered {
        var tally = Tally()
        var days: Set<Day> = []
        var reportedCount: UInt64 = 0
        var attackerDays: UInt64 = 0

        mutating func add(_ sighting: SmtpTargetSighting, of segment: DomainSegment, isOwn: Bool) {
            tally.add(segment.origin, segment.day, isOwn: isOwn)
            days.insert(segment.day)
            reportedCount += UInt64(sighting.count)
            attackerDays += UInt64(sighting.attackers)
        }

        func standing(of domain: DomainName) -> DomainStanding {
            DomainStanding(
                domain: domain, operators: tally.others.count, seenByOwn: tally.includesOwn, days: days.count, firstDay: tally.firstDay ?? .last,
                lastDay: tally.lastDay ?? .last, reportedCount: reportedCount, attackerDays: attackerDays)
        }
    }
}

extension DomainName {
    /// Whether this is the other name, or below it.
    func isWithin(_ parent: DomainName) -> Bool { self == parent || text.hasSuffix("." + parent.text) }
}
