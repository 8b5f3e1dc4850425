import Cryptography
import Ledger
import Membership
import Primitives
import Replication
import WireFormat

/// One whole node as one value: what happens comes in as inputs, what is to be done goes out as directives.
///
/// It knows no sockets, clocks, files or tasks: the daemon and the simulator drive the same core. It routes inputs to the machines below
/// (members, nodes, log, fetching, publishing) and owns the policy between them: whom to talk to, when to ask, what to tell.
public struct NodeCore: Sendable {
    public let identity: NodeIdentity
    let keys: NodeKeys
    var configuration: Configuration

    var members: MemberTable
    var nodes = NodeTable()
    /// The nodes in ascending order as they were when last asked for; none ever leaves the table.
    var nodesInOrder: [NodeID] = []
    var origins = SharedTable<OriginID, OriginRecord>()
    var log: StatementLog<Slot>
    /// What has been pushed and is under check, by hash; and who has pushed it too meanwhile. Of a session at most `Bound.batchesPerSession` datagrams and
    /// one headless answer.
    var pushesUnderCheck: [Digest: [SessionID]] = [:]
    var pending: PendingStatements
    /// What has been accepted since waiting statements were looked at last, and some may have waited for.
    var laid: [PendingStatements.Ground] = []
    /// Whether it has been told that no more may wait, since all that did has been settled.
    var hasToldOfFullRoom = false
    var fetches: FetchScheduler
    var changeLog = ChangeLog()
    /// Origins whose newest head is over its quota, so that it is told once.
    var overQuota: Set<OriginID> = []
    /// How long each origin's adopted head took, from hearing of it.
    var followedIn = SharedTable<OriginID, Duration>()
    /// What is under adoption: of each origin what was asked for last.
    var adopting: [OriginID: AdoptedState] = [:]
    var publisher: Publisher
    var rules: PeerRules
    /// The newest heads of origins that are blocked, over their quota or ahead of time; at most one for each.
    var passedOver: [OriginID: Verified<Head>] = [:]
    /// Of which origins the head that was passed over waits for its time, or for a membership that is valid; and how long it need not be looked at.
    var early: [OriginID: EarlyWait] = [:]
    var anchors: [NodeID]
    /// Those of the last run that have not been tried in this one.
    var untriedAnchors: [NodeID]
    var startCheck = StartCheck(at: .zero)
    /// A new generation of our own that is being opened.
    var opening: Opening?
    /// The newest head of our own that anybody has shown us.
    var newestOwnHead: Verified<Head>?
    /// The histories of the heads adopted, our own among them, as far as they are known.
    var histories = SharedTable<OriginID, HistoryWindow>()
    var inquiries: [OriginID: HistoryInquiry] = [:]
    var sessions = SessionTable()
    let sessionPatience: SessionPatience
    /// Open sessions in ascending order.
    var openSessions: [SessionID] = []
    /// The nodes at the other ends of open sessions that are not being closed, ascending.
    var neighbours: [NodeID] = []
    /// Sessions that we have dialed and are not closing.
    var outboundCount = 0
    var dials: [DialNumber: Dial] = [:]
    var nextDial: UInt64 = 1
    var backoff = DialBackoff()
    var hasReviewedNeighbours = false
    var detector: FailureDetector
    /// What we have shown of ourselves last: higher than at any start before, and than anything of ours that is known.
    var incarnation: UInt64
    var hasLeft = false
    /// What we say of ourselves, as signed; and how often we may raise it over what others show: two machines with one key would do so for ever.
    var announced: [UInt8]?
    var outgrowths = Allowance(capacity: 4, interval: .seconds(60))
    /// Probes of neighbours that we have passed on.
    var relayed: [UInt32: RelayedProbe] = [:]
    var nextRelayed = Self.firstRelayed
    /// Why a node could not be reached last. At most one per node there is a certificate of.
    var downReasons: [NodeID: DownReason] = [:]
    var requests: [RequestKey: Request] = [:]
    /// What operators may still ask us, so that no new session gives more.
    var questionBudgets: [OriginID: Allowance] = [:]
    var newcomers: [RequestKey: Newcomer] = [:]
    /// How far the log of each node has been read, so that a new session goes on where the last one stopped.
    var cursors: [NodeID: Cursor] = [:]
    /// The newest head of ours that each neighbour has told us of: nobody tells of a head before it has adopted it. At most one per node we ever met.
    var confirmations: [NodeID: HeadPosition] = [:]
    var hot: [HotHead] = []
    var announcements: Announcements
    /// Before this, a busy node asks no neighbour for heads that it may have missed.
    var nextComparison = Instant.zero
    var armed: Set<Timer> = []

    /// What the step under way has asked for so far.
    var directives: [Directive] = []
    private let stored: StoredState

