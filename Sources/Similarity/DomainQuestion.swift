import Ledger
import Primitives

/// One operator's day that an answer names.
public struct DomainMatch: Hashable, Sendable, Comparable {
    public let origin: OriginID
    public let day: Day
    /// A weak figure: as reported by the honeypots.
    public let reportedCount: UInt32
    public let attackers: UInt16
    /// Whether the operator is ourselves.
    public let isOwn: Bool

    /// Newest first; of one day by origin.
    public static func < (left: DomainMatch, right: DomainMatch) -> Bool {
        if left.day != right.day { return left.day > right.day }
        if left.origin != right.origin { return left.origin < right.origin }
        return (left.reportedCount, left.attackers) < (right.reportedCount, right.attackers)
    }
}

/// What the replica knows about a victim domain (`Protocol/answers.md` §3).
public struct DomainAnswer: Hashable, Sendable {
    public let stream: StreamID
    public let domain: DomainName
    public let seen: Bool
    /// Other operators who have seen it aimed at.
    public let operators: Int
    public let seenByOwn: Bool
    /// Sum of what the honeypots reported: no number of messages.
    public let reportedCount: UInt64
    /// The part of it that is our own.
    public let ownReportedCount: UInt64
    /// Sum over operators and days of different attackers: one who came on two days counts twice.
    public let attackerDays: UInt64
    /// The part of it that is our own.
    public let ownAttackerDays: UInt64
    /// Different days.
    public let days: Int
    public let firstDay: Day?
    public let lastDay: Day?
    /// At most 1,000, newest first.
    public let matches: [DomainMatch]
    public let freshness: [Freshness]
}

extension SightingIndex {
    /// Everybody who has seen a domain aimed at. Exact; O(buckets x log n).
    ///
    /// - Parameter domain: in the form in which it is published: registrable, lower case.
    public func ask(_ domain: DomainName, in stream: StreamID = .smtpTarget1) -> DomainAnswer {
        var tally = Tally()
        var reportedCount: UInt64 = 0
        var attackerDays: UInt64 = 0
        var ownReportedCount: UInt64 = 0
        var ownAttackerDays: UInt64 = 0
        var days: Set<Day> = []
        var matches: [DomainMatch] = []
        let key = domain.bytes
        for segment in domains(of: stream) {
            guard let sighting = segment.sighting(of: key) else { continue }
            let isOwn = segment.origin == own
            tally.add(segment.origin, segment.day, isOwn: isOwn)
            reportedCount += UInt64(sighting.count)
            attackerDays += UInt64(sighting.attackers)
            if isOwn {
                ownReportedCount += UInt64(sighting.count)
                ownAttackerDays += UInt64(sighting.attackers)
            }
            days.insert(segment.day)
            matches.append(
                DomainMatch(origin: segment.origin, day: segment.day, reportedCount: sighting.count, attackers: sighting.attackers, isOwn: isOwn))
        }
        matches.sort()
        return DomainAnswer(
            stream: stream, domain: domain, seen: !matches.isEmpty, operators: tally.others.count, seenByOwn: tally.includesOwn, reportedCount: reportedCount,
            ownReportedCount: ownReportedCount, attackerDays: attackerDays, ownAttackerDays: ownAttackerDays, days: days.count, firstDay: tally.firstDay,
            lastDay: tally.lastDay, matches: Array(matches.prefix(Self.matchLimit)), freshness: freshnessOfOrigins)
    }
}
