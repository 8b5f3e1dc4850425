import Cryptography
import Ledger
import NodeCore
import Primitives
import WireFormat

/// An operator with fixed keys, for scenarios.
struct TestOperator {
    let identityKey: SigningKey
    let nodeKey: SigningKey
    let transportKey: AgreementKey
    let generationKey: SigningKey
    let name: String

    var origin: OriginID { OriginID(identityKey.verifyingKey.raw) }
    var node: NodeID { NodeID(nodeKey.verifyingKey.raw) }
    var address: NetworkAddress { NetworkAddress("\(name).example.net:7946")! }

    init(name: String, using random: inout SeededGenerator) {
        self.name = name
        identityKey = SigningKey(using: &random)
        nodeKey = SigningKey(using: &random)
        transportKey = AgreementKey(using: &random)
        generationKey = SigningKey(using: &random)
    }

    func membership(in mesh: MeshID, sponsor: SigningKey, at now: Timestamp) -> AnyStatement {
        .membership(
            Signed.make(
                MembershipCertificate(
                    mesh: mesh, member: origin, displayName: name, sponsor: sponsor.verifyingKey, notBefore: now, notAfter: now + .seconds(86_400 * 365))!,
                with: sponsor))
    }

    func nodeCertificate(at now: Timestamp, serial: UInt64 = 1) -> AnyStatement {
        .node(
            Signed.make(
                NodeCertificate(
                    origin: origin, serial: serial, node: node, transportKey: transportKey.publicKey, roles: [.publisher, .replica], notBefore: now,
                    notAfter: now + Limits.nodeCertificateLifetime)!, with: identityKey))
    }

    func generation(at now: Timestamp) -> AnyStatement {
        .generation(
            Signed.make(
                GenerationCertificate(
                    origin: origin, generation: 1, signingKey: generationKey.verifyingKey, notBefore: now, notAfter: now + .seconds(86_400 * 365),
                    reason: .first)!,
                with: identityKey))
    }
}

extension Frame {
    /// What an older version makes of it, that does not know these types: it neither sends nor understands them.
    func forgetting(_ types: Set<FrameType>) -> Frame {
        guard let type = knownType, types.contains(type) else { return self }
        var frame = self
        frame.type = 999
        return frame
    }
}

/// A few cores whose directives are performed at once: no loss, no delay, time moves only when told. For scenarios about single rules;
/// what loss and delay do is for the simulation.
final class TinyMesh {
    struct Member {
        var core: NodeCore
        var staged: [OriginID: [Digest: Bucket]] = [:]
        var current: [OriginID: [Digest: Bucket]] = [:]
        var manifests: [Digest: [UInt8]] = [:]
        var stored = StoredState()
        var timers: [(Timer, Instant)] = []
        var events: [Event] = []
        var usedInvites: [InviteID: OriginID] = [:]
        var redeemable: Set<InviteID> = []
        var rules: [OriginID: PeerRule] = [:]
        /// Of the newest generation, if it is not the first.
        var generationKey: SigningKey?
        /// What a question about a key finds.
        var found: [[UInt8]: [FoundSighting]] = [:]
        /// Statements it has had kept, one after another.
        var keepCount = 0
        /// How far its wall clock is off.
        var clockError = Duration.zero
        var settled: [QuestionNumber: [QuestionOutcome]] = [:]
    }

    var random: SeededGenerator
    var now = Moment(instant: .zero, timestamp: Timestamp(milliseconds: 1_790_000_000_000))
    let root: SigningKey
    let mesh: MeshID
    var operators: [TestOperator] = []
    var members: [Member] = []
    private var queue: [(Int, Input)] = []
    private var links: [SessionID: (far: Int, session: SessionID)] = [:]
    private var nextSession: UInt64 = 1
    /// Lets a test see or spoil what passes: returns what arrives.
    var onFrame: (Int, Frame) -> Frame? = { _, frame in frame }
    /// The same for the plaintext of datagrams.
    var onDatagram: (Int, [UInt8]) -> [UInt8]? = { _, bytes in bytes }
    /// Is told what a node has checked.
    var onCheck: (Int, StatementBatch) -> Void = { _, _ in }
    var cutLinks: Set<Set<Int>> = []
    /// Its disk takes its time: nothing is adopted until `releaseAdoptions`.
    var slowDisk: Int?
    private var heldAdoptions: [Directive] = []
    private let configure: (inout NodeCore.Configuration) -> Void
    /// Cores that are made from now on do not hold their operator's identity key.
    var withholdsIdentityKey = false

