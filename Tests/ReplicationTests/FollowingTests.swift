import Cryptography
import Ledger
import Primitives
import Replication
import Testing
import WireFormat

@Suite struct FollowingTests {
    static let now = Timestamp(milliseconds: 1_790_000_000_000)

    /// Whose node is at the other end of a session: each is another's.
    static func operatorID(of session: SessionID) -> OriginID {
        var random = SeededGenerator(seed: session.number)
        return OriginID(SigningKey(using: &random).verifyingKey.raw)
    }

    /// An origin that publishes.
    struct Origin {
        let key: SigningKey
        let certificate: Verified<GenerationCertificate>
        var publisher: Publisher
        var random: SeededGenerator

        init(seed: UInt64) {
            random = SeededGenerator(seed: seed)
            let identity = SigningKey(using: &random)
            key = SigningKey(using: &random)
            certificate = Signed.make(
                GenerationCertificate(
                    origin: OriginID(identity.verifyingKey.raw), generation: 1, signingKey: key.verifyingKey, notBefore: now,
                    notAfter: now + .seconds(86_400 * 365), reason: .first)!, with: identity)
            publisher = Publisher(origin: OriginID(identity.verifyingKey.raw), key: key, certificate: certificate, own: nil)
        }

        mutating func publish(_ codes: [UInt64], at time: Timestamp = now) -> Publication {
            let descriptor = StreamDescriptor.standard(for: .sessionSimHash1, shardKey: [UInt8](repeating: 1, count: 16))!
            let records = codes.sorted().map { SessionSimHashSighting(day: time.day, simHash: $0, sessions: 1, strength: 0)!.record }
            publisher.change([
                DayContent(
                    descriptor: descriptor, day: time.day, buckets: Bucket.buckets(of: records, at: time.day, descriptor: descriptor, using: &random), mark: 5)
            ])
            let publication = publisher.publication(at: time)!
            publisher.published(publication)
            return publication
        }
    }

    @Test func everyHeadTakesANumberAndCarriesItsHistory() {
        var origin = Origin(seed: 1)
        var leaves = [MerkleTree.leaf(origin.certificate.hash.bytes, in: .history)]
        for number in 1...20 as ClosedRange<UInt64> {
            let publication = origin.publish([number])
            #expect(publication.head.body.position == HeadPosition(generation: 1, sequence: number))
            #expect(publication.head.body.historyRoot == MerkleTree.root(of: leaves))
            #expect(publication.coveredDays.map(\.mark) == [5])
            leaves.append(MerkleTree.leaf(publication.head.hash.bytes, in: .history))
        }
    }

    @Test func oneHeadAtATimeAndAFailedOneIsMadeAgain() {
        var origin = Origin(seed: 2)
        let first = origin.publisher.publication(at: Self.now)
        #expect(first?.head.body.position.sequence == 1)
        let second = origin.publisher.publication(at: Self.now)
        #expect(second == nil)

        origin.publisher.failed(first!)
        let again = origin.publisher.publication(at: Self.now)
        #expect(again?.head.body.position.sequence == 1)
        origin.publisher.published(again!)
        let idle = origin.publisher.publication(at: Self.now)
        #expect(idle == nil)
        let heartbeat = origin.publisher.publication(at: Self.now + Publisher.heartbeat)
        #expect(heartbeat?.head.body.position.sequence == 2)
    }

    @Test func aNewerHeadOfOurOwnHaltsUs() {
        var origin = Origin(seed: 3)
        let stale = origin.publisher
        _ = origin.publish([1])
        let newer = origin.publish([2])
        var restored = stale

        let isHalted = restored.sawOwnHead(newer.head)
        let publication = restored.publication(at: Self.now)
        #expect(isHalted && publication == nil)
        let isOwnHalted = origin.publisher.sawOwnHead(newer.head)
        #expect(!isOwnHalted)
    }

