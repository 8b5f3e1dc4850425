import Cryptography
import Ledger
import Primitives
import Replication
import Testing
import WireFormat

/// Who gets a turn when some neighbours never answer, or as slowly as they may.
@Suite struct FetchFairnessTests {
    private static let requestTimeout: Duration = .seconds(30)

    /// A scheduler whose neighbours answer as the test says, second by second.
    private struct Follower {
        enum Question: Hashable {
            case manifest(Fetch)
            case bucket(Fetch, BucketEntry)

            var session: SessionID {
                switch self {
                case .manifest(let fetch), .bucket(let fetch, _): fetch.session
                }
            }
        }

        var scheduler = FetchScheduler()
        var random = SeededGenerator(seed: 1)
        var now = Instant.zero
        var asked: [(question: Question, askedAt: Instant)] = []
        var adopted: [OriginID: Manifest] = [:]
        /// When each head was adopted.
        var adoptions: [OriginID: [(position: HeadPosition, at: Instant)]] = [:]
        /// What the honest neighbours hold, by root.
        var manifests: [Digest: Manifest] = [:]
        /// How long a neighbour takes to answer; `nil` for one that never does.
        var delay: (Question) -> Duration? = { _ in .zero }

        mutating func open(_ session: SessionID) { scheduler.sessionOpened(session, of: FollowingTests.operatorID(of: session)) }

        mutating func perform(_ actions: [FetchScheduler.Action]) {
            for action in actions {
                switch action {
                case .requestManifest(let fetch), .requestChanges(let fetch, _): asked.append((.manifest(fetch), now))
                case .requestBucket(let fetch, let entry, _): asked.append((.bucket(fetch, entry), now))
                case .adopt(let head, let manifest):
                    adopted[head.body.origin] = manifest
                    adoptions[head.body.origin, default: []].append((head.body.position, now))
                    scheduler.adopted(head)
                default: break
                }
            }
        }

        /// Answers what is due, as often as that leads to another answer that is due.
        mutating func settle() {
            begin()
            while let place = asked.firstIndex(where: { isDue($0) }) {
                let question = asked.remove(at: place).question
                answer(question)
                begin()
            }
        }

        private func isDue(_ request: (question: Question, askedAt: Instant)) -> Bool {
            guard let delay = delay(request.question) else { return now - request.askedAt > FetchFairnessTests.requestTimeout }
            return now - request.askedAt >= min(delay, FetchFairnessTests.requestTimeout + .seconds(1))
        }

        private mutating func begin() {
            let actions = scheduler.begin(at: now, adopted: { [adopted] in adopted[$0] }, using: &random)
            perform(actions)
        }

        private mutating func answer(_ question: Question) {
            let isAnswered = delay(question) != nil
            switch question {
            case .manifest(let fetch):
                guard isAnswered, let manifest = manifests[fetch.head.body.manifestRoot] else { return scheduler.failed(fetch) }
                let today = FollowingTests.now.day
                perform(scheduler.manifestChecked(fetch, .success(manifest), held: { _ in false }, today: today))
            case .bucket(let fetch, let entry):
                guard isAnswered else { return scheduler.bucketFailed(fetch, entry) }
                perform(scheduler.bucketChecked(fetch, entry, .success(())))
            }
        }

        /// Lets a second pass.
        mutating func tick() {
            now = now + .seconds(1)
            settle()
        }
    }

    /// Heads of one origin, one after another, each for content of its own.
    private struct Author {
        let origin: OriginID
        let key: SigningKey
        private var sequence: UInt64 = 0

        init(using random: inout SeededGenerator) {
            origin = OriginID(SigningKey(using: &random).verifyingKey.raw)
            key = SigningKey(using: &random)
        }

        mutating func head(_ root: Digest) -> Verified<Head> {
            sequence += 1
            return Signed.make(
                Head(
                    origin: origin, position: HeadPosition(generation: 1, sequence: sequence), issuedAt: FollowingTests.now, lifetimeSeconds: 60,
                    manifestRoot: root, entryCount: 1, sightingCount: 1, dataByteCount: 100, historyRoot: .zero)!, with: key)
        }

