import Ledger
import Primitives
import Testing

@testable import Similarity

@Suite struct DomainAnswerTests {
    private func naive(_ domain: DomainName, in all: [(origin: OriginID, sighting: SmtpTargetSighting)], own: OriginID) -> DomainAnswer {
        let found = all.filter { $0.sighting.domain == domain }
        let ours = found.filter { $0.origin == own }
        func counts(_ list: [(origin: OriginID, sighting: SmtpTargetSighting)]) -> UInt64 { list.reduce(0) { $0 + UInt64($1.sighting.count) } }
        func attackers(_ list: [(origin: OriginID, sighting: SmtpTargetSighting)]) -> UInt64 { list.reduce(0) { $0 + UInt64($1.sighting.attackers) } }
        let matches = found.map {
            DomainMatch(
                origin: $0.origin, day: $0.sighting.day, reportedCount: $0.sighting.count, attackers: $0.sighting.attackers, isOwn: $0.origin == own)
        }
        return DomainAnswer(
            stream: .smtpTarget1, domain: domain, seen: !found.isEmpty, operators: Set(found.map(\.origin)).subtracting([own]).count,
            seenByOwn: !ours.isEmpty, reportedCount: counts(found), ownReportedCount: counts(ours), attackerDays: attackers(found),
            ownAttackerDays: attackers(ours), days: Set(found.map(\.sighting.day)).count, firstDay: found.map(\.sighting.day).min(),
            lastDay: found.map(\.sighting.day).max(), matches: Array(matches.sorted().prefix(1_000)), freshness: [])
    }

    /// Names of which one is the beginning of another, or its parent, or sorts beside it.
    private let names = [
        "a.example", "aa.example", "a-a.example", "b.a.example", "example.com", "example.co", "example.community", "xn--bcher-kva.example", "z.example",
    ].compactMap { DomainName($0) }

    @Test(arguments: seeds) func answersAreThoseOfLookingAtEverything(seed: UInt64) {
        var samples = Samples(seed: seed)
        var index = SightingIndex(own: origin(2))
        var all: [(origin: OriginID, sighting: SmtpTargetSighting)] = []
        var roots: [(origin: OriginID, bucket: Bucket)] = []
        for number: UInt8 in 1...4 {
            for day in 0..<5 {
                let day = Day(number: 20_000 + UInt32(day))
                let chosen = names.filter { _ in samples.random.number(below: 2) == 0 }
                let sightings = chosen.map {
                    SmtpTargetSighting(
                        day: day, domain: $0, count: samples.random.number(below: 5) == 0 ? .max : UInt32(samples.random.number(below: 9)),
                        attackers: UInt16(samples.random.number(below: 65_536)))
                }
                guard !sightings.isEmpty else { continue }
                let bucket = samples.domainBucket(sightings, on: day)
                index.add(bucket, of: origin(number))
                roots.append((origin(number), bucket))
                all += sightings.map { (origin(number), $0) }
            }
        }
        for name in names { #expect(index.ask(name) == naive(name, in: all, own: origin(2)), "\(name), \(replay(seed))") }
        #expect(index.count(of: .smtpTarget1) == all.count)

        // And after a third of the buckets have gone.
        for (place, gone) in roots.enumerated() where place % 3 == 0 {
            index.remove([gone.bucket.entry.root], of: gone.origin)
            all.removeAll { $0.origin == gone.origin && $0.sighting.day == gone.bucket.entry.day }
        }
        for name in names { #expect(index.ask(name) == naive(name, in: all, own: origin(2)), "\(name), \(replay(seed))") }
    }

    @Test func neighboursOfANameAreNotTheName() throws {
        var samples = Samples(seed: 1)
        let day = Day(number: 20_000)
        var index = SightingIndex(own: origin(1))
        let held = names.filter { ["a.example", "example.com", "z.example"].contains($0.text) }
        index.add(samples.domainBucket(held.map { SmtpTargetSighting(day: day, domain: $0, count: 0, attackers: 1) }, on: day), of: origin(2))
        for name in names + ["0.example", "zz.example", "a.exampl"].compactMap({ DomainName($0) }) {
            #expect(index.ask(name).seen == held.contains(name), "\(name)")
        }
    }

    /// A count of 0 says that the domain was there.
    @Test func presenceAloneIsSeen() throws {
        var samples = Samples(seed: 2)
        let day = Day(number: 20_000)
        let name = try #require(DomainName("mail.example"))
        var index = SightingIndex(own: origin(1))
        index.add(samples.domainBucket([SmtpTargetSighting(day: day, domain: name, count: 0, attackers: 0)], on: day), of: origin(2))
        let answer = index.ask(name)
        #expect(answer.seen && answer.operators == 1 && answer.reportedCount == 0 && answer.days == 1)
    }

    /// An origin may sign keys that are no domain names: they are in nobody's way.
    @Test func keysThatAreNoNamesDisturbNobody() throws {
        var samples = Samples(seed: 3)
        let day = Day(number: 20_000)
        let name = try #require(DomainName("mail.example"))
        let value: [UInt8] = [0, 0, 0, 7, 0, 2]
        let records = [[0], Array("MAIL.example".utf8), Array("mail".utf8), name.bytes, name.bytes + [0], [0xFF, 0xFE]].map { Record(key: $0, value: value) }
        var index = SightingIndex(own: origin(1))
        let bucket = samples.bucket(records, on: day, of: .smtpTarget1, keyByteCount: 0, valueByteCount: 6)
        index.add(bucket, of: origin(2))
        #expect(index.ask(name).matches == [DomainMatch(origin: origin(2), day: day, reportedCount: 7, attackers: 2, isOwn: false)])
    }

    @Test(arguments: seeds) func atMostAThousandDaysAreNamedAndAllAreCounted(seed: UInt64) throws {
        var samples = Samples(seed: seed)
        let name = try #require(DomainName("mail.example"))
        var index = SightingIndex(own: origin(1))
        for day in 0..<1_005 {
            let day = Day(number: 20_000 + UInt32(day))
            index.add(samples.domainBucket([SmtpTargetSighting(day: day, domain: name, count: 2, attackers: 1)], on: day), of: origin(2))
        }
        let answer = index.ask(name)
        #expect(answer.days == 1_005 && answer.reportedCount == 2_010 && answer.attackerDays == 1_005, replay(seed))
        #expect(answer.matches.count == 1_000 && answer.matches.first?.day == Day(number: 21_004), replay(seed))
        #expect(answer.firstDay == Day(number: 20_000))
    }
}