    @Test func headsAreJudgedByGenerationPositionTimeAndRate() {
        var origin = Origin(seed: 4)
        var record = OriginRecord()
        let publication = origin.publish([1])
        #expect(record.verdict(on: publication.head, at: Self.now) == .unresolved)
        let taken = record.take(origin.certificate)
        #expect(taken == .accepted(dropped: nil))
        #expect(record.verdict(on: publication.head, at: Self.now) == .news)
        #expect(record.verdict(on: publication.head, at: Self.now + .seconds(-601)) == .early)
        record.adopted = AdoptedState(head: publication.head, manifest: publication.manifest)
        #expect(record.verdict(on: publication.head, at: Self.now) == .known)

        func head(_ sequence: UInt64, root: Digest = .zero) -> Verified<Head> {
            Signed.make(
                Head(
                    origin: publication.head.body.origin, position: HeadPosition(generation: 1, sequence: sequence), issuedAt: Self.now, lifetimeSeconds: 60,
                    manifestRoot: root, entryCount: 0, sightingCount: 0, dataByteCount: 0, historyRoot: .zero)!, with: origin.key)
        }
        #expect(record.verdict(on: head(1), at: Self.now) == .equivocation)
        #expect(record.verdict(on: head(OriginRecord.sequenceBurst + 600), at: Self.now) == .news)
        #expect(record.verdict(on: head(OriginRecord.sequenceBurst + 601), at: Self.now) == .early)
        #expect(record.verdict(on: head(.max - 1), at: Self.now) == .early)
    }

    @Test func aFetchGoesFromManifestToBucketsToAdoption() {
        var origin = Origin(seed: 5)
        var random = SeededGenerator(seed: 6)
        let publication = origin.publish([1, 2])
        var scheduler = FetchScheduler()
        let session = SessionID(3)
        scheduler.sessionOpened(session, of: Self.operatorID(of: session))
        scheduler.headSeen(publication.head, from: session)

        let fetch = Fetch(session: session, head: publication.head)
        let actions1 = scheduler.begin(at: .zero, adopted: { _ in nil }, using: &random)
        #expect(actions1 == [.requestManifest(fetch)])
        let actions2 = scheduler.begin(at: .zero, adopted: { _ in nil }, using: &random)
        #expect(actions2 == [])
        let entry = publication.manifest.entries[0]
        let asked = scheduler.manifestChecked(fetch, .success(publication.manifest), held: { _ in false }, today: Self.now.day)
        #expect(asked == [.requestBucket(fetch, entry, publication.manifest.descriptors[0])])
        let actions3 = scheduler.bucketChecked(fetch, entry, .success(()))
        #expect(actions3 == [.adopt(publication.head, publication.manifest)])
        scheduler.adopted(publication.head)
        #expect(scheduler.pendingCount == 0)
    }

    @Test func aLiarIsDroppedAndSomebodyElseIsAsked() {
        var origin = Origin(seed: 7)
        var random = SeededGenerator(seed: 8)
        let publication = origin.publish([1])
        var scheduler = FetchScheduler()
        let (liar, honest) = (SessionID(1), SessionID(2))
        for session in [liar, honest] { scheduler.sessionOpened(session, of: Self.operatorID(of: session)) }
        scheduler.headSeen(publication.head, from: liar)
        _ = scheduler.begin(at: .zero, adopted: { _ in nil }, using: &random)

        let fetch = Fetch(session: liar, head: publication.head)
        let actions4 = scheduler.manifestChecked(fetch, .failure(.wrongRoot), held: { _ in false }, today: Self.now.day)
        #expect(actions4 == [.drop(liar)])
        scheduler.sessionClosed(liar)
        let next = scheduler.begin(at: .zero, adopted: { _ in nil }, using: &random)
        #expect(next == [.requestManifest(Fetch(session: honest, head: publication.head))])
    }

    @Test func contentThatBreaksTheRulesIsTheOriginsFaultAndNotAskedForAgain() {
        var origin = Origin(seed: 9)
        var random = SeededGenerator(seed: 10)
        let bad = origin.publish([1])
        let good = origin.publish([2])
        var scheduler = FetchScheduler()
        scheduler.sessionOpened(SessionID(1), of: Self.operatorID(of: SessionID(1)))
        scheduler.headSeen(bad.head, from: SessionID(1))
        _ = scheduler.begin(at: .zero, adopted: { _ in nil }, using: &random)

        let fetch = Fetch(session: SessionID(1), head: bad.head)
        let actions5 = scheduler.manifestChecked(fetch, .failure(.breaksRule(.totals)), held: { _ in false }, today: Self.now.day)
        #expect(actions5 == [])
        scheduler.headSeen(bad.head, from: SessionID(1))
        let actions6 = scheduler.begin(at: .zero, adopted: { _ in nil }, using: &random)
        #expect(actions6 == [])
        scheduler.headSeen(good.head, from: SessionID(1))
        let actions7 = scheduler.begin(at: .zero, adopted: { _ in nil }, using: &random)
        #expect(actions7.count == 1)
    }

