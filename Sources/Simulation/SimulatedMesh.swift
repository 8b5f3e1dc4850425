import Cryptography
import Ledger
import NodeCore
import Primitives
import Replication
import WireFormat

/// Many nodes in virtual time on one thread: the cores of the daemon, with a simulated network, disk and clock around each.
///
/// The same seed and the same calls give the same run, event by event, in every process and build. Nodes are named by their places.
public final class SimulatedMesh {
    enum Payload {
        /// Something local to one life of a node.
        indirect case input(Int, life: UInt64, Input)
        /// The most frequent of these.
        case timer(Int, life: UInt64, Timer)
        /// The operator's sightings of these days have changed; `nil`: of all days that are not published as they are.
        case daysChanged(Int, life: UInt64, [OwnSightings.DayID]?)
        indirect case checked(Int, life: UInt64, StatementBatch)
        indirect case contentChecked(Int, life: UInt64, ContentCheck)
        case diskReady(Int, life: UInt64)
        case dialEnded(Int, life: UInt64, DialNumber, target: Int, targetLife: UInt64)
        case responderReady(link: Link)
        case frame(link: Link, end: Int, Frame)
        case datagram(link: Link, end: Int, [UInt8])
        case closed(link: Link, end: Int)
        case breakSession
        case crashSomebody
        case restart(Int)
    }

    enum ContentCheck {
        case manifest(Fetch, [UInt8])
        case changes(Fetch, Manifest, [[UInt8]])
        case bucket(Fetch, BucketEntry, StreamDescriptor, [UInt8])
    }

    /// The day the simulation starts on, at 22:00 UTC: some scenarios end a day.
    public static let firstDay = Day(number: 20_783)
    static let start = Timestamp(milliseconds: UInt64(firstDay.number) * 86_400_000 + 22 * 3_600_000)

    public let seed: UInt64
    let founder: MeshFounder
    var nodes: [SimulatedNode] = []
    var network: SimulatedNetwork
    var queue = EventQueue<Payload>()
    var trace = Trace()
    var checks = CheckCache()
    var contents = SharedContents()
    var spread = HeadSpread()
    var liveness = LivenessRecord()
    var revoked: Set<Int> = []  // Looked up, never iterated.
    /// What must not have happened, in the order in which it did.
    public internal(set) var violations: [Violation] = []
    var headsSeen: [HeadID: Digest] = [:]
    var placeOfOrigin: [OriginID: Int] = [:]
    var placeOfNode: [NodeID: Int] = [:]
    var counts = FaultCounts()
    var events: [(node: Int, event: Event)] = []
    var nanoseconds: Int64 = 0
    /// Honest members that run: who is to follow a head. Kept up to date, because each adoption asks.
    var runningMemberCount = 0
    var measuredFrom: Int64 = 0
    /// An origin and a node that had not adopted its newest head when last looked at.
    var lastDifference: (origin: Int, node: Int)?
    private var faultsArmed = (breaks: false, crashes: false)
    var random: SeededGenerator

    struct HeadID: Hashable {
        let origin: OriginID
        let position: HeadPosition
    }

    struct FaultCounts {
        var crashes = 0, sessionBreaks = 0, sessionsMade = 0, lostDatagrams = 0, doubledDatagrams = 0, stalledFrames = 0
        var newsWithheld = 0, natForgotten = 0, bitsFlipped = 0, oldVersionAsked = 0
        var slowedOperations = 0, limitedFrames = 0
        var lostWrites = 0, diskFailures = 0, pauses = 0, clockJumps = 0, restoredBackups = 0, generationsOpened = 0, setAside = 0
    }

