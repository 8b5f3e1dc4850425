import Cryptography
import Ledger
import NodeCore
import Primitives
import Testing
import WireFormat

/// Opening new generations: `Protocol/statements.md` §5.1 and `Protocol/replication.md` §7.1.
@Suite struct GenerationTests {
    @Test(arguments: [1, 2, 3] as [UInt64]) func aRotatedKeyPublishesOnAndNobodyDownloadsAgain(seed: UInt64) {
        let mesh = TinyMesh(["alpha", "beta", "gamma"], seed: seed)
        mesh.start()
        mesh.publish([1, 2, 3], by: 0)
        mesh.run(for: .seconds(10))
        var bucketCount = 0
        mesh.onFrame = { _, frame in
            if frame.knownType == .bucket { bucketCount += 1 }
            return frame
        }

        mesh.give(0, .command(.openGeneration(.rotation)))
        mesh.run(for: .seconds(10))

        #expect(mesh.signing(of: 0) == .ready(generation: 2), "seed \(seed)")
        for index in 1...2 {
            #expect(mesh.adopted(of: 0, at: index) == HeadPosition(generation: 2, sequence: 1), "seed \(seed)")
            #expect(mesh.codes(of: 0, at: index) == [1, 2, 3], "seed \(seed)")
        }
        #expect(bucketCount == 0, "seed \(seed): what they held was downloaded again")

        mesh.restart(0, from: mesh.members[0].stored, incarnation: 2)
        mesh.publish([4], by: 0)
        mesh.run(for: .seconds(60))
        #expect(mesh.codes(of: 0, at: 1) == [4], "seed \(seed): the new key is there after a restart")
        #expect(mesh.adopted(of: 0, at: 1)?.generation == 2)
    }

    /// The head that was wanted first nobody serves any more; a newer one, shown later, everybody does.
    @Test func aRecoveryGoesOnToTheNewestHeadThatIsShown() throws {
        let mesh = TinyMesh(["alpha", "beta"], seed: 64)
        mesh.start()
        mesh.publish([1], by: 0)
        mesh.run(for: .seconds(10))
        let backup = mesh.members[0].stored
        mesh.publish([1, 2], by: 0)
        mesh.run(for: .seconds(10))
        let newest = try #require(mesh.adopted(of: 0, at: 1))
        mesh.onFrame = { from, frame in
            guard from == 1, [.changes, .manifest, .bucket].contains(frame.knownType) else { return frame }
            return Frame(.refusal, requestID: frame.requestID, isAnswer: true, body: Refusal.notHeld.encoded())
        }
        mesh.restart(0, from: backup, incarnation: 2)
        mesh.run(for: .seconds(10))
        mesh.give(0, .command(.recover))
        mesh.run(for: .seconds(10))
        #expect(mesh.signing(of: 0) == .recovering(newest))

        let later = Signed.make(
            try #require(
                Head(
                    origin: mesh.operators[0].origin, position: HeadPosition(generation: 1, sequence: newest.sequence + 2), issuedAt: mesh.now.timestamp,
                    lifetimeSeconds: 60, manifestRoot: Manifest.empty.root, entryCount: 0, sightingCount: 0, dataByteCount: 0, historyRoot: .zero)),
            with: mesh.operators[0].generationKey)
        mesh.learn([later.bytes], at: 0)
        mesh.run(for: .seconds(10))

