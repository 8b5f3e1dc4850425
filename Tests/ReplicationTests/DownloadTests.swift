import Ledger
import Primitives
import Testing
import WireFormat

@testable import Replication

/// Buckets on their way from several neighbours at once, with every misfortune the dice think of.
@Suite struct DownloadTests {
    private static let sessions = (1...5).map { SessionID(UInt64($0)) }

    /// Two manifests of one origin's days each, so that two downloads share what may be under way.
    private func manifest(of bucketCount: Int, using random: inout SeededGenerator) -> Manifest {
        let descriptor = StreamDescriptor.standard(for: .sessionSimHash1, shardKey: [UInt8](repeating: 1, count: 16))!
        var entries: [BucketEntry] = []
        for number in 0..<bucketCount {
            let day = Day(number: 20_000 + UInt32(number))
            let codes = Set((0...random.number(below: 400)).map { _ in 1 + random.number(below: .max) }).sorted()
            let records = codes.map { SessionSimHashSighting(day: day, simHash: $0, sessions: 1, strength: 0)!.record }
            entries.append(Bucket(records, at: day, descriptor: descriptor, seed: random.bytes(count: Bucket.seedByteCount)).entry)
        }
        return Manifest(descriptors: [descriptor], entries: entries)
    }

    @Test(arguments: [1, 2, 3, 4, 5, 6] as [UInt64]) func everyBucketComesOnceWhateverHappensToItsSources(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var budget = FetchBudget()
        let manifest = manifest(of: 300, using: &random)
        var download = Download(manifest, missing: manifest.entries, from: Array(Self.sessions.prefix(2)))
        var underWay: [Digest: (entry: BucketEntry, session: SessionID)] = [:]
        var here: Set<Digest> = []
        var steps = 0
        while !download.isComplete, steps < 20_000 {
            steps += 1
            for (session, entry, descriptor) in download.next(within: &budget, isHere: { here.contains($0) }) {
                #expect(underWay.updateValue((entry, session), forKey: entry.root) == nil, "seed \(seed): a bucket is asked of two at one time")
                #expect(!here.contains(entry.root) && download.sources.contains(session) && descriptor == manifest.descriptor(of: entry.stream))
            }
            for session in Self.sessions {
                let load = underWay.values.filter { $0.session == session }
                #expect(load.count <= FetchBudget.bucketsPerSession, "seed \(seed)")
                #expect(load.reduce(0) { $0 + Int($1.entry.byteCount) } <= FetchBudget.bytesPerSession, "seed \(seed)")
            }
            let one = underWay.keys.sorted().pick(using: &random)
            switch random.number(below: 12) {
            case 0: download.add(source: Self.sessions.pick(using: &random)!)
            case 1:
                guard let one, let request = underWay.removeValue(forKey: one) else { continue }
                download.failed(one, at: request.session, releasing: &budget)
            case 2:
                let session = Self.sessions.pick(using: &random)!
                download.closed(session, releasing: &budget)
                underWay = underWay.filter { $0.value.session != session }
            case 3:
                // From somebody of whom it was not asked.
                guard let one, let request = underWay[one], let stranger = Self.sessions.first(where: { $0 != request.session }) else { continue }
                let counts = download.came(one, from: stranger, releasing: &budget)
                #expect(!counts, "seed \(seed)")
            default:
                guard let one, let request = underWay.removeValue(forKey: one) else { continue }
                let counts = download.came(one, from: request.session, releasing: &budget)
                #expect(counts, "seed \(seed)")
                here.insert(one)
            }
            #expect(Set(download.missing.map(\.root)).isDisjoint(with: here), "seed \(seed)")
            #expect(download.isStuck == (download.sources.isEmpty && underWay.isEmpty && !download.missing.isEmpty), "seed \(seed)")
        }
        #expect(download.isComplete && here == Set(manifest.entries.map(\.root)), "seed \(seed): \(here.count) of 300 after \(steps) steps")
        // Nothing is left of it in the budget: a second one has all the room there is.
        let again = Download(manifest, missing: manifest.entries, from: [Self.sessions[0]])
        var fresh = FetchBudget()
        var (first, second) = (again, again)
        let withOld = first.next(within: &budget, isHere: { _ in false }).map(\.1)
        let withNew = second.next(within: &fresh, isHere: { _ in false }).map(\.1)
        #expect(withOld == withNew && !withNew.isEmpty, "seed \(seed)")
    }

    @Test func whatEndsBeforeItsTimeGivesItsRoomBack() {
        var random = SeededGenerator(seed: 7)
        let manifest = manifest(of: 80, using: &random)
        var budget = FetchBudget()
        var download = Download(manifest, missing: manifest.entries, from: [Self.sessions[0]])
        let asked = download.next(within: &budget, isHere: { _ in false })
        #expect(asked.count == FetchBudget.bucketsPerSession, "small buckets: their number is what limits them")
        let none = download.next(within: &budget, isHere: { _ in false })
        #expect(none.isEmpty)
        download.end(releasing: &budget)
        var other = Download(manifest, missing: manifest.entries, from: [Self.sessions[0]])
        #expect(other.next(within: &budget, isHere: { _ in false }).count == FetchBudget.bucketsPerSession)
    }

    @Test func theLongestBucketCanAlwaysBeAskedForAndNothingBesideIt() {
        var budget = FetchBudget()
        let (one, two) = (Self.sessions[0], Self.sessions[1])
        #expect(budget.leastBusy(of: [one], for: Limits.bucketByteCount) == one)
        budget.take(Limits.bucketByteCount, of: one)
        #expect(budget.leastBusy(of: [one], for: 1) == nil)
        #expect(budget.leastBusy(of: [one, two], for: 1) == two)
        budget.give(Limits.bucketByteCount, of: one)
        #expect(budget.leastBusy(of: [one], for: Limits.bucketByteCount) == one)
    }
}
