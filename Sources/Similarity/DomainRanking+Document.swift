import Ledger
import Primitives

/// A list of domains, as it was asked for.
public struct DomainRanking: Hashable, Sendable {
    public let stream: StreamID
    public let order: SightingIndex.DomainOrder
    /// `nil`: all domains.
    public let parent: DomainName?
    public let standings: [DomainStanding]
    public let freshness: [Freshness]
}

extension SightingIndex {
    /// The first domains in an order, with what the list rests on. Exact; looks at every record of the stream.
    public func ranking(by order: DomainOrder, under parent: DomainName? = nil, limit: Int) -> DomainRanking {
        DomainRanking(
            stream: .smtpTarget1, order: order, parent: parent, standings: domains(by: order, under: parent, limit: limit), freshness: freshnessOfOrigins)
    }
}

extension SightingIndex.DomainOrder {
    /// The name by which it is asked for.
    public var name: String {
        switch self {
        case .operators: "operators"
        case .days: "days"
        case .newest: "newest"
        }
    }

    public init?(name: String) {
        guard let order = Self.allCases.first(where: { $0.name == name }) else { return nil }
        self = order
    }
}

extension DomainRanking {
    /// The list as one JSON object (`Protocol/answers.md` §5).
    ///
    /// - Parameter noisePerMille: from which share of all operators on it tells nothing that they have seen a domain.
    public func document(at now: Timestamp, noisePerMille: Int = Commonness.standardPerMille) -> String {
        var json = JSONText()
        json.object { json in
            json.value("by", order.name)
            if let parent { json.value("under", parent.text) } else { json.null("under") }
            json.array("domains") { json in
                for standing in standings {
                    json.object { json in
                        json.value("domain", standing.domain.text)
                        json.value("operators", standing.operators)
                        json.value("seen_by_own", standing.seenByOwn)
                        json.value(
                            "noise",
                            Commonness.isNoise(seenBy: standing.operators + (standing.seenByOwn ? 1 : 0), of: freshness.count, perMille: noisePerMille))
                        json.value("reported_count", standing.reportedCount)
                        json.value("attacker_days", standing.attackerDays)
                        json.value("days", standing.days)
                        json.value("first_day", standing.firstDay)
                        json.value("last_day", standing.lastDay)
                    }
                }
            }
            SimHashAnswer.put(stream, into: &json)
            SimHashAnswer.put(freshness, at: now, into: &json)
        }
        return json.text
    }
}
