import Foundation
import GRDB
import Ledger
import Outbox
import Primitives
import Testing

@testable import Collecting

/// A collector's two directories, gone when the test is.
final class CollectorScratch {
    let root = NSTemporaryDirectory() + "hearsay-collecting-\(UUID().uuidString)"
    var outboxDirectory: String { root + "/outbox" }
    var profilesDirectory: String { root + "/collector" }
    let database: ProfilesDatabase

    init() throws {
        try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
        database = try ProfilesDatabase(directory: root + "/collector")
    }

    deinit { try? FileManager.default.removeItem(atPath: root) }

    func take(_ items: [SourceItem]) throws -> ProfilesDatabase.IngestCount {
        var count = ProfilesDatabase.IngestCount()
        try database.ingest(items, into: &count)
        return count
    }

    func release(_ policy: Policy, at now: Int64, seed: UInt64 = 1) throws -> Releaser.Outcome {
        var random = SeededGenerator(seed: seed)
        let gate = ReleaseGate(policy: policy, today: Timestamp(milliseconds: UInt64(now)).day)
        return try Releaser(database: database, gate: gate).run(OutboxWriter(directory: outboxDirectory), at: now, using: &random)
    }

    func outbox() throws -> [Sighting] { try OutboxReader(directory: outboxDirectory).read(after: nil, limit: .max).sightings }
}

enum Fixture {
    static let noon: Int64 = 1_760_000_000_000
    static let hour: Int64 = 3_600_000
    static let attacker = "3f2b8c1e-9a4d-4f6b-8e21-7d5c0a9b1e42"
    static let address = "203.0.113.77"
    static let sid = "sid-planted-4711"

    static func session(_ sid: String = sid, hash: UInt64 = 0xA1B2_C3D4_E5F6_0718, keys: Int? = 300, digraphs: Int? = 60) -> SourceItem {
        .session(
            SourceSession(
                sid: sid, simHash: hash, typedKeyCount: keys, distinctDigraphCount: digraphs, digraphSampleCount: 512, startedAt: noon,
                attackerUUID: attacker, attackerIP: address, service: "ssh", logID: 9))
    }

    static func target(_ domain: String, by attacker: String = attacker, total: Int64, first: Int64 = noon, last: Int64 = noon) -> SourceItem {
        .smtpTarget(SourceSmtpTarget(attackerUUID: attacker, attackerIP: address, domain: domain, firstSeen: first, lastSeen: last, counting: .total(total)))
    }

    static var open: Policy {
        var policy = Policy()
        policy.sessionSimHash.isShared = true
        policy.sessionSimHash.versions = [1]
        policy.smtpTarget.isShared = true
        policy.delay = .zero ... .zero
        return policy
    }
}

@Suite struct ReleaseTests {
    typealias Facts = ReleaseGate.SessionFacts

    private func reason<Value>(_ result: Result<Value, RejectionError>) -> Rejection? {
        if case .failure(let error) = result { error.reason } else { nil }
    }

