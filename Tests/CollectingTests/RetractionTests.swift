import Foundation
import GRDB
import Ledger
import Outbox
import Primitives
import Testing

@testable import Collecting

@Suite struct RetractionTests {
    private static let today = Timestamp(milliseconds: UInt64(Fixture.noon)).day
    private static let day: Int64 = 24 * Fixture.hour
    private static let hash: UInt64 = 0xA1B2_C3D4_E5F6_0718
    private static let otherHash: UInt64 = 0x0123_4567_89AB_CDEF
    private let scratch: CollectorScratch

    /// Two sessions and two domains, one of each released yesterday too.
    init() throws {
        scratch = try CollectorScratch()
        _ = try scratch.take([
            Fixture.session(), Fixture.session("another", hash: Self.otherHash), Fixture.target("victim.com", total: 5),
            Fixture.target("bystander.net", total: 3, first: Fixture.noon - Self.day, last: Fixture.noon - Self.day),
        ])
    }

    private func retractor(at now: Int64 = Fixture.noon) -> Retractor {
        Retractor(database: scratch.database, today: Timestamp(milliseconds: UInt64(now)).day)
    }

    private func changes() throws -> [SightingChange] { try OutboxReader(directory: scratch.outboxDirectory).read(after: nil, limit: .max).changes }

    @discardableResult private func note(_ scope: RetractionScope, at now: Int64 = Fixture.noon) throws -> Retractor.Outcome {
        try retractor(at: now).note(scope, released: try changes(), at: now)
    }

    private func write(at now: Int64 = Fixture.noon) throws { try retractor(at: now).write(to: OutboxWriter(directory: scratch.outboxDirectory), at: now) }

    /// What a reader of the whole outbox ends up with.
    private func standing() throws -> Set<SightingName> {
        try changes().reduce(into: []) { names, change in
            switch change {
            case .stated(let sighting): names.insert(sighting.name)
            case .retracted(let name): names.remove(name)
            }
        }
    }

    private func keys() throws -> Set<[UInt8]> { Set(try standing().map(\.key)) }

    private static let victim = Array("victim.com".utf8)
    private static let bystander = Array("bystander.net".utf8)
    private static let code = ProfilesDatabase.bytes(of: hash)
    private static let otherCode = ProfilesDatabase.bytes(of: otherHash)

    static var scopes: [(RetractionScope, Retractor.Outcome, Set<[UInt8]>)] {
        [
            (.simHash(hash), .init(simHashes: 1, domains: 0, waiting: 0), [otherCode, victim, bystander]),
            (.domain(DomainName(victim)!), .init(simHashes: 0, domains: 1, waiting: 0), [code, otherCode, bystander]),
            (.day(today), .init(simHashes: 2, domains: 1, waiting: 0), [bystander]),
            (.everything, .init(simHashes: 2, domains: 2, waiting: 0), []),
        ]
    }

    @Test(arguments: 0..<4) func aScopeTakesBackItsOwnAndNothingElse(index: Int) throws {
        let (scope, expected, rest) = Self.scopes[index]
        #expect(try scratch.release(Fixture.open, at: Fixture.noon).released == 4)
        #expect(try note(scope) == expected)
        #expect(try keys().count == 4, "noted, and not yet written")
        #expect(try retractor().unwrittenCount() == expected.simHashes + expected.domains)
        try write()
        #expect(try keys() == rest)
        #expect(try retractor().unwrittenCount() == 0)
    }

    @Test func whatIsRetractedIsNotReleasedAgain() throws {
        _ = try scratch.release(Fixture.open, at: Fixture.noon)
        try note(.simHash(Self.hash))
        try write()
        let length = try changes().count
        // A further session of the same day: the figures change, and it is the same sighting.
        _ = try scratch.take([Fixture.session("a-third")])
        let outcome = try scratch.release(Fixture.open, at: Fixture.noon + Fixture.hour)
        #expect(outcome.released == 0 && outcome.rejections[.retracted] == 1)
        #expect(try changes().count == length)
    }

    @Test func whatWaitsIsDroppedAndItsNameIsNotWritten() throws {
        var policy = Fixture.open
        policy.delay = .seconds(6 * 3_600)...(.seconds(24 * 3_600))
        #expect(try scratch.release(policy, at: Fixture.noon).waiting == 4)
        #expect(try note(.domain(DomainName(Self.victim)!)) == .init(simHashes: 0, domains: 0, waiting: 1))
        let later = try scratch.release(policy, at: Fixture.noon + 48 * Fixture.hour)
        #expect(later.released == 3)
        let file = try Data(contentsOf: URL(fileURLWithPath: scratch.outboxDirectory + "/outbox.log"))
        #expect(file.range(of: Data("victim.com".utf8)) == nil && file.range(of: Data("bystander.net".utf8)) != nil)
    }