    /// Draws a mesh from a seed, all nodes down.
    ///
    /// - Parameters:
    ///   - garbageSpeakers: places of members that break every rule. The first operator is honest.
    ///   - roles: places of members that are something else than honest.
    ///   - outboundOnlyPerMille: how many nodes cannot be dialed.
    ///   - areAcquainted: all know each other's credentials and addresses, and have adopted a first head of everybody, with nothing in it.
    ///   - sharesTables: acquainted nodes hold together what they have in common (`SettledBase`). The run is the same without, in far more time and memory.
    ///   - oldVersions: places of honest members that know fewer types of frames.
    public static func make(
        operators count: Int, seed: UInt64, garbageSpeakers: [Int] = [], roles: [Int: MemberRole] = [:], outboundOnlyPerMille: UInt64 = 0,
        conditions: NetworkConditions = NetworkConditions(), areAcquainted: Bool = false, sharesTables: Bool = true, oldVersions: [Int] = [],
        configure: (inout NodeCore.Configuration) -> Void = { _ in }
    ) -> SimulatedMesh {
        make(
            operators: count, seed: seed, garbageSpeakers: garbageSpeakers, roles: roles, outboundOnlyPerMille: outboundOnlyPerMille, conditions: conditions,
            areAcquainted: areAcquainted, sharesTables: sharesTables, oldVersions: oldVersions, networks: { _ in .laboratory }, seeds: { _ in nil },
            configure: configure)
    }

    /// - Parameters:
    ///   - networks: which addresses a node gets.
    ///   - seeds: the places a node is told of; `nil`: its sponsor's, the first and a drawn one.
    ///   - sponsor: who has admitted an operator; `nil`: drawn.
    static func make(
        operators count: Int, seed: UInt64, garbageSpeakers: [Int] = [], roles: [Int: MemberRole], outboundOnlyPerMille: UInt64 = 0,
        conditions: NetworkConditions, areAcquainted: Bool = false, sharesTables: Bool = true, oldVersions: [Int] = [], networks: (Int) -> NetworkPlan,
        seeds: (Int) -> [Int]?,
        sponsor: (Int) -> Int? = { _ in nil },
        configure: (inout NodeCore.Configuration) -> Void = { _ in }
    ) -> SimulatedMesh {
        precondition(count >= 1, "a mesh of \(count) operators")
        var founder = MeshFounder(seed: seed, at: start)
        for index in 0..<count { founder.admitOperator(outboundOnlyPerMille: outboundOnlyPerMille, in: networks(index), by: sponsor(index)) }
        var configurations: [NodeCore.Configuration] = []
        for index in 0..<count {
            var configuration = NodeCore.Configuration()
            configuration.seeds = founder.seeds(of: index)
            if let places = seeds(index) {
                configuration.seeds = places.filter { $0 != index }.compactMap { place in
                    founder.operators[place].addresses.first.map { .init(address: $0, key: founder.operators[place].transportKey) }
                }
            }
            configure(&configuration)
            configurations.append(configuration)
        }
        let all = roles.merging(garbageSpeakers.map { ($0, .garbage) }) { first, _ in first }
        let mesh = SimulatedMesh(
            founder, configurations, seed: seed, roles: all, conditions: conditions, areAcquainted: areAcquainted, sharesTables: sharesTables)
        for place in oldVersions { mesh.nodes[place].isOld = true }
        return mesh
    }

    private init(
        _ founder: MeshFounder, _ configurations: [NodeCore.Configuration], seed: UInt64, roles: [Int: MemberRole], conditions: NetworkConditions,
        areAcquainted: Bool, sharesTables: Bool
    ) {
        self.seed = seed
        self.founder = founder
        random = SeededGenerator(seed: seed)
        network = SimulatedNetwork(nodeCount: founder.operators.count, seed: seed)
        network.conditions = conditions
        let disks = founder.disks(
            areAcquainted: areAcquainted, isShared: sharesTables, silent: Set(roles.filter { $0.value == .garbage || $0.value == .equivocator }.keys))
        for (index, member) in founder.operators.enumerated() {
            for address in member.addresses { network.listen(index, at: address) }
            placeOfOrigin[member.origin] = index
            placeOfNode[member.node] = index
            nodes.append(
                SimulatedNode(
                    index: index, role: roles[index] ?? .honest, configuration: configurations[index],
                    disk: SimulatedDisk(origin: member.origin, content: disks[index]), random: SeededGenerator(seed: random.next()),
                    clockError: random.duration(upTo: .seconds(4)) - .seconds(2)))
        }
        armFaults()
    }

    public var count: Int { nodes.count }

    /// Virtual time since the mesh was made.
    public var now: Duration { .nanoseconds(nanoseconds) }

    /// Equal for two runs exactly if they went the same way.
    public var traceHash: UInt64 { trace.hash }