        mutating func head(_ manifest: Manifest) -> Verified<Head> {
            sequence += 1
            return Signed.make(
                Head(
                    origin: origin, position: HeadPosition(generation: 1, sequence: sequence), issuedAt: FollowingTests.now, lifetimeSeconds: 60,
                    manifestRoot: manifest.root, entryCount: UInt32(manifest.entries.count), sightingCount: manifest.sightingCount,
                    dataByteCount: manifest.dataByteCount, historyRoot: .zero)!, with: key)
        }
    }

    private static func digest(_ number: UInt64) -> Digest {
        var random = SeededGenerator(seed: number)
        return Digest(bytes: random.bytes(count: 32))!
    }

    private static func manifest(days: Int, using random: inout SeededGenerator) -> Manifest {
        let descriptor = StreamDescriptor.standard(for: .sessionSimHash1, shardKey: [UInt8](repeating: 1, count: 16))!
        let entries = (0..<days).map { number in
            let day = FollowingTests.now.day.advanced(by: -number)
            let record = SessionSimHashSighting(day: day, simHash: random.next() | 1, sessions: 1, strength: 0)!.record
            return Bucket([record], at: day, descriptor: descriptor, seed: random.bytes(count: Bucket.seedByteCount)).entry
        }
        return Manifest(descriptors: [descriptor], entries: entries)
    }

    /// Some tell of heads every second and never answer. Whoever answers is asked within a moment, once those have been found out.
    @Test(arguments: [(1, true), (1, false), (6, true), (6, false)]) func whoNeverAnswersKeepsNobodyElseWaiting(silentCount: Int, areHeadsNew: Bool) {
        var random = SeededGenerator(seed: 21)
        var follower = Follower()
        let silent = (1...silentCount).map { SessionID(UInt64($0)) }
        let honest = SessionID(100)
        for session in silent + [honest] { follower.open(session) }
        follower.delay = { silent.contains($0.session) ? nil : .zero }
        var hostile = (0..<60).map { _ in Author(using: &random) }
        var waits: [Duration] = []
        for second in 0..<600 {
            for place in hostile.indices where areHeadsNew || second == 0 {
                follower.scheduler.headSeen(hostile[place].head(Self.digest(UInt64(second * 1_000 + place))), from: silent[place % silentCount])
            }
            if second >= 60, second.isMultiple(of: 20) {
                var author = Author(using: &random)
                let manifest = Self.manifest(days: 2, using: &random)
                follower.manifests[manifest.root] = manifest
                follower.scheduler.headSeen(author.head(manifest), from: honest)
                let began = follower.now
                for _ in 0..<10 where follower.adoptions[author.origin] == nil { follower.tick() }
                waits.append(follower.adoptions[author.origin].map { $0[0].at - began } ?? .seconds(1_000))
            } else {
                follower.tick()
            }
        }

        #expect(waits.allSatisfy { $0 <= .seconds(1) }, "\(waits)")
    }

    /// Content that comes bucket by bucket, each just in time, keeps its place for a while only.
    @Test func whoDripsKeepsNobodyElseWaiting() {
        var random = SeededGenerator(seed: 22)
        var follower = Follower()
        let (dripping, honest) = (SessionID(1), SessionID(2))
        for session in [dripping, honest] { follower.open(session) }
        follower.delay = { question in
            if case .bucket = question, question.session == dripping { return .seconds(29) }
            return .zero
        }
        for _ in 0..<40 {
            var author = Author(using: &random)
            let manifest = Self.manifest(days: 80, using: &random)
            follower.manifests[manifest.root] = manifest
            follower.scheduler.headSeen(author.head(manifest), from: dripping)
        }
        for _ in 0..<120 { follower.tick() }
        var author = Author(using: &random)
        let manifest = Self.manifest(days: 2, using: &random)
        follower.manifests[manifest.root] = manifest
        follower.scheduler.headSeen(author.head(manifest), from: honest)
        for _ in 0..<2 { follower.tick() }

        #expect(follower.adoptions[author.origin]?.count == 1)
    }