    init(_ names: [String], seed: UInt64, sponsors: [Int: Int] = [:], configure: @escaping (inout NodeCore.Configuration) -> Void = { _ in }) {
        self.configure = configure
        random = SeededGenerator(seed: seed)
        root = SigningKey(using: &random)
        mesh = MeshID(root: root.verifyingKey)
        for name in names { operators.append(TestOperator(name: name, using: &random)) }
        for (index, each) in operators.enumerated() {
            var stored = StoredState()
            var above = index
            var chain = [each.membership(in: mesh, sponsor: sponsors[index].map { operators[$0].identityKey } ?? root, at: now.timestamp)]
            while let sponsor = sponsors[above] {
                above = sponsor
                chain.insert(
                    operators[above].membership(in: mesh, sponsor: sponsors[above].map { operators[$0].identityKey } ?? root, at: now.timestamp), at: 0)
            }
            stored.statements = chain + [each.nodeCertificate(at: now.timestamp), each.generation(at: now.timestamp)]
            members.append(Member(core: makeCore(index, stored, incarnation: 1), stored: stored))
        }
    }

    func makeCore(_ index: Int, _ stored: StoredState, incarnation: UInt64) -> NodeCore {
        let each = operators[index]
        var configuration = NodeCore.Configuration()
        // Everybody knows the next one.
        let next = operators[(index + 1) % operators.count]
        configuration.seeds = [.init(address: next.address, key: next.transportKey.publicKey)]
        configure(&configuration)
        return NodeCore(
            identity: NodeIdentity(
                mesh: mesh, origin: each.origin, node: each.node, transportKey: each.transportKey.publicKey, addresses: [each.address],
                incarnation: incarnation),
            keys: NodeKeys(
                identity: withholdsIdentityKey ? nil : each.identityKey, node: each.nodeKey,
                generation: index < members.count ? members[index].generationKey ?? each.generationKey : each.generationKey, meshRoot: index == 0 ? root : nil),
            configuration: configuration, stored: stored, logID: random.next())
    }

    func start() {
        for index in members.indices { give(index, .start) }
        settle()
    }

    func give(_ index: Int, _ input: Input) { queue.append((index, input)) }

    /// Performs everything until nothing is left to do at this moment.
    func settle() {
        while !queue.isEmpty {
            let (index, input) = queue.removeFirst()
            let moment = Moment(instant: now.instant, timestamp: now.timestamp + members[index].clockError)
            let directives = members[index].core.step(input, at: moment, using: &random)
            for directive in directives { perform(directive, for: index) }
        }
    }

    /// Lets time pass, timer by timer.
    func run(for duration: Duration) {
        let end = now.instant + duration
        settle()
        while let next = members.flatMap(\.timers).map(\.1).min(), next <= end {
            advance(to: next)
            for index in members.indices {
                let due = members[index].timers.filter { $0.1 <= next }
                members[index].timers.removeAll { $0.1 <= next }
                for (timer, _) in due { give(index, .timerFired(timer)) }
            }
            settle()
        }
        advance(to: end)
    }

    private func advance(to instant: Instant) {
        now = Moment(instant: instant, timestamp: now.timestamp + (instant - now.instant))
    }

    /// Opens a session as if `from` had dialed `to`; gives both ends.
    @discardableResult
    func connect(_ from: Int, _ to: Int, dial: DialNumber? = nil, invite: InviteID? = nil) -> (near: SessionID, far: SessionID) {
        let near = SessionID(nextSession)
        let far = SessionID(nextSession + 1)
        nextSession += 2
        links[near] = (to, far)
        links[far] = (from, near)
        give(from, .sessionOpened(near, SessionOpening(remoteKey: operators[to].transportKey.publicKey, dial: dial ?? DialNumber(.max - near.number))))
        give(to, .sessionOpened(far, SessionOpening(remoteKey: operators[from].transportKey.publicKey, inviteID: invite)))
        return (near, far)
    }

    /// The near ends of what one node has open with another.
    func openSessions(between near: Int, and far: Int) -> [SessionID] {
        links.filter { $0.value.far == far && links[$0.value.session]?.far == near }.keys.sorted()
    }

    func cut(_ session: SessionID) {
        guard let (far, twin) = links.removeValue(forKey: session), let (near, _) = links.removeValue(forKey: twin) else { return }
        give(near, .sessionClosed(session))
        give(far, .sessionClosed(twin))
    }