    public func origin(of node: Int) -> OriginID { founder.operators[node].origin }
    public func sponsor(of node: Int) -> Int? { founder.operators[node].sponsor }
    /// All above a node's operator in the sponsor tree, nearest first.
    public func sponsors(of node: Int) -> [Int] { founder.sponsors(of: node) }
    public func isUp(_ node: Int) -> Bool { nodes[node].isUp }
    public func isHonest(_ node: Int) -> Bool { nodes[node].isHonest }
    /// What the node would tell its operator; `nil` while it is down.
    public func status(of node: Int) -> NodeStatus? { nodes[node].core?.status(at: moment(of: node)) }

    /// How well the network works from now on.
    public var conditions: NetworkConditions {
        get { network.conditions }
        set {
            network.conditions = newValue
            armFaults()
        }
    }

    public func run(for duration: Duration) { _ = run(until: { _ in false }, within: duration) }

    /// Runs until the condition holds, and says whether it did in time. It is looked at every so often.
    public func run(until isDone: (SimulatedMesh) -> Bool, within longest: Duration, lookingEvery interval: Duration = .milliseconds(50)) -> Bool {
        let end = nanoseconds + longest.clampedNanoseconds
        var nextLook = nanoseconds
        while true {
            let next = queue.nextTime ?? .max
            if next > nextLook {
                if isDone(self) { return true }
                nextLook += interval.clampedNanoseconds
            }
            guard min(next, nextLook) <= end else { break }
            if next > nextLook {
                nanoseconds = max(nanoseconds, nextLook)
                continue
            }
            guard let event = queue.popFirst() else { break }
            nanoseconds = event.time
            happen(event.payload)
        }
        nanoseconds = end
        return isDone(self)
    }

    func moment(of node: Int) -> Moment {
        let timestamp = Timestamp(milliseconds: Self.start.milliseconds + UInt64(nanoseconds / 1_000_000))
        return Moment(instant: Instant(nanoseconds: nanoseconds), timestamp: timestamp + nodes[node].clockError)
    }

    func schedule(_ payload: Payload, in delay: Duration) { queue.push(payload, at: nanoseconds + delay.clampedNanoseconds) }

    func violate(_ violation: Violation) { if violations.count < 100 { violations.append(violation) } }

    private func happen(_ payload: Payload) {
        // What a paused process would be told waits until it goes on, in order.
        if let node = receiver(of: payload), isPaused(node) { return queue.push(payload, at: nodes[node].pausedUntil) }
        switch payload {
        case .input(let node, let life, let input): deliver(input, to: node, life: life)
        case .timer(let node, let life, let timer): deliver(.timerFired(timer), to: node, life: life)
        case .daysChanged(let node, let life, let days): buildDays(days, of: node, life: life)
        case .checked(let node, let life, let batch):
            guard nodes[node].life == life else { return }
            nodes[node].checksUnderWay -= 1
            let outcome = checks.check(batch)
            noteHeads(outcome.verified, at: node)
            deliver(.checked(batch, outcome), to: node, life: life)
        case .contentChecked(let node, let life, let check): finish(check, at: node, life: life)
        case .diskReady(let node, let life): diskReady(node, life: life)
        case .dialEnded(let node, let life, let dial, let target, let targetLife):
            dialEnded(node, life: life, dial, target: target, targetLife: targetLife)
        case .responderReady(let link): responderReady(link)
        case .frame(let link, let end, let frame): arrived(frame, on: link, at: end)
        case .datagram(let link, let end, let bytes): arrived(datagram: bytes, on: link, at: end)
        case .closed(let link, let end): arrivedClose(on: link, at: end)
        case .breakSession:
            faultsArmed.breaks = false
            breakSession()
            armFaults()
        case .crashSomebody:
            faultsArmed.crashes = false
            crashSomebody()
            armFaults()
        case .restart(let node): start(node)
        }
    }

    private func armFaults() {
        if let interval = conditions.sessionBreakInterval, !faultsArmed.breaks {
            faultsArmed.breaks = true
            schedule(.breakSession, in: random.duration(upTo: interval * 2))
        }
        if let interval = conditions.crashInterval, !faultsArmed.crashes {
            faultsArmed.crashes = true
            schedule(.crashSomebody, in: random.duration(upTo: interval * 2))
        }
    }
}
