import Cryptography
import Ledger
import NodeCore
import Primitives
import Replication
import WireFormat

/// One node's disk: what the real store does, in memory.
///
/// Work is done in the order in which it was given. Publications and adoptions are synced before they are answered; everything else is
/// synced with the next of them. A crash loses the end of what was not synced, never something in between.
struct SimulatedDisk {
    enum Operation {
        case keep(AnyStatement)
        case stage(Fetch, Bucket)
        case stageChanged(Fetch, Manifest, [Bucket])
        case adopt(Verified<Head>, Manifest)
        case publish(Publication)
        case discard(Slot)
        case setAside(OriginID)
        case unstage(OriginID, [Digest])
        case forget(OriginID)
        case keepRule(PeerRule?, on: OriginID)
        case keepAnchors([NodeID])
        case recover(Verified<Head>, Manifest)
        case openGeneration(Verified<GenerationCertificate>, SigningKey)
        case expire(before: Day)
        case serveManifest(SessionID, requestID: UInt32, ContentRequest)
        case serveBucket(SessionID, requestID: UInt32, ContentRequest)
        case redeem(SessionID, requestID: UInt32, InviteID, OriginID)
    }

    enum Answer {
        case nothing
        case input(Input)
        case inputs([Input])
        case frame(Frame, SessionID)
    }

    /// What one would find on the platters.
    struct Content {
        var statements = SharedTable<StatementSubject, AnyStatement>()
        var adopted = SharedTable<OriginID, AdoptedState>()
        var own: OwnState?
        /// By origin and root; our own among them.
        var buckets = SharedTable<OriginID, [Digest: Bucket]>()
        var staged = SharedTable<OriginID, [Digest: Bucket]>()
        var usedInvites: [InviteID: OriginID] = [:]
        var rules: [OriginID: PeerRule] = [:]
        var anchors: [NodeID] = []
        /// The key of the newest generation of our own, if it is not the first.
        var generationKey: SigningKey?
        /// What all disks of the mesh began with, as long as no statement or head has been added or taken away.
        var base: SettledBase?
    }

    let origin: OriginID
    private(set) var content: Content
    /// What is safe, while `unsynced` holds what is not; with nothing unsynced all of `content` is.
    private var synced: Content?
    private var unsynced: [Operation] = []
    private var waiting: [Operation] = []  // From `doneCount` on.
    private var doneCount = 0
    /// Invites that have been given out, and until when they hold.
    var invites: [InviteID: Timestamp] = [:]
    private(set) var longestQueue = 0
    /// Adoptions that were asked for with a bucket missing: a mistake of the core.
    private(set) var missingBucketCount = 0

    /// - Parameter content: what the operator has been given beforehand. Disks that begin with the same share it until one changes.
    init(origin: OriginID, content: Content) {
        self.origin = origin
        self.content = content
    }

    mutating func enqueue(_ operation: Operation) {
        waiting.append(operation)
        longestQueue = max(longestQueue, waiting.count - doneCount)
    }