    /// Publishes SimHashes at an operator, all in one session each, today.
    func publish(_ codes: [UInt64], by index: Int, in stream: StreamID = .sessionSimHash1, day: Day? = nil) {
        let descriptor = StreamDescriptor(
            stream: stream, keyByteCount: 8, valueByteCount: 3, retentionDays: 90, shardKey: [UInt8](repeating: 7, count: 16))!
        let day = day ?? now.timestamp.day
        let records = codes.sorted().map { SessionSimHashSighting(day: day, simHash: $0, sessions: 1, strength: 8)!.record }
        give(
            index,
            .daysBuilt([DayContent(descriptor: descriptor, day: day, buckets: Bucket.buckets(of: records, at: day, descriptor: descriptor, using: &random))]))
    }

    /// The SimHashes of one operator that another holds.
    func codes(of origin: Int, at index: Int) -> [UInt64] {
        let buckets = (members[index].current[operators[origin].origin] ?? [:]).values
        return buckets.flatMap { bucket in bucket.records.map { $0.key.reduce(0) { $0 << 8 | UInt64($1) } } }.sorted()
    }

    private func perform(_ directive: Directive, for index: Int) {
        switch directive {
        case .wake(let timer, let instant): members[index].timers.append((timer, max(instant, now.instant + .nanoseconds(1))))
        case .dial(let number, let addresses, let key):
            guard let far = operators.firstIndex(where: { addresses.contains($0.address) }), far < members.count, !cutLinks.contains([index, far]) else {
                return give(index, .dialFailed(number, .refused))
            }
            guard operators[far].transportKey.publicKey == key else { return give(index, .dialFailed(number, .wrongKey)) }
            connect(index, far, dial: number)
        case .close(let session): cut(session)
        case .send(let frame, let session):
            guard let (far, twin) = links[session], let frame = onFrame(index, frame) else { return }
            give(far, .frame(twin, frame))
        case .sendDatagram(let bytes, let session):
            guard let (far, twin) = links[session], let bytes = onDatagram(index, bytes) else { return }
            give(far, .datagram(twin, bytes))
        case .check(let batch):
            onCheck(index, batch)
            give(index, .checked(batch, batch.check()))
        case .checkManifest(let fetch, let bytes):
            give(index, .manifestChecked(fetch, Result { () throws(ManifestError) in try Manifest(checking: bytes, head: fetch.head.body) }))
        case .checkChanges(let fetch, let since, let changes):
            let buckets = members[index].current[fetch.head.body.origin] ?? [:]
            do throws(ContentChangeError) {
                let (manifest, changed) = try ContentChange.apply(changes, to: since, head: fetch.head.body) { buckets[$0.root]?.bytes }
                for bucket in changed { members[index].staged[fetch.head.body.origin, default: [:]][bucket.entry.root] = bucket }
                give(index, .changesChecked(fetch, .success(AppliedChanges(manifest: manifest, roots: changed.map(\.entry.root)))))
            } catch { give(index, .changesChecked(fetch, .failure(error))) }
        case .checkBucket(let fetch, let entry, let descriptor, let bytes):
            let result = Result { () throws(BucketError) in try Bucket(checking: bytes, entry: entry, descriptor: descriptor) }
            if case .success(let bucket) = result { members[index].staged[fetch.head.body.origin, default: [:]][entry.root] = bucket }
            give(index, .bucketChecked(fetch, entry, result.map { _ in }))
        case .serveManifest(let session, let id, let request):
            serve(members[index].manifests[request.root], as: .manifest, id, session, by: index)
        case .serveBucket(let session, let id, let request):
            serve(members[index].current[request.origin]?[request.root]?.bytes, as: .bucket, id, session, by: index)
        case .keep(let statement):
            members[index].keepCount += 1
            members[index].stored.statements.removeAll { $0.slot == statement.slot }
            members[index].stored.statements.append(statement)
        case .discard(let slot): members[index].stored.statements.removeAll { $0.slot == slot }
        case .setAside(let origin):
            members[index].staged[origin, default: [:]].merge(members[index].current.removeValue(forKey: origin) ?? [:]) { first, _ in first }
            members[index].stored.adopted[origin] = nil
        case .unstage(let origin, let roots): for root in roots { members[index].staged[origin]?[root] = nil }
        case .forget(let origin):
            members[index].staged[origin] = nil
            members[index].current[origin] = nil
            members[index].stored.adopted[origin] = nil
        case .recover(let head, let manifest):
            let origin = head.body.origin
            let here = (members[index].current[origin] ?? [:]).merging(members[index].staged[origin] ?? [:]) { first, _ in first }
            members[index].current[origin] = here.filter { root, _ in manifest.entries.contains { $0.root == root } }
            members[index].stored.own = OwnState(head: head, manifest: manifest, history: HistoryTree(certificateHash: head.hash))
            give(index, .recovered(AdoptedState(head: head, manifest: manifest)))
        case .openGeneration(let certificate, let key):
            members[index].stored.statements.append(.generation(certificate))
            members[index].generationKey = key
            give(index, .generationOpened(certificate))
        case .adopt where slowDisk == index: heldAdoptions.append(directive)
        case .adopt(let head, let manifest):
            let origin = head.body.origin
            let here = (members[index].current[origin] ?? [:]).merging(members[index].staged[origin] ?? [:]) { first, _ in first }
            members[index].current[origin] = here.filter { root, _ in manifest.entries.contains { $0.root == root } }
            members[index].staged[origin] = nil
            members[index].manifests[manifest.root] = manifest.bytes
            observe(origin, members[index].stored.adopted[origin]?.manifest, manifest, here, at: index)
            members[index].stored.adopted[origin] = AdoptedState(head: head, manifest: manifest)
            give(index, .adopted(head))
        case .publish(let publication):
            let origin = publication.head.body.origin
            for bucket in publication.newBuckets { members[index].current[origin, default: [:]][bucket.entry.root] = bucket }
            members[index].manifests[publication.manifest.root] = publication.manifest.bytes
            observe(origin, members[index].stored.own?.manifest, publication.manifest, members[index].current[origin] ?? [:], at: index)
            members[index].stored.own = OwnState(head: publication.head, manifest: publication.manifest, history: publication.history)
            give(index, .published(publication))
        case .expire(let day):
            for origin in members[index].current.keys {
                members[index].current[origin] = members[index].current[origin]?.filter { $0.value.descriptor.lastDay(ofBucketAt: $0.value.entry.day) >= day }
            }
        case .keepRule(let rule, let origin):
            members[index].rules[origin] = rule
            members[index].stored.rules = PeerRules(members[index].rules)
        case .keepAnchors(let anchors): members[index].stored.anchors = anchors
        case .redeemInvite(let session, let id, let invite, let newcomer):
            var outcome = InviteOutcome.unknown
            if let used = members[index].usedInvites[invite] {
                outcome = used == newcomer ? .accepted : .alreadyUsed
            } else if members[index].redeemable.contains(invite) {
                members[index].usedInvites[invite] = newcomer
                outcome = .accepted
            }
            give(index, .inviteRedeemed(session, requestID: id, newcomer, outcome))
        case .answerQuestion(let session, let id, let question, let branches):
            let answer = AggregateAnswer(members[index].found[question.key] ?? [], branches: branches, today: now.timestamp.day)
            perform(.send(Frame(.aggregateAnswer, requestID: id, isAnswer: true, body: answer.encoded()), session), for: index)
        case .questionSettled(let number, let outcome): members[index].settled[number, default: []].append(outcome)
        case .report(let event): members[index].events.append(event)
        }
    }

    /// The slow disk has done all that it was asked for, in order.
    func releaseAdoptions() {
        guard let index = slowDisk else { return }
        slowDisk = nil
        for directive in heldAdoptions { perform(directive, for: index) }
        heldAdoptions = []
    }

    private func observe(_ origin: OriginID, _ before: Manifest?, _ after: Manifest, _ buckets: [Digest: Bucket], at index: Int) {
        guard let before, before.root != after.root else { return }
        let change = ContentChange.between(before, after, old: { buckets[$0.root]?.bytes }, new: { buckets[$0.root]?.bytes })
        give(index, .contentChanged(ObservedChange(origin: origin, since: before, root: after, change)))
    }

    private func serve(_ bytes: [UInt8]?, as type: FrameType, _ id: UInt32, _ session: SessionID, by index: Int) {
        let frame =
            bytes.map { Frame(type, requestID: id, isAnswer: true, body: $0) }
            ?? Frame(.refusal, requestID: id, isAnswer: true, body: Refusal.notHeld.encoded())
        perform(.send(frame, session), for: index)
    }
}
