import Ledger
import NodeCore
import Primitives
import Replication
import WireFormat

/// What a scenario can let happen.
extension SimulatedMesh {
    /// Starts all nodes, each at some moment within `spread`.
    public func startAll(within spread: Duration = .seconds(2)) {
        for node in nodes.indices { schedule(.restart(node), in: random.duration(upTo: spread)) }
    }

    /// Starts a node at some moment within `spread`.
    public func restart(_ node: Int, within spread: Duration) { schedule(.restart(node), in: random.duration(upTo: spread)) }

    /// Starts all nodes in the same moment: whoever is dialed is there already.
    public func startTogether() {
        let starting = nodes.indices.filter { raise($0) }
        for node in starting { begin(node) }
    }

    /// Starts a node that is down, from what is on its disk.
    public func start(_ node: Int) { if raise(node) { begin(node) } }

    /// Makes a node's process, if there is none.
    private func raise(_ node: Int) -> Bool {
        guard !nodes[node].isUp else { return false }
        liveness.cameUp(node)
        nodes[node].life += 1
        nodes[node].checksUnderWay = 0
        nodes[node].diskBusyUntil = nanoseconds
        let member = founder.operators[node]
        let identity = member.identity(in: founder.mesh, incarnation: nodes[node].life)
        trace.record(time: nanoseconds, node: node, 100, nodes[node].life)
        var victims: [(TransportKey, [NetworkAddress])] {
            founder.operators.indices.filter { $0 != node && !founder.operators[$0].addresses.isEmpty }
                .map { (founder.operators[$0].transportKey, founder.operators[$0].addresses) }
        }
        switch nodes[node].role {
        case .honest, .withholder:
            nodes[node].core = NodeCore(
                identity: identity, keys: member.keys(root: node == 0 ? founder.root : nil, generation: nodes[node].disk.content.generationKey),
                configuration: nodes[node].configuration,
                stored: nodes[node].disk.storedState, logID: random.next())
        case .garbage: nodes[node].hostile = GarbageSpeaker(member, incarnation: nodes[node].life, victims: victims)
        case .equivocator: nodes[node].hostile = Equivocator(member, incarnation: nodes[node].life, victims: victims)
        }
        if isRunningMember(node) { runningMemberCount += 1 }
        return true
    }

    private func begin(_ node: Int) {
        deliver(.start, to: node, life: nodes[node].life)
        schedule(.daysChanged(node, life: nodes[node].life, nil), in: .milliseconds(20))
    }

    /// Copies what is on a node's disk, for `restoreBackup`.
    public func takeBackup(of node: Int) { nodes[node].backup = nodes[node].disk.backup }

    /// Ends a node and puts back what was copied of its disk; its operator mends what follows from that, as soon as the node says so. Says whether there was a
    /// copy, older than the disk.
    @discardableResult public func restoreBackup(of node: Int) -> Bool {
        guard nodes[node].isHonest, let backup = nodes[node].backup, backup.own?.head.bytes != nodes[node].disk.content.own?.head.bytes else { return false }
        crash(node)
        counts.restoredBackups += 1
        nodes[node].disk.restore(backup)
        nodes[node].isRestored = true
        nodes[node].answeredHeads = [:]
        backup.adopted.forEach { nodes[node].answeredHeads[$0] = $1.head.body.position }
        nodes[node].answeredHeads[nodes[node].disk.origin] = backup.own?.head.body.position
        return true
    }

    /// What the operator of a node asks of it.
    public func command(_ command: Command, at node: Int) { deliver(.command(command), to: node, life: nodes[node].life) }