    /// A head that repeats what is adopted asks for nothing, and waits for nobody's answer.
    @Test func heartbeatsDoNotWaitForAnswers() {
        var random = SeededGenerator(seed: 23)
        var follower = Follower()
        let silent = (1...8).map { SessionID(UInt64($0)) }
        for session in silent { follower.open(session) }
        follower.delay = { _ in nil }
        var author = Author(using: &random)
        let manifest = Self.manifest(days: 1, using: &random)
        follower.adopted[author.origin] = manifest
        for place in 0..<40 {
            var hostile = Author(using: &random)
            follower.scheduler.headSeen(hostile.head(Self.digest(UInt64(place))), from: silent[place % 8])
        }
        follower.tick()
        follower.scheduler.headSeen(author.head(manifest), from: silent[0])
        follower.settle()

        #expect(follower.adoptions[author.origin]?.count == 1)
    }

    /// Whoever has been silent is asked again where nobody else holds what it told of.
    @Test func whoWasSilentOnceIsStillAskedForWhatNobodyElseHolds() {
        var random = SeededGenerator(seed: 24)
        var follower = Follower()
        let (slow, other) = (SessionID(1), SessionID(2))
        for session in [slow, other] { follower.open(session) }
        var first = Author(using: &random)
        follower.scheduler.headSeen(first.head(Self.digest(1)), from: slow)
        follower.delay = { $0.session == slow ? nil : .zero }
        for _ in 0..<40 { follower.tick() }

        follower.delay = { $0.session == slow ? .seconds(2) : .zero }
        var second = Author(using: &random)
        let manifest = Self.manifest(days: 2, using: &random)
        let head = second.head(manifest)
        follower.scheduler.headSeen(head, from: slow)
        var sources: [SessionID] = []
        for _ in 0..<10 {
            follower.tick()
            for case (.manifest(let fetch), _) in follower.asked where fetch.head.bytes == head.bytes { sources.append(fetch.session) }
            if sources.contains(slow) { follower.manifests[manifest.root] = manifest }
        }

        #expect(follower.adoptions[second.origin]?.count == 1)
    }

    /// Whoever tells first, and then is silent, does not keep others who tell the same from being asked.
    @Test func aSilentTellerIsLeftForOneWhoHasToldToo() {
        var random = SeededGenerator(seed: 26)
        var follower = Follower()
        let (silent, honest) = (SessionID(1), SessionID(2))
        for session in [silent, honest] { follower.open(session) }
        follower.delay = { $0.session == silent ? nil : .zero }
        var waits: [Int] = []
        for _ in 0..<3 {
            var author = Author(using: &random)
            let manifest = Self.manifest(days: 2, using: &random)
            let head = author.head(manifest)
            follower.scheduler.headSeen(head, from: silent)
            follower.settle()
            follower.manifests[manifest.root] = manifest
            follower.scheduler.headSeen(head, from: honest)
            var seconds = 0
            while follower.adoptions[author.origin] == nil, seconds < 100 {
                follower.tick()
                seconds += 1
            }
            waits.append(seconds)
        }

        #expect(waits[0] <= 16 && waits.dropFirst().allSatisfy { $0 <= 1 }, "\(waits)")
    }

    /// A node that has slept does not take its neighbours for late.
    @Test func whoSleptBlamesNobody() {
        var random = SeededGenerator(seed: 27)
        var follower = Follower()
        let (first, second) = (SessionID(1), SessionID(2))
        for session in [first, second] { follower.open(session) }
        follower.delay = { _ in .seconds(1_000) }
        var author = Author(using: &random)
        follower.scheduler.headSeen(author.head(Self.digest(1)), from: first)
        follower.tick()
        follower.now = follower.now + .seconds(20)
        follower.tick()

        // The first would be asked last if it were late.
        var other = Author(using: &random)
        follower.scheduler.headSeen(other.head(Self.digest(2)), from: first)
        follower.tick()
        #expect(follower.asked.map(\.question.session) == [first, first])
    }

    /// A node that knows one neighbour only asks it for as much at one time as it would ask many.
    @Test func theOnlyNeighbourGetsAllTheQuestions() {
        var random = SeededGenerator(seed: 25)
        var follower = Follower()
        follower.open(SessionID(1))
        follower.delay = { _ in nil }
        for place in 0..<40 {
            var author = Author(using: &random)
            follower.scheduler.headSeen(author.head(Self.digest(UInt64(place))), from: SessionID(1))
        }
        follower.tick()

        #expect(follower.asked.count == FetchScheduler.concurrentOrigins)
    }
}