    /// Does the oldest work that waits.
    ///
    /// - Parameters:
    ///   - fails: the disk is full, if the work needs room.
    ///   - lies: what should be synced is not.
    mutating func performNext(at now: Timestamp, fails: Bool, lies: Bool) -> Answer {
        guard doneCount < waiting.count else { preconditionFailure("no work waits for the disk") }
        let operation = waiting[doneCount]
        doneCount += 1
        if doneCount == waiting.count || doneCount > 1_024 {
            waiting.removeFirst(doneCount)
            doneCount = 0
        }
        switch operation {
        case .keep, .expire, .discard, .setAside, .unstage, .forget, .keepRule, .keepAnchors:
            doUnsynced(operation)
            return .nothing
        case .stage(let fetch, let bucket):
            doUnsynced(operation)
            return .input(.bucketChecked(fetch, bucket.entry, .success(())))
        case .stageChanged(let fetch, let manifest, let buckets):
            doUnsynced(operation)
            return .input(.changesChecked(fetch, .success(AppliedChanges(manifest: manifest, roots: buckets.map(\.entry.root)))))
        case .adopt(let head, let manifest):
            let isComplete = holdsAll(of: manifest, origin: head.body.origin, today: now.day)
            if !isComplete { missingBucketCount += 1 }
            guard isComplete, !fails else { return .input(.adoptionFailed(head)) }
            let change = observed(head.body.origin, content.adopted[head.body.origin]?.manifest, manifest) { [content] in
                content.buckets[head.body.origin]?[$0] ?? content.staged[head.body.origin]?[$0]
            }
            sync(operation, lies: lies)
            return .inputs(change + [.adopted(head)])
        case .publish(let publication):
            guard !fails else { return .input(.publicationFailed(publication)) }
            let change = observed(origin, content.own?.manifest, publication.manifest) { [content, origin] root in
                content.buckets[origin]?[root] ?? publication.newBuckets.first { $0.entry.root == root }
            }
            sync(operation, lies: lies)
            return .inputs(change + [.published(publication)])
        case .recover(let head, let manifest):
            let isComplete = holdsAll(of: manifest, origin: origin, today: now.day)
            if !isComplete { missingBucketCount += 1 }
            guard isComplete, !fails else { return .input(.adoptionFailed(head)) }
            sync(operation, lies: lies)
            return .input(.recovered(AdoptedState(head: head, manifest: manifest)))
        case .openGeneration(let certificate, _):
            guard !fails else { return .input(.generationFailed(certificate)) }
            sync(operation, lies: lies)
            return .input(.generationOpened(certificate))
        case .serveManifest(let session, let requestID, let request):
            let manifest = request.origin == origin ? content.own?.manifest : content.adopted[request.origin]?.manifest
            let bytes = manifest.flatMap { $0.root == request.root ? $0.bytes : nil }
            return .frame(Self.answer(.manifest, bytes, requestID), session)
        case .serveBucket(let session, let requestID, let request):
            let bucket = content.buckets[request.origin]?[request.root] ?? content.staged[request.origin]?[request.root]
            return .frame(Self.answer(.bucket, bucket?.bytes, requestID), session)
        case .redeem(let session, let requestID, let invite, let newcomer):
            let outcome = redeem(invite, newcomer, at: now)
            if outcome == .accepted { sync(operation, lies: lies) }
            return .input(.inviteRedeemed(session, requestID: requestID, newcomer, outcome))
        }
    }

    /// The power goes: of what was not synced a beginning stays, and the rest is gone. What waited may have been done, but was not answered.
    ///
    /// Says whether anything that had been done is gone.
    mutating func crash(using random: inout some RandomNumberGenerator) -> Bool {
        let uncertain = unsynced + waiting[doneCount...]
        let keptCount = Int(random.number(below: UInt64(uncertain.count) + 1))
        let hasLost = keptCount < unsynced.count
        var found = synced ?? content
        for operation in uncertain.prefix(keptCount) { Self.apply(operation, to: &found, of: origin) }
        content = found
        synced = nil
        unsynced = []
        waiting = []
        doneCount = 0
        return hasLost
    }

    /// What is safely on the platters, to be restored some time.
    var backup: Content { synced ?? content }

    /// Somebody puts an old copy back.
    mutating func restore(_ backup: Content) {
        content = backup
        synced = nil
        unsynced = []
        waiting = []
        doneCount = 0
    }

    /// What a node finds when it starts.
    var storedState: StoredState {
        var state = StoredState()
        state.base = content.base
        if content.base == nil {
            state.statements = content.statements.keys.sorted().compactMap { content.statements[$0] }
            content.adopted.forEach { state.adopted[$0] = $1 }
        }
        state.own = content.own
        content.staged.forEach { state.staged[$0] = Set($1.keys) }
        state.rules = PeerRules(content.rules)
        state.anchors = content.anchors
        return state
    }

    private mutating func sync(_ operation: Operation, lies: Bool) {
        guard !lies else { return doUnsynced(operation) }
        synced = nil
        unsynced = []
        Self.apply(operation, to: &content, of: origin)
    }

    private mutating func doUnsynced(_ operation: Operation) {
        if unsynced.isEmpty { synced = content }
        Self.apply(operation, to: &content, of: origin)
        unsynced.append(operation)
    }

    private func observed(_ origin: OriginID, _ before: Manifest?, _ after: Manifest, _ bucket: (Digest) -> Bucket?) -> [Input] {
        guard let before, before.root != after.root else { return [] }
        let change = ContentChange.between(before, after, old: { bucket($0.root)?.bytes }, new: { bucket($0.root)?.bytes })
        return [.contentChanged(ObservedChange(origin: origin, since: before, root: after, change))]
    }

    private func holdsAll(of manifest: Manifest, origin: OriginID, today: Day) -> Bool {
        manifest.entries.allSatisfy { entry in
            content.buckets[origin]?[entry.root] != nil || content.staged[origin]?[entry.root] != nil
                || manifest.descriptor(of: entry.stream).map { $0.lastDay(ofBucketAt: entry.day) < today } ?? false
        }
    }

    private func redeem(_ invite: InviteID, _ newcomer: OriginID, at now: Timestamp) -> InviteOutcome {
        guard let end = invites[invite] else { return .unknown }
        if let user = content.usedInvites[invite] { return user == newcomer ? .accepted : .alreadyUsed }
        return now < end ? .accepted : .expired
    }