    @Test func whenNobodyHasItTheNextRoundWaits() {
        var origin = Origin(seed: 11)
        var random = SeededGenerator(seed: 12)
        let publication = origin.publish([1])
        var scheduler = FetchScheduler()
        scheduler.sessionOpened(SessionID(1), of: Self.operatorID(of: SessionID(1)))
        scheduler.headSeen(publication.head, from: SessionID(1))
        _ = scheduler.begin(at: .zero, adopted: { _ in nil }, using: &random)
        scheduler.failed(Fetch(session: SessionID(1), head: publication.head))

        let actions8 = scheduler.begin(at: .zero, adopted: { _ in nil }, using: &random)
        #expect(actions8 == [])
        let actions9 = scheduler.begin(at: .zero + .milliseconds(900), adopted: { _ in nil }, using: &random)
        #expect(actions9 == [])
        let actions10 = scheduler.begin(at: .zero + .milliseconds(1_100), adopted: { _ in nil }, using: &random)
        #expect(actions10.count == 1)
    }

    /// Of two buckets asked of the only one who told, one is refused, and then the other comes: nothing is under way any more, and somebody else must be asked.
    @Test func aRefusedBucketIsAskedOfOthersOnceTheLastOneHasCome() {
        var origin = Origin(seed: 13)
        var random = SeededGenerator(seed: 14)
        _ = origin.publish([1])
        let publication = origin.publish([2], at: Self.now + .seconds(86_400))
        let today = (Self.now + .seconds(86_400)).day
        var scheduler = FetchScheduler()
        let (teller, other) = (SessionID(1), SessionID(2))
        for session in [teller, other] { scheduler.sessionOpened(session, of: Self.operatorID(of: session)) }
        scheduler.headSeen(publication.head, from: teller)
        _ = scheduler.begin(at: .zero, adopted: { _ in nil }, using: &random)
        let fetch = Fetch(session: teller, head: publication.head)
        let asked = scheduler.manifestChecked(fetch, .success(publication.manifest), held: { _ in false }, today: today)
        #expect(asked.count == 2)

        scheduler.bucketFailed(fetch, publication.manifest.entries[1])
        let came = scheduler.bucketChecked(fetch, publication.manifest.entries[0], .success(()))
        #expect(came == [])
        let next = scheduler.begin(at: .zero, adopted: { _ in nil }, using: &random)

        let descriptor = publication.manifest.descriptors[0]
        #expect(next == [.requestBucket(Fetch(session: other, head: publication.head), publication.manifest.entries[1], descriptor)])
    }

    /// Heads whose buckets come but for one, again and again: of those before the newest nothing stays staged that it does not name.
    @Test func whatEarlierHeadsHaveLeftStagedIsDropped() {
        var origin = Origin(seed: 15)
        var random = SeededGenerator(seed: 16)
        let session = SessionID(1)
        var scheduler = FetchScheduler()
        scheduler.sessionOpened(session, of: Self.operatorID(of: session))
        var staged: Set<Digest> = []
        _ = origin.publish([1])
        let today = (Self.now + .seconds(2 * 86_400)).day
        for number in 2...20 as ClosedRange<UInt64> {
            // One day stays as it was, two begin anew.
            _ = origin.publish([number], at: Self.now + .seconds(86_400))
            let publication = origin.publish([number], at: Self.now + .seconds(2 * 86_400))
            let entries = publication.manifest.entries
            scheduler.headSeen(publication.head, from: session)
            _ = scheduler.begin(at: .zero, adopted: { _ in nil }, using: &random)
            let fetch = Fetch(session: session, head: publication.head)
            let actions = scheduler.manifestChecked(fetch, .success(publication.manifest), held: { _ in false }, today: today)
            for case .unstage(_, let roots) in actions {
                #expect(roots == roots.sorted() && staged.isSuperset(of: roots))
                staged.subtract(roots)
            }
            #expect(staged.isSubset(of: entries.map(\.root)))
            let asked = actions.compactMap { action in
                if case .requestBucket(_, let entry, _) = action { entry } else { nil }
            }
            #expect(asked.count == (number == 2 ? 3 : 2) && staged.isDisjoint(with: asked.map(\.root)))
            for entry in asked.dropLast() {
                _ = scheduler.bucketChecked(fetch, entry, .success(()))
                staged.insert(entry.root)
            }
            scheduler.sessionClosed(session)
            scheduler.sessionOpened(session, of: Self.operatorID(of: session))
        }
    }