    /// - Parameters:
    ///   - stored: what the disk holds; must contain the node's own membership chain and node certificate.
    ///   - logID: random, never used by this node before.
    public init(identity: NodeIdentity, keys: NodeKeys, configuration: Configuration = Configuration(), stored: StoredState, logID: UInt64) {
        self.identity = identity
        self.keys = keys
        self.configuration = configuration
        self.stored = stored
        sessionPatience = SessionPatience(configuration)
        pending = PendingStatements(own: identity.origin)
        incarnation = identity.incarnation
        detector = FailureDetector(configuration: configuration.liveness)
        members = MemberTable(mesh: identity.mesh)
        log = StatementLog(id: logID)
        fetches = FetchScheduler(staged: stored.staged)
        rules = stored.rules
        anchors = Array(stored.anchors.prefix(Self.anchorLimit))
        untriedAnchors = anchors
        announcements = Announcements(busyHeads: configuration.busyHeads, busySpan: configuration.busySpan)
        publisher = Publisher(origin: identity.origin, key: nil, certificate: nil, own: nil)
    }

    /// Whether this node can admit, renew and open generations.
    public var holdsIdentityKey: Bool { keys.identity != nil }

    /// Takes one input, and says what is to be done about it, in order. Never fails, whatever a peer sent.
    public mutating func step(_ input: Input, at now: Moment, using random: inout some RandomNumberGenerator) -> [Directive] {
        directives = []
        switch input {
        case .start: start(at: now, using: &random)
        case .timerFired(let timer): fired(timer, at: now, using: &random)
        case .sessionOpened(let session, let opening): opened(session, opening, at: now)
        case .dialFailed(let dial, let reason): dialFailed(dial, reason, at: now, using: &random)
        case .sessionClosed(let session): closed(session, at: now, using: &random)
        case .frame(let session, let frame): received(frame, on: session, at: now, using: &random)
        case .datagram(let session, let bytes): received(datagram: bytes, on: session, at: now, using: &random)
        case .checked(let batch, let outcome): checked(batch, outcome, at: now, using: &random)
        case .manifestChecked(let fetch, let result):
            let origin = fetch.head.body.origin
            let present = origin == identity.origin ? publisher.base?.manifest ?? publisher.own?.manifest : origins[origin]?.adopted?.manifest
            let held = Set(present?.entries.map(\.root) ?? [])
            perform(fetches.manifestChecked(fetch, result, held: { held.contains($0) }, today: now.timestamp.day), at: now)
            beginFetches(at: now, using: &random)
        case .changesChecked(let fetch, let result):
            let held = origins[fetch.head.body.origin]?.adopted.map { Set($0.manifest.entries.map(\.root)) } ?? []
            perform(fetches.changesChecked(fetch, result, held: { held.contains($0) }, today: now.timestamp.day), at: now)
            beginFetches(at: now, using: &random)
        case .contentChanged(let change): changeLog.append(change)
        case .bucketChecked(let fetch, let entry, let result):
            perform(fetches.bucketChecked(fetch, entry, result), at: now)
            beginFetches(at: now, using: &random)
        case .stagingFailed(let fetch, let entry): fetches.bucketFailed(fetch, entry)  // Nobody's fault but ours: the next tick tries again.
        case .adopted(let head): adopted(head, at: now, using: &random)
        case .adoptionFailed(let head): adoptionFailed(head, at: now)
        case .published(let publication): published(publication, at: now, using: &random)
        case .publicationFailed(let publication):
            publisher.failed(publication)
            advanceOpening(at: now, using: &random)
        case .recovered(let state): recovered(state, at: now, using: &random)
        case .generationOpened(let certificate): generationOpened(certificate, at: now, using: &random)
        case .generationFailed: generationFailed(at: now)
        case .inviteRedeemed(let session, let requestID, let newcomer, let outcome):
            redeemed(on: session, requestID: requestID, newcomer: newcomer, outcome, at: now)
        case .daysBuilt(let days):
            publisher.change(days)
            arm(.publish, after: configuration.publishDelay, at: now)
        case .command(let command): execute(command, at: now, using: &random)
        }
        defer { directives = [] }
        return directives
    }

    private mutating func start(at now: Moment, using random: inout some RandomNumberGenerator) {
        startCheck = StartCheck(at: now.instant)
        if let base = stored.base { begin(from: base, at: now) }
        takeStored(stored.statements, at: now)
        takeAdopted(stored.adopted, own: stored.own, at: now)
        startPublisher()
        announceSelf(at: now)
        for timer in [Timer.tick, .housekeeping] { fired(timer, at: now, using: &random) }
        arm(.probe, after: random.duration(upTo: detector.period), at: now)
        arm(.publish, after: .zero, at: now)
    }