    @Test func whatIsSeenFromTomorrowOnIsReleasedAsBefore() throws {
        _ = try scratch.release(Fixture.open, at: Fixture.noon)
        try note(.everything)
        let tomorrow = Fixture.noon + Self.day
        _ = try scratch.take([Fixture.target("victim.com", total: 50, last: tomorrow)])
        #expect(try scratch.release(Fixture.open, at: tomorrow).released == 1)
        #expect(try standing().map(\.day) == [Self.today.advanced(by: 1)])
    }

    /// The collector at work writes what the command has noted.
    @Test func theNextRunWritesWhatIsNoted() throws {
        _ = try scratch.release(Fixture.open, at: Fixture.noon)
        try note(.domain(DomainName(Self.victim)!))
        _ = try scratch.release(Fixture.open, at: Fixture.noon)
        #expect(try keys() == [Self.code, Self.otherCode, Self.bystander])
    }

    /// The collector at work had decided before the rule was there, and writes the sighting after the retraction.
    @Test func whatARaceReleasedAfterwardsIsRetractedAgain() throws {
        _ = try scratch.release(Fixture.open, at: Fixture.noon)
        let target = try #require(try scratch.outbox().first { $0.record.key == Self.victim })
        try note(.domain(DomainName(Self.victim)!))
        try write()
        try OutboxWriter(directory: scratch.outboxDirectory).append([target])
        try scratch.database.write("what the other had planned") { database in
            try database.execute(
                sql: "INSERT INTO release (kind, schema_version, day, key, value, due_at, released_value) VALUES (?, ?, ?, ?, ?, ?, ?)",
                arguments: [
                    target.stream.kind, target.stream.schemaVersion, target.day.number, Data(target.record.key), Data(target.record.value), Fixture.noon,
                    Data(target.record.value),
                ])
        }
        #expect(try keys().contains(Self.victim), "the control: it stands there again")
        _ = try scratch.release(Fixture.open, at: Fixture.noon)
        #expect(try keys() == [Self.code, Self.otherCode, Self.bystander])
    }

    @Test func aCrashAfterWritingOnlySaysItTwice() throws {
        _ = try scratch.release(Fixture.open, at: Fixture.noon)
        try note(.domain(DomainName(Self.victim)!))
        try write()
        try scratch.database.write("undo the note") { try $0.execute(sql: "UPDATE retraction SET is_written = 0") }
        let before = try standing()
        _ = try scratch.release(Fixture.open, at: Fixture.noon)
        #expect(try standing() == before && before.count == 3)
    }

    /// The node may not have read the lost one to its end: it must hear of the retraction from the new one.
    @Test func aLostOutboxIsWrittenAnewWithItsRetractions() throws {
        _ = try scratch.release(Fixture.open, at: Fixture.noon)
        try note(.domain(DomainName(Self.victim)!))
        try write()
        try FileManager.default.removeItem(atPath: scratch.outboxDirectory + "/outbox.log")
        #expect(try scratch.release(Fixture.open, at: Fixture.noon).released == 3)
        let changes = try changes()
        #expect(changes.contains(.retracted(try #require(SightingName(stream: .smtpTarget1, day: Self.today, key: Self.victim)))))
        #expect(try keys() == [Self.code, Self.otherCode, Self.bystander])
    }

    /// Retracting must not hide the loss from the collector's next run.
    @Test func aRetractionIntoANewOutboxDoesNotKeepTheRestOutOfIt() throws {
        _ = try scratch.release(Fixture.open, at: Fixture.noon)
        try FileManager.default.removeItem(atPath: scratch.outboxDirectory + "/outbox.log")
        try note(.domain(DomainName(Self.victim)!))
        try write()
        #expect(try scratch.release(Fixture.open, at: Fixture.noon).released == 3)
        #expect(try keys() == [Self.code, Self.otherCode, Self.bystander])
    }

    /// profiles.db was lost and made anew: the outbox still tells what was released.
    @Test func whatOnlyTheOutboxRemembersIsRetractedToo() throws {
        _ = try scratch.release(Fixture.open, at: Fixture.noon)
        try scratch.database.write("forget") { try $0.execute(sql: "DELETE FROM release") }
        #expect(try note(.everything) == .init(simHashes: 2, domains: 2, waiting: 0))
        try write()
        #expect(try standing().isEmpty)
    }

    @Test func retractionsEndWithTheRetentionOfTheirDays() throws {
        func count() throws -> Int {
            let sql = "SELECT (SELECT count(*) FROM retraction) + (SELECT count(*) FROM retraction_rule)"
            return try scratch.database.read("count") { try Int.fetchOne($0, sql: sql) ?? -1 }
        }
        _ = try scratch.release(Fixture.open, at: Fixture.noon)
        try note(.domain(DomainName(Self.victim)!))
        try write(at: Fixture.noon + 90 * Self.day)
        #expect(try count() == 2)
        try write(at: Fixture.noon + 91 * Self.day)
        #expect(try count() == 0)
    }
}