    /// Changes that come after their attempt has ended stay until the next manifest has come, and no longer.
    @Test func changesThatNobodyWaitsForAreDroppedByTheNextManifest() {
        var origin = Origin(seed: 17)
        var random = SeededGenerator(seed: 18)
        let session = SessionID(1)
        let (first, second, third) = (origin.publish([1]), origin.publish([2]), origin.publish([3]))
        var scheduler = FetchScheduler()
        scheduler.sessionOpened(session, of: Self.operatorID(of: session))
        scheduler.headSeen(second.head, from: session)
        let fetch = Fetch(session: session, head: second.head)
        let asked = scheduler.begin(at: .zero, adopted: { _ in first.manifest }, using: &random)
        #expect(asked == [.requestChanges(fetch, since: first.manifest)])
        scheduler.sessionClosed(session)
        let roots = second.manifest.entries.map(\.root)
        let late = AppliedChanges(manifest: second.manifest, roots: roots)
        let none = scheduler.changesChecked(fetch, .success(late), held: { _ in false }, today: Self.now.day)
        #expect(none == [])

        scheduler.sessionOpened(session, of: Self.operatorID(of: session))
        scheduler.headSeen(third.head, from: session)
        _ = scheduler.begin(at: .zero, adopted: { _ in first.manifest }, using: &random)
        let next = AppliedChanges(manifest: third.manifest, roots: third.manifest.entries.map(\.root))
        let fetch3 = Fetch(session: session, head: third.head)
        let actions = scheduler.changesChecked(fetch3, .success(next), held: { _ in false }, today: Self.now.day)
        #expect(actions == [.unstage(origin.publisher.origin, roots), .adopt(third.head, third.manifest)])
    }

    /// The same content under a new head that counts it otherwise: whoever had to fetch it would refuse it, so whoever has it does too.
    @Test(arguments: [true, false], [(1, 0, 0), (0, 1, 0), (0, 0, 1), (0, 0, 0)] as [(UInt32, UInt64, UInt64)])
    func aHeartbeatWithFalseCountsIsRejected(hasAdopted: Bool, excess: (UInt32, UInt64, UInt64)) {
        var origin = Origin(seed: 19)
        var random = SeededGenerator(seed: 20)
        let manifest = hasAdopted ? origin.publish([1, 2]).manifest : .empty
        var scheduler = FetchScheduler()
        scheduler.sessionOpened(SessionID(1), of: Self.operatorID(of: SessionID(1)))
        let head = Signed.make(
            Head(
                origin: origin.publisher.origin, position: HeadPosition(generation: 1, sequence: 7), issuedAt: Self.now, lifetimeSeconds: 60,
                manifestRoot: manifest.root, entryCount: UInt32(manifest.entries.count) + excess.0, sightingCount: manifest.sightingCount + excess.1,
                dataByteCount: manifest.dataByteCount + excess.2, historyRoot: .zero)!, with: origin.key)
        scheduler.headSeen(head, from: SessionID(1))
        let actions = scheduler.begin(at: .zero, adopted: { _ in hasAdopted ? manifest : nil }, using: &random)

        let isTrue = excess == (0, 0, 0)
        #expect(actions == (isTrue ? [.adopt(head, manifest)] : []) && scheduler.pendingCount == (isTrue ? 1 : 0))
        scheduler.headSeen(head, from: SessionID(1))
        #expect(scheduler.pendingCount == (isTrue ? 1 : 0))
    }
}