    /// Takes what was kept: sponsors before those they sponsor, certificates before what they certify; what rests on something that is not here waits like any
    /// other. So of a large mesh's statements no more wait at one time than there is room for.
    mutating func takeStored(_ statements: [AnyStatement], at now: Moment) {
        var memberships = statements.filter { $0.rank == 0 }
        var isGettingOn = true
        while isGettingOn {  // As often as the longest sponsor chain is long.
            var rest: [AnyStatement] = []
            for statement in memberships {
                guard case .membership(let certificate) = statement,
                    certificate.body.isSponsoredByRoot || members.isKnown(OriginID(certificate.body.sponsor.raw))
                else {
                    rest.append(statement)
                    continue
                }
                take(statement, from: nil, isStored: true, at: now)
            }
            isGettingOn = rest.count < memberships.count
            memberships = rest
        }
        for statement in memberships { take(statement, from: nil, isStored: true, at: now) }
        for statement in statements.filter({ $0.rank > 0 }).sorted(by: { $0.rank < $1.rank }) { take(statement, from: nil, isStored: true, at: now) }
        settlePending(at: now)
    }

    /// Goes on from the heads that were adopted, and from our own, in ascending order of their origins.
    mutating func takeAdopted(_ adopted: [OriginID: AdoptedState], own: OwnState?, at now: Moment) {
        var states = adopted
        states[identity.origin] = own.map { AdoptedState(head: $0.head, manifest: $0.manifest) }
        for (origin, state) in states.sorted(by: { $0.key < $1.key }) {
            hold(.head(state.head), in: .head(origin))
            guard origin != identity.origin else { continue }
            origins[origin, default: OriginRecord()].adopted = state
            // A crash may have come between what ended it and what followed from that.
            if settleStanding(of: origin, at: now) { beginHistory(with: state.head) }
        }
    }

    private mutating func fired(_ timer: Timer, at now: Moment, using random: inout some RandomNumberGenerator) {
        armed.remove(timer)
        switch timer {
        case .tick:
            tick(at: now, using: &random)
            arm(.tick, after: configuration.tickInterval, at: now)
        case .spread: spread(at: now, using: &random)
        case .announced: seekOverdue(at: now)
        case .probe:
            perform(detector.periodBegan(at: now.instant, surroundings(at: now), using: &random), at: now)
            arm(.probe, after: detector.period, at: now)
        case .probeStep(let number):
            guard detector.isUnderWay(number) else { return }  // Answered: the timer is stale, as most are.
            perform(detector.deadlinePassed(number, at: now.instant, surroundings(at: now), using: &random), at: now)
        case .relayedProbe(let number): relayedProbeIsOver(number)
        case .housekeeping:
            directives.append(.expire(before: now.timestamp.day))
            publisher.dayEnded(today: now.timestamp.day)
            renewNodeCertificate(at: now)
            redrawNeighbours(at: now, using: &random)
            renewGeneration(at: now, using: &random)
            publish(at: now)
            arm(.housekeeping, after: configuration.housekeepingInterval, at: now)
        case .publish: publish(at: now)
        }
    }

    /// Finds what to go on from: the newest generation of ours, if its key is here, and what was published last.
    private mutating func startPublisher() {
        let record = origins[identity.origin]
        publisher = Publisher(origin: identity.origin, key: keys.generation, certificate: record?.newest, own: stored.own)
        if publisher.halt == .noGeneration, let newest = record?.newest, let key = keys.generation?.verifyingKey, record?.certificate(of: key) != nil {
            publisher.halt = .newerGeneration(newest.body.generation)
        }
        if let own = publisher.own {
            histories[identity.origin] = HistoryWindow(generation: own.head.body.position.generation, tree: own.history)
            if record?.isQuarantined(own.head.body.position.generation) == true { _ = publisher.stop(for: .equivocation) }
        }
        if let halt = publisher.halt, halt != .ended { directives.append(.report(.signingHalted(ours: publisher.lastHead?.body.position, halt))) }
    }

    /// Asks for a timer, unless one of this kind is under way.
    mutating func arm(_ timer: Timer, after delay: Duration, at now: Moment) {
        guard armed.insert(timer).inserted else { return }
        directives.append(.wake(timer, at: now.instant + delay))
    }
}

/// The secret keys a node works with. What is missing, it cannot do.
public struct NodeKeys: Sendable {
    /// Admits newcomers, revokes, renews the node certificate; may be kept elsewhere.
    public var identity: SigningKey?
    /// Signs the peer record.
    public var node: SigningKey
    /// Signs heads; only where the operator publishes.
    public var generation: SigningKey?
    /// Only where the mesh was created.
    public var meshRoot: SigningKey?

    public init(identity: SigningKey?, node: SigningKey, generation: SigningKey?, meshRoot: SigningKey? = nil) {
        self.identity = identity
        self.node = node
        self.generation = generation
        self.meshRoot = meshRoot
    }
}