        #expect(mesh.signing(of: 0) == .ready(generation: 2))
    }

    /// A thief signs with the stolen key; the operator opens a generation that does not count it.
    @Test func aStolenKeySignsForNobodyOnceAGenerationHasBeenOpened() throws {
        let mesh = TinyMesh(["alpha", "beta", "gamma"], seed: 5)
        mesh.start()
        mesh.publish([1, 2], by: 0)
        mesh.run(for: .seconds(10))
        let last = try #require(mesh.members[0].core.ownState?.head)
        let stolen = mesh.head(of: 0, generation: 1, sequence: last.body.position.sequence + 3)
        mesh.hold(.empty, at: 2)
        mesh.learn([stolen.bytes], at: 1)
        mesh.run(for: .seconds(20))
        #expect(mesh.codes(of: 0, at: 1) == [], "the thief's head was to be adopted, or nothing is shown")
        #expect(mesh.signing(of: 0).isHalted)

        mesh.give(0, .command(.openGeneration(.compromise)))
        mesh.run(for: .seconds(20))
        for index in 1...2 { #expect(mesh.codes(of: 0, at: index) == [1, 2]) }
        #expect(mesh.signing(of: 0) == .ready(generation: 2))

        let later = mesh.head(of: 0, generation: 1, sequence: last.body.position.sequence + 9)
        mesh.learn([later.bytes], at: 1)
        mesh.run(for: .seconds(20))
        #expect(mesh.adopted(of: 0, at: 1)?.generation == 2)
        #expect(mesh.signing(of: 0) == .ready(generation: 2), "a void head of our own halts nobody")
    }

    /// What a thief has signed goes from answers at once, before the new generation's first head is there, and is not there after a restart.
    @Test func whatIsVoidIsSetAsideAtOnce() throws {
        let mesh = TinyMesh(["alpha", "beta"], seed: 6)
        mesh.start()
        mesh.publish([1, 2], by: 0)
        mesh.run(for: .seconds(10))
        let adopted = try #require(mesh.adopted(of: 0, at: 1))
        let certificate = mesh.certificate(
            of: 0, generation: 2, parent: .init(generation: 1, sequence: adopted.sequence - 1, headHash: .zero), reason: .compromise)

        mesh.learn([certificate.bytes], at: 1)
        mesh.settle()

        #expect(mesh.adopted(of: 0, at: 1) == nil && mesh.codes(of: 0, at: 1) == [])
        #expect(mesh.members[1].events.contains { if case .setAside(mesh.operators[0].origin, adopted) = $0 { true } else { false } })
        mesh.restart(1, from: mesh.members[1].stored, incarnation: 2)
        mesh.run(for: .seconds(10))
        #expect(mesh.adopted(of: 0, at: 1) == nil)
        #expect(mesh.signing(of: 0) == .halted(.newerGeneration(2)), "alpha hears that somebody has opened a generation in its name")
    }

    @Test(arguments: [31, 32, 33] as [UInt64]) func aRestoredBackupRecoversWhatOthersHold(seed: UInt64) {
        let mesh = TinyMesh(["alpha", "beta", "gamma", "delta"], seed: seed)
        mesh.start()
        mesh.publish([1], by: 0)
        mesh.run(for: .seconds(5))
        let backup = mesh.members[0]
        for code in 2...4 as ClosedRange<UInt64> {
            mesh.publish([code, 50], by: 0)
            mesh.run(for: .seconds(2))
        }
        mesh.members[0].current = backup.current
        mesh.members[0].staged = [:]
        mesh.restart(0, from: backup.stored, incarnation: 3)
        mesh.run(for: .seconds(30))
        #expect(mesh.signing(of: 0) == .halted(.newerHead(HeadPosition(generation: 1, sequence: 5))), "seed \(seed)")
        var downloads: Set<Int> = []
        mesh.onFrame = { sender, frame in
            if frame.knownType == .bucketRequest { downloads.insert(sender) }
            return frame
        }

        mesh.give(0, .command(.recover))
        mesh.run(for: .seconds(30))

        #expect(mesh.signing(of: 0) == .ready(generation: 2), "seed \(seed)")
        for index in 0..<4 { #expect(mesh.codes(of: 0, at: index) == [4, 50], "seed \(seed)") }
        #expect(downloads == [0], "seed \(seed): only the node itself had something to download")
        #expect(mesh.members.allSatisfy { !$0.events.contains { if case .equivocation = $0 { true } else { false } } })
    }

    /// Nothing is left but the identity key: no database, no signing key.
    @Test func aLostDiskRecoversInANewGeneration() {
        let mesh = TinyMesh(["alpha", "beta"], seed: 41)
        mesh.start()
        mesh.publish([7, 8], by: 0)
        mesh.run(for: .seconds(10))
        var bare = StoredState()
        bare.statements = mesh.members[0].stored.statements.filter { if case .generation = $0 { false } else { true } }

        mesh.members[0].current = [:]
        mesh.restart(0, from: bare, incarnation: 3)
        mesh.run(for: .seconds(20))
        #expect(mesh.signing(of: 0).isHalted)
        mesh.give(0, .command(.recover))
        mesh.run(for: .seconds(20))

        #expect(mesh.signing(of: 0) == .ready(generation: 2))
        #expect(mesh.codes(of: 0, at: 0) == [7, 8] && mesh.codes(of: 0, at: 1) == [7, 8])
        #expect(mesh.adopted(of: 0, at: 1) == HeadPosition(generation: 2, sequence: 1))
    }

    /// The node signed a number twice before it knew that its disk was an old one. What it then waits for is in quarantine everywhere, and served by nobody.
    @Test func aRecoveryGoesOnWithoutWhatHasComeIntoQuarantine() throws {
        let mesh = TinyMesh(["alpha", "beta", "gamma"], seed: 44)
        mesh.start()
        mesh.publish([7], by: 0)
        mesh.run(for: .seconds(10))
        let backup = (stored: mesh.members[0].stored, current: mesh.members[0].current)
        mesh.publish([7, 8], by: 0)
        mesh.run(for: .seconds(10))
        let last = try #require(mesh.adopted(of: 0, at: 1))

        mesh.members[0].current = backup.current
        mesh.restart(0, from: backup.stored, incarnation: 3)
        mesh.run(for: .seconds(20))
        #expect(mesh.signing(of: 0) == .halted(.newerHead(last)))
        let content: Set<FrameType> = [.manifest, .changes, .bucket]
        mesh.onFrame = { _, frame in frame.knownType.map { content.contains($0) } == true ? nil : frame }
        mesh.give(0, .command(.recover))
        mesh.run(for: .seconds(3))
        #expect(mesh.signing(of: 0) == .recovering(last), "the control: it waits for its content")

        mesh.learn([mesh.head(of: 0, generation: 1, sequence: last.sequence).bytes], at: 1)
        mesh.run(for: .seconds(40))
        #expect(mesh.adopted(of: 0, at: 1) == nil, "the control: it is in quarantine")
        #expect(mesh.signing(of: 0) == .ready(generation: 2))

        mesh.onFrame = { _, frame in frame }
        mesh.run(for: .seconds(60))
        #expect(mesh.adopted(of: 0, at: 1)?.generation == 2)
        #expect(mesh.codes(of: 0, at: 2) == [7])
    }

    /// Recovered, and then the power goes before the generation is open: nothing is signed on a history that is not known.
    @Test func aCrashWhileRecoveringSignsNothing() throws {
        let mesh = TinyMesh(["alpha", "beta"], seed: 42)
        mesh.start()
        mesh.publish([7, 8], by: 0)
        mesh.run(for: .seconds(10))
        var stored = mesh.members[0].stored
        let own = try #require(stored.own)
        stored.own = OwnState(head: own.head, manifest: own.manifest, history: HistoryTree(certificateHash: own.head.hash))

        mesh.restart(0, from: stored, incarnation: 3)
        mesh.publish([9], by: 0)
        mesh.run(for: .seconds(20))
        #expect(mesh.signing(of: 0).isHalted)
        #expect(mesh.codes(of: 0, at: 1) == [7, 8])

        mesh.give(0, .command(.recover))
        mesh.run(for: .seconds(20))
        #expect(mesh.codes(of: 0, at: 1) == [9])
        #expect(mesh.signing(of: 0) == .ready(generation: 2))
    }

    @Test func anEndedFeedStaysAndGrowsNoMore() {
        let mesh = TinyMesh(["alpha", "beta"], seed: 43)
        mesh.start()
        mesh.publish([7, 8], by: 0)
        mesh.run(for: .seconds(10))

        mesh.give(0, .command(.openGeneration(.endOfFeed)))
        mesh.run(for: .seconds(10))
        mesh.publish([9], by: 0)
        mesh.run(for: .seconds(29_000))  // Longer than a heartbeat.

        #expect(mesh.signing(of: 0) == .halted(.ended))
        #expect(mesh.codes(of: 0, at: 1) == [7, 8])
        let seen = mesh.members[1].core.status(at: mesh.now).origins.first { $0.origin == mesh.operators[0].origin }
        #expect(seen?.hasEnded == true)

        mesh.give(0, .command(.openGeneration(.rotation)))  // The operator has changed its mind.
        mesh.run(for: .seconds(10))
        #expect(mesh.codes(of: 0, at: 1) == [9])
    }

    /// Without the identity key nothing is opened, and the operator is told.
    @Test func whoHoldsNoIdentityKeyOpensNothing() {
        let mesh = TinyMesh(["alpha", "beta"], seed: 44)
        mesh.start()
        mesh.run(for: .seconds(5))
        mesh.withholdsIdentityKey = true
        mesh.restart(0, from: mesh.members[0].stored, incarnation: 2)
        mesh.run(for: .seconds(10))

        mesh.give(0, .command(.openGeneration(.rotation)))
        mesh.run(for: .seconds(10))

        #expect(mesh.signing(of: 0) == .ready(generation: 1))
        #expect(mesh.members[0].events.contains { if case .commandRefused = $0 { true } else { false } })
    }

    /// At the end of a signing key's life the node replaces it by itself.
    @Test func aKeyIsReplacedBeforeItsEnd() {
        let mesh = TinyMesh(["alpha"], seed: 45)
        mesh.start()
        mesh.run(for: .seconds(5))
        #expect(mesh.signing(of: 0) == .ready(generation: 1))

        mesh.now = Moment(instant: mesh.now.instant, timestamp: mesh.now.timestamp + .seconds(86_400 * 350))
        mesh.run(for: .seconds(3_700))

        #expect(mesh.signing(of: 0) == .ready(generation: 2))
    }

    @Test func anOperatorThatWasRevokedLeavesNothingBehind() {
        let mesh = TinyMesh(["alpha", "beta", "gamma"], seed: 46)
        mesh.start()
        mesh.publish([1], by: 1)
        mesh.publish([2], by: 2)
        mesh.run(for: .seconds(10))

        mesh.give(0, .command(.revoke(mesh.operators[1].origin, .misbehaviour)))
        mesh.run(for: .seconds(20))

        for index in [0, 2] {
            #expect(mesh.codes(of: 1, at: index) == [])
            #expect(mesh.adopted(of: 1, at: index) == nil)
            #expect(mesh.members[index].stored.adopted[mesh.operators[1].origin] == nil)
        }
        #expect(mesh.codes(of: 2, at: 0) == [2])
    }
}

extension TinyMesh {
    func signing(of index: Int) -> NodeStatus.Signing { members[index].core.status(at: now).signing }

    func adopted(of origin: Int, at index: Int) -> HeadPosition? {
        members[index].core.status(at: now).origins.first { $0.origin == operators[origin].origin }?.adopted
    }

    /// A node starts anew from this disk.
    func restart(_ index: Int, from stored: StoredState, incarnation: UInt64) {
        members[index].stored = stored
        members[index].core = makeCore(index, stored, incarnation: incarnation)
        members[index].timers = []
        members[index].events = []
        give(index, .start)
    }

    func learn(_ statements: [[UInt8]], at index: Int) { give(index, .command(.learn(statements))) }

    /// A node can serve this manifest from now on.
    func hold(_ manifest: Manifest, at index: Int) { members[index].manifests[manifest.root] = manifest.bytes }

    /// A head over nothing, rightly signed with the first generation's key.
    func head(of index: Int, generation: UInt32, sequence: UInt64, history: Digest = .zero, manifest: Manifest = .empty) -> Verified<Head> {
        Signed.make(
            Head(
                origin: operators[index].origin, position: HeadPosition(generation: generation, sequence: sequence), issuedAt: now.timestamp,
                lifetimeSeconds: 3_600, manifestRoot: manifest.root, entryCount: 0, sightingCount: 0, dataByteCount: 0, historyRoot: history)!,
            with: operators[index].generationKey)
    }

    func certificate(
        of index: Int, generation: UInt32, parent: GenerationCertificate.Parent = .none, reason: GenerationCertificate.Reason, key: SigningKey? = nil
    ) -> Verified<GenerationCertificate> {
        Signed.make(
            GenerationCertificate(
                origin: operators[index].origin, generation: generation, signingKey: (key ?? SigningKey(using: &random)).verifyingKey, notBefore: now.timestamp,
                notAfter: now.timestamp + .seconds(86_400), parent: parent, reason: reason)!, with: operators[index].identityKey)
    }
}
