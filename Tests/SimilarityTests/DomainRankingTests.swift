import Ledger
import Primitives
import Testing

@testable import Similarity

@Suite struct DomainRankingTests {
    private let names = ["a.example", "b.a.example", "ba.example", "c.example", "d.test"].compactMap { DomainName($0) }

    private func index(_ sightings: [(origin: UInt8, day: UInt32, name: Int)]) -> SightingIndex {
        var samples = Samples(seed: 1)
        var index = SightingIndex(own: origin(1))
        for each in sightings {
            let day = Day(number: each.day)
            index.add(samples.domainBucket([SmtpTargetSighting(day: day, domain: names[each.name], count: 2, attackers: 1)], on: day), of: origin(each.origin))
        }
        return index
    }

    @Test func eachOrderPutsItsOwnFirst() {
        let index = index([(1, 10, 0), (2, 10, 0), (3, 10, 0), (2, 10, 3), (2, 11, 3), (2, 12, 3), (2, 13, 4)])
        #expect(index.domains(by: .operators, limit: 9).map(\.domain.text) == ["a.example", "c.example", "d.test"])
        #expect(index.domains(by: .days, limit: 9).map(\.domain.text) == ["c.example", "a.example", "d.test"])
        #expect(index.domains(by: .newest, limit: 2).map(\.domain.text) == ["d.test", "c.example"])
        let first = index.domains(by: .operators, limit: 1)[0]
        #expect(first.operators == 2 && first.seenByOwn && first.days == 1 && first.reportedCount == 6 && first.attackerDays == 3)
    }

    /// The form of `Protocol/answers.md` §5, letter by letter.
    @Test func aListIsThisText() throws {
        let index = index([(1, 20_000, 0), (2, 20_000, 0), (2, 20_001, 3)])
        #expect(
            index.ranking(by: .days, under: names[0], limit: 1).document(at: .zero)
                == #"{"by":"days","under":"a.example","domains":[{"domain":"a.example","operators":1,"seen_by_own":true,"noise":false,"reported_count":4,"#
                + #""attacker_days":2,"days":1,"first_day":"2024-10-04","last_day":"2024-10-04"}],"stream":{"kind":2,"schema_version":1},"freshness":[]}"#)
        #expect(index.ranking(by: .newest, limit: 9).document(at: .zero).hasPrefix(#"{"by":"newest","under":null,"domains":[{"domain":"c.example","#))
        for order in SightingIndex.DomainOrder.allCases { #expect(SightingIndex.DomainOrder(name: order.name) == order) }
        #expect(SightingIndex.DomainOrder(name: "size") == nil)
    }

    @Test func aParentHoldsItselfAndWhatIsBelowIt() throws {
        let index = index((0..<5).map { (2, 10, $0) })
        #expect(index.domains(by: .operators, under: names[0], limit: 9).map(\.domain.text) == ["a.example", "b.a.example"])
        #expect(index.domains(by: .newest, under: try #require(DomainName("nowhere.example")), limit: 9).isEmpty)
    }

    @Test(arguments: seeds) func standingsAreThoseOfAskingForEachName(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var sightings: Set<[UInt64]> = []
        for _ in 0..<60 { sightings.insert([1 + random.number(below: 4), random.number(below: 6), random.number(below: 5)]) }
        let index = index(sightings.map { (UInt8($0[0]), UInt32($0[1]), Int($0[2])) })
        for order in SightingIndex.DomainOrder.allCases {
            let standings = index.domains(by: order, limit: 9)
            #expect(standings.count == names.count { index.ask($0).seen }, replay(seed))
            for standing in standings {
                let answer = index.ask(standing.domain)
                #expect(standing.operators == answer.operators && standing.days == answer.days && standing.seenByOwn == answer.seenByOwn, replay(seed))
                #expect(standing.reportedCount == answer.reportedCount && standing.attackerDays == answer.attackerDays, replay(seed))
                #expect(standing.firstDay == answer.firstDay && standing.lastDay == answer.lastDay, replay(seed))
            }
        }
        #expect(index.domains(by: .days, limit: -1).isEmpty)
    }
}