    /// Ends a node's process at once.
    ///
    /// - Parameter isSilent: as if the power went: nobody is told, and neighbours notice by themselves. Else the kernel closes the sessions.
    public func crash(_ node: Int, isSilent: Bool = false) {
        guard nodes[node].isUp else { return }
        counts.crashes += 1
        liveness.wentDown(node, at: nanoseconds)
        trace.record(time: nanoseconds, node: node, 101)
        nodes[node].core = nil
        nodes[node].hostile = nil
        nodes[node].life += 1
        nodes[node].pausedUntil = 0
        countRunningMembers()
        if nodes[node].disk.crash(using: &random) { counts.lostWrites += 1 }
        checkDiskAfterCrash(of: node)
        for session in nodes[node].sessions.keys.sorted() {
            guard let place = nodes[node].sessions[session] else { continue }
            place.link.ends[place.end].isOpen = false
            if !isSilent { tellOfClose(place.link, from: place.end) }
        }
        nodes[node].sessions = [:]
    }

    /// `node` knows an address of `other` from its next start on, as if its operator had written it into the configuration.
    public func introduce(_ other: Int, to node: Int) {
        guard let address = founder.operators[other].addresses.first else { return }
        nodes[node].configuration.seeds.append(.init(address: address, key: founder.operators[other].transportKey))
    }

    /// Cuts the mesh into groups that do not reach each other; sessions between them stall.
    public func partition(_ groups: [[Int]]) {
        network.partition(groups)
        deliverWhatStalled()
    }

    /// Everybody reaches everybody again: what stalled arrives.
    public func heal() {
        network.heal()
        deliverWhatStalled()
    }

    private func deliverWhatStalled() {
        let links = network.stalled.sorted { $0.number < $1.number }
        network.stalled = []
        for link in links {
            for end in 0..<2 {
                let near = link.ends[end]
                guard network.reaches(near.node, link.ends[1 - end].node) else {
                    if !near.backlog.isEmpty || near.hasClosedInPartition { network.stall(link) }
                    continue
                }
                link.ends[end].backlog = []
                guard !link.isBroken else { continue }
                if near.isOpen, nodes[near.node].life == near.life {
                    for frame in near.backlog { send(frame, on: near.session, at: near.node) }
                }
                if near.hasClosedInPartition {
                    link.ends[end].hasClosedInPartition = false
                    tellOfClose(link, from: end)
                }
            }
        }
    }

    /// Nothing that one of `senders` sends reaches one of `receivers` until all is healed; the other way it may.
    public func cut(from senders: [Int], to receivers: [Int]) {
        for sender in senders { for receiver in receivers where sender != receiver { network.cut(from: sender, to: receiver) } }
    }

    /// The node's process stands still for a while, as if stopped or swapped out: what arrives meanwhile waits. One that stands still already is not
    /// stopped again, neither for a shorter nor for a longer time: what has come since would overtake what waits.
    public func pause(_ node: Int, for duration: Duration) {
        guard nodes[node].isUp, !isPaused(node) else { return }
        counts.pauses += 1
        nodes[node].pausedUntil = nanoseconds + duration.clampedNanoseconds
    }

    /// The node's disk and its checks take so many times as long as usual, for a while: an old machine, or one with too much to do.
    public func slow(_ node: Int, by factor: Int, for duration: Duration) {
        nodes[node].slowness = (max(1, factor), nanoseconds + duration.clampedNanoseconds)
    }

    /// What these two send each other by stream travels no faster than this until all is healed.
    public func limit(_ left: Int, _ right: Int, bitsPerSecond: Int64) { network.limit(left, right, bitsPerSecond: bitsPerSecond) }

    /// All machines are as fast as usual again.
    public func endSlowness() { for node in nodes.indices { nodes[node].slowness = (1, 0) } }

    /// The node's wall clock jumps, and is off by this much from now on.
    public func setClock(of node: Int, offBy error: Duration) {
        counts.clockJumps += 1
        nodes[node].clockError = error
    }

    func isPaused(_ node: Int) -> Bool { nanoseconds < nodes[node].pausedUntil }