    /// Static: a method of the disk would be called on a copy of it, and a copy makes the next change copy all tables.
    private static func apply(_ operation: Operation, to content: inout Content, of origin: OriginID) {
        switch operation {
        case .keep, .adopt, .publish, .discard, .setAside, .forget, .recover, .openGeneration: content.base = nil
        case .stage, .stageChanged, .unstage, .keepRule, .keepAnchors, .expire, .redeem, .serveManifest, .serveBucket: break
        }
        switch operation {
        case .keep(let statement): content.statements[StatementSubject(statement)] = statement
        case .stage(let fetch, let bucket): content.staged[fetch.head.body.origin, default: [:]][bucket.entry.root] = bucket
        case .stageChanged(let fetch, _, let buckets):
            for bucket in buckets { content.staged[fetch.head.body.origin, default: [:]][bucket.entry.root] = bucket }
        case .adopt(let head, let manifest):
            let origin = head.body.origin
            let staged = content.staged.removeValue(forKey: origin) ?? [:]
            let present = content.buckets[origin] ?? [:]
            var kept: [Digest: Bucket] = [:]
            for entry in manifest.entries { kept[entry.root] = present[entry.root] ?? staged[entry.root] }
            content.buckets[origin] = kept
            content.adopted[origin] = AdoptedState(head: head, manifest: manifest)
        case .publish(let publication):
            let present = content.buckets[origin] ?? [:]
            var new: [Digest: Bucket] = [:]
            for bucket in publication.newBuckets { new[bucket.entry.root] = bucket }
            var kept: [Digest: Bucket] = [:]
            for entry in publication.manifest.entries { kept[entry.root] = present[entry.root] ?? new[entry.root] }
            content.buckets[origin] = kept
            content.own = OwnState(head: publication.head, manifest: publication.manifest, history: publication.history)
        case .discard(let slot): content.statements[StatementSubject(slot)] = nil
        case .setAside(let origin):
            let present = content.buckets.removeValue(forKey: origin) ?? [:]
            content.staged[origin, default: [:]].merge(present) { staged, _ in staged }
            content.adopted[origin] = nil
        case .unstage(let origin, let roots): for root in roots { content.staged[origin]?[root] = nil }
        case .keepRule(let rule, let other): content.rules[other] = rule
        case .keepAnchors(let anchors): content.anchors = anchors
        case .forget(let origin):
            content.buckets[origin] = nil
            content.staged[origin] = nil
            content.adopted[origin] = nil
        case .recover(let head, let manifest):
            let staged = content.staged.removeValue(forKey: origin) ?? [:]
            let present = content.buckets[origin] ?? [:]
            var kept: [Digest: Bucket] = [:]
            for entry in manifest.entries { kept[entry.root] = present[entry.root] ?? staged[entry.root] }
            content.buckets[origin] = kept
            content.own = OwnState(head: head, manifest: manifest, history: HistoryTree(certificateHash: head.hash))
        case .openGeneration(let certificate, let key):
            content.statements[StatementSubject(.generation(certificate))] = .generation(certificate)
            content.generationKey = key
        case .expire(let day):
            for origin in content.buckets.keys.sorted() { content.buckets[origin] = unexpired(content.buckets[origin], on: day) }
            for origin in content.staged.keys.sorted() { content.staged[origin] = unexpired(content.staged[origin], on: day) }
        case .redeem(_, _, let invite, let newcomer): content.usedInvites[invite] = newcomer
        case .serveManifest, .serveBucket: break
        }
    }

    private static func unexpired(_ buckets: [Digest: Bucket]?, on day: Day) -> [Digest: Bucket]? {
        buckets?.filter { $0.value.descriptor.lastDay(ofBucketAt: $0.value.entry.day) >= day }
    }

    private static func answer(_ type: FrameType, _ bytes: [UInt8]?, _ requestID: UInt32) -> Frame {
        guard let bytes else { return Frame(.refusal, requestID: requestID, isAnswer: true, body: Refusal.notHeld.encoded()) }
        return Frame(type, requestID: requestID, isAnswer: true, body: bytes)
    }
}

/// What a kept statement is about: a newer one about the same takes its place on disk.
struct StatementSubject: Hashable, Comparable {
    private let bytes: [UInt8]

    init(_ slot: Slot) { bytes = slot.bytes }
    init(_ statement: AnyStatement) { self.init(statement.slot) }

    static func < (left: StatementSubject, right: StatementSubject) -> Bool { left.bytes.lexicographicallyPrecedes(right.bytes) }
}