    @Test func eachSessionGateRefusesAndAdmits() {
        let gate = ReleaseGate(policy: Fixture.open, today: Day(number: 20_000))
        let day = Day(number: 20_000)
        let good = Facts(simHash: 5, day: day, typedKeys: 200, digraphs: 30, samples: 512)
        #expect(reason(gate.judge(good)) == nil)
        #expect(reason(ReleaseGate(policy: Policy(), today: Day(number: 20_000)).judge(good)) == .sessionsNotShared)
        #expect(reason(gate.judge(Facts(simHash: 0, day: day, typedKeys: 200, digraphs: 30))) == .noSimHash)
        #expect(reason(gate.judge(Facts(simHash: nil, day: day, typedKeys: 200, digraphs: 30))) == .noSimHash)
        #expect(reason(gate.judge(Facts(simHash: 5, day: nil, typedKeys: 200, digraphs: 30))) == .dayUnknown)
        #expect(reason(gate.judge(Facts(simHash: 5, day: day, typedKeys: 199, digraphs: 30))) == .tooFewKeys)
        #expect(reason(gate.judge(Facts(simHash: 5, day: day, typedKeys: 200, digraphs: 29))) == .tooFewDigraphs)
        #expect(reason(gate.judge(Facts(simHash: 5, day: day, typedKeys: 200, digraphs: nil))) == .lengthUnknown)
        #expect(reason(gate.judge(Facts(simHash: 5, day: Day(number: 19_910), typedKeys: 200, digraphs: 30))) == nil)
        #expect(reason(gate.judge(Facts(simHash: 5, day: Day(number: 19_909), typedKeys: 200, digraphs: 30))) == .tooOld)
        #expect(reason(gate.judge(Facts(simHash: 5, day: Day(number: 20_002), typedKeys: 200, digraphs: 30))) == .inFuture)
        var trusting = Fixture.open
        trusting.sessionSimHash.trustsUnmeasured = true
        let trustingGate = ReleaseGate(policy: trusting, today: Day(number: 20_000))
        #expect(reason(trustingGate.judge(Facts(simHash: 5, day: day))) == nil)
        #expect(reason(trustingGate.judge(Facts(simHash: 5, day: day, typedKeys: 10))) == .tooFewKeys, "what is measured is not waved through")
        if case .success(let passed) = gate.judge(good) { #expect(passed.strength == 9) }
    }

    @Test func eachDomainGateRefusesAndAdmits() {
        var policy = Fixture.open
        policy.smtpTarget.ownDomains = ["ours.org"]
        let gate = ReleaseGate(policy: policy, today: Day(number: 20_000))
        #expect((try? gate.judge(domain: "mx.victim.co.uk").get())?.text == "victim.co.uk")
        #expect(reason(ReleaseGate(policy: Policy(), today: Day(number: 20_000)).judge(domain: "victim.com")) == .targetsNotShared)
        #expect(reason(gate.judge(domain: "mail.ours.org")) == .ownDomain)
        #expect(reason(gate.judge(domain: "gmail.com")) == .noiseDomain)
        #expect(reason(gate.judge(domain: "co.uk")) == .publicSuffix)
        #expect(reason(gate.judge(domain: "not a domain")) == .noDomain)
        #expect(!gate.isEnough(attackers: 1, count: 2) && gate.isEnough(attackers: 2, count: 0) && gate.isEnough(attackers: 1, count: 3))
    }

    @Test func runningAgainReleasesNothingNew() throws {
        let scratch = try CollectorScratch()
        let items = [Fixture.session(), Fixture.target("victim.com", total: 3)]
        _ = try scratch.take(items)
        #expect(try scratch.release(Fixture.open, at: Fixture.noon).released == 2)
        let again = try scratch.take(items)
        #expect(again.newSessions + again.changedSessions + again.newTargets + again.changedTargets == 0)
        #expect(try scratch.release(Fixture.open, at: Fixture.noon).released == 0)
        #expect(try scratch.outbox().count == 2)
    }

    @Test(arguments: [1, 2, 3, 0xC0FFEE] as [UInt64])
    func theDelayIsDrawnOnceAndKept(seed: UInt64) throws {
        var policy = Fixture.open
        policy.delay = .seconds(6 * 3_600)...(.seconds(24 * 3_600))
        let scratch = try CollectorScratch()
        _ = try scratch.take([Fixture.session()])
        let first = try scratch.release(policy, at: Fixture.noon, seed: seed)
        let due = try #require(first.nextDue)
        #expect(first.released == 0 && first.waiting == 1)
        #expect((Fixture.noon + 6 * Fixture.hour...Fixture.noon + 24 * Fixture.hour).contains(due), "seed \(seed)")
        #expect(try scratch.release(policy, at: due - 1, seed: seed &+ 1).nextDue == due, "seed \(seed)")
        #expect(try scratch.outbox().isEmpty)
        #expect(try scratch.release(policy, at: due, seed: seed &+ 2).released == 1, "seed \(seed)")
    }

    @Test func aDomainThatBecomesOursWhileItWaitsDoesNotLeave() throws {
        var policy = Fixture.open
        policy.delay = .seconds(6 * 3_600)...(.seconds(24 * 3_600))
        let scratch = try CollectorScratch()
        _ = try scratch.take([Fixture.target("victim.com", total: 3)])
        #expect(try scratch.release(policy, at: Fixture.noon).waiting == 1)
        policy.smtpTarget.ownDomains = ["victim.com"]
        let later = try scratch.release(policy, at: Fixture.noon + 48 * Fixture.hour)
        #expect(later.released == 0 && later.waiting == 0 && later.rejections[.ownDomain] == 1)
        #expect(try scratch.outbox().isEmpty)
    }

    @Test func aCrashBetweenAppendingAndNotingOnlySaysItTwice() throws {
        let scratch = try CollectorScratch()
        _ = try scratch.take([Fixture.session(), Fixture.target("victim.com", total: 3)])
        _ = try scratch.release(Fixture.open, at: Fixture.noon)
        let once = try scratch.outbox()
        // As the database was before the note: the crash undid nothing else.
        try scratch.database.write("undo the note") { try $0.execute(sql: "UPDATE release SET released_value = NULL; DELETE FROM outbox_mark") }
        _ = try scratch.release(Fixture.open, at: Fixture.noon)
        let twice = try scratch.outbox()
        #expect(twice == once + once && Set(twice) == Set(once))
    }

    @Test(arguments: [false, true])
    func aLostOutboxIsWrittenAnew(onlyItsEnd: Bool) throws {
        let scratch = try CollectorScratch()
        _ = try scratch.take([Fixture.session(), Fixture.target("victim.com", total: 3)])
        _ = try scratch.release(Fixture.open, at: Fixture.noon)
        let before = Set(try scratch.outbox())
        let file = scratch.outboxDirectory + "/outbox.log"
        if onlyItsEnd {
            let bytes = try Data(contentsOf: URL(fileURLWithPath: file))
            try bytes.prefix(bytes.count - 1).write(to: URL(fileURLWithPath: file))
        } else {
            try FileManager.default.removeItem(atPath: file)
        }
        #expect(try scratch.release(Fixture.open, at: Fixture.noon).released == 2)
        #expect(Set(try scratch.outbox()) == before)
    }

    @Test func noIdentityIsInTheOutbox() throws {
        let scratch = try CollectorScratch()
        _ = try scratch.take([
            Fixture.session(), Fixture.target("Mailbox.victim.com", total: 3), Fixture.target("victim.com", by: "8c5f-other-uuid", total: 2),
            Fixture.target("planted-local-part@victim.net", total: 9),
        ])
        _ = try scratch.release(Fixture.open, at: Fixture.noon)
        let bytes = try Data(contentsOf: URL(fileURLWithPath: scratch.outboxDirectory + "/outbox.log"))
        #expect(bytes.range(of: Data("victim.com".utf8)) != nil, "the control: what may leave is found this way")
        let raw = Data([203, 0, 113, 77])
        let uuid = Data(Fixture.attacker.filter { $0 != "-" }.utf8)
        for planted in [Data(Fixture.attacker.utf8), uuid, Data(Fixture.address.utf8), raw, Data(Fixture.sid.utf8), Data("8c5f-other".utf8),
            Data("planted-local-part".utf8), Data("Mailbox".lowercased().utf8)] {
            #expect(bytes.range(of: planted) == nil)
        }
    }
}