    /// Whose process is told of it; `nil`: happens to the world.
    func receiver(of payload: Payload) -> Int? {
        switch payload {
        case .timer(let node, _, _), .input(let node, _, _), .daysChanged(let node, _, _), .checked(let node, _, _), .contentChecked(let node, _, _),
            .diskReady(let node, _), .dialEnded(let node, _, _, _, _):
            node
        case .responderReady(let link): link.ends[1].node
        case .frame(let link, let end, _), .datagram(let link, let end, _), .closed(let link, let end): link.ends[end].node
        case .breakSession, .crashSomebody, .restart: nil
        }
    }

    /// These two never reach each other from now on.
    public func separate(_ left: Int, _ right: Int) { network.sever(left, right) }

    /// An operator has seen something: acknowledged with the return, whatever happens to its node.
    public func observe(_ sightings: [Sighting], at node: Int) {
        var days: [OwnSightings.DayID] = []
        for sighting in sightings {
            let id = OwnSightings.DayID(stream: sighting.stream, day: sighting.day)
            nodes[node].sightings.note([sighting.record], on: sighting.day, of: descriptor(of: sighting.stream, at: node))
            if !days.contains(id) { days.append(id) }
        }
        schedule(.daysChanged(node, life: nodes[node].life, days), in: .milliseconds(1))
    }

    /// Records of any stream, also of one that no node knows.
    public func observe(_ records: [Record], on day: Day, of descriptor: StreamDescriptor, at node: Int) {
        nodes[node].sightings.note(records, on: day, of: descriptor)
        schedule(.daysChanged(node, life: nodes[node].life, [OwnSightings.DayID(stream: descriptor.stream, day: day)]), in: .milliseconds(1))
    }

    /// Some sightings drawn from the seed: SimHashes and domains of today and yesterday.
    public func observeSomething(at node: Int, count: Int = 3) {
        var sightings: [Sighting] = []
        for _ in 0..<count {
            let day = moment(of: node).timestamp.day.advanced(by: -Int(random.number(below: 2)))
            if random.number(below: 2) == 0 {
                sightings.append(.sessionSimHash(made(SessionSimHashSighting(day: day, simHash: random.next() | 1, sessions: 1, strength: 8))))
            } else {
                let domain = made(DomainName("d\(random.number(below: 1_000_000)).example.org"))
                sightings.append(.smtpTarget(SmtpTargetSighting(day: day, domain: domain, count: 3, attackers: 2)))
            }
        }
        observe(sightings, at: node)
    }

    /// The operator of `node` revokes another one, above whom it stands.
    public func revoke(_ other: Int, by node: Int) {
        deliver(.command(.revoke(origin(of: other), .misbehaviour)), to: node, life: nodes[node].life)
        revoked.insert(other)
        for place in nodes.indices where founder.sponsors(of: place).contains(other) { revoked.insert(place) }
        countRunningMembers()
    }

    func breakSession() {
        guard let link = openLinks.pick(using: &random) else { return }
        sever(link)
    }

    /// Links on which both ends still talk, in the order in which they were made.
    private var openLinks: [Link] {
        nodes.flatMap { $0.sessions.values.filter { $0.end == 0 }.map(\.link) }.filter { !$0.isBroken && $0.ends[0].isOpen && $0.ends[1].isOpen }
            .sorted { $0.number < $1.number }
    }

    func crashSomebody() {
        let candidates = nodes.indices.filter { nodes[$0].isUp && nodes[$0].isHonest }
        guard let victim = candidates.pick(using: &random) else { return }
        crash(victim, isSilent: random.number(below: 2) == 0)
        let times = conditions.downTime
        schedule(.restart(victim), in: times.lowerBound + random.duration(upTo: times.upperBound - times.lowerBound))
    }

    private func descriptor(of stream: StreamID, at node: Int) -> StreamDescriptor {
        nodes[node].sightings.descriptors[stream] ?? made(StreamDescriptor.standard(for: stream, shardKey: random.bytes(count: 16)))
    }
}
