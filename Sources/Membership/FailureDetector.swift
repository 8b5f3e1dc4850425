import Primitives

/// Finds out which nodes still answer: SWIM with Lifeguard, among organisations that do not trust each other (`Protocol/liveness.md`).
///
/// What it believes of a node rests on what that node has shown, to us or over a neighbour under its own signature. What neighbours say about
/// others is a hint: a reason to look, never a finding. Time and dice are arguments, packets are directives.
public struct FailureDetector: Sendable {
    public enum State: UInt8, Hashable, Sendable {
        /// Known by name; has not been heard since we started.
        case unseen
        case alive
        /// It has not answered us, and has time to.
        case suspect
        /// It has not answered for so long that nobody need wait for it. It is still tried.
        case dead
        /// It has said that it stops.
        case left
    }

    /// How a node can be reached at this moment.
    public enum Reach: Hashable, Sendable {
        /// We have a session with it.
        case neighbour
        /// It takes connections.
        case dialable
        /// It only dials.
        case outboundOnly
    }

    /// Whom we could ask, and how.
    public struct Surroundings {
        /// Nodes we have a session with, in ascending order.
        public var neighbours: [NodeID]
        /// `nil` for a node that is no member's.
        public var reach: (NodeID) -> Reach?

        public init(neighbours: [NodeID], reach: @escaping (NodeID) -> Reach?) {
            self.neighbours = neighbours
            self.reach = reach
        }
    }

    public enum Directive: Hashable, Sendable {
        /// By datagram.
        case ping(NodeID, number: UInt32)
        /// By the stream of the session there is.
        case pingOnStream(NodeID)
        case ask(relays: [NodeID], about: NodeID, number: UInt32, nonce: Bytes32)
        /// Make a session: with new keys, if the node has started anew.
        case dial(NodeID)
        /// Call `deadlinePassed` with this number.
        case wake(number: UInt32, after: Duration)
        /// Tell neighbours what we have found ourselves.
        case tell(NodeID, incarnation: UInt64)
        case changed(NodeID, State)
    }

    /// Why a node is looked at out of turn.
    enum Cause: Hashable, Sendable { case round, hint, loss, again }

    struct Probe: Sendable {
        enum Stage: Hashable, Sendable { case datagram, streamAndRelays, relays, dial }

        let target: NodeID
        let number: UInt32
        let cause: Cause
        /// What the target signs, if it is asked over neighbours.
        let nonce: Bytes32
        /// A connection has just failed.
        let hasDialed: Bool
        var stage: Stage
        let startedAt: Instant
        /// Those who have been asked and have said nothing yet.
        var waitingFor: [NodeID] = []
        /// Whether somebody who was asked has not even said that there is nothing to show.
        var isMissed = false
    }

    struct Member: Sendable {
        var state = State.unseen
        var incarnation: UInt64 = 0
        var lastHeard: Instant?
        var roundTrip: Duration?
        /// Since when it is suspected, and how often it has not answered since.
        var suspectedAt: Instant?
        var failureCount = 0
        var lastFailure: Instant?
        /// Operators that have found the same since it was heard last, at most `Configuration.confirmations`.
        var confirmers: [Confirmer] = []
        var lastHint: Instant?
        var lastLoss: Instant?
        /// Who has vouched for it last: whom to ask first.
        var voucher: NodeID?
        var probe: UInt32?
    }

    struct Confirmer: Sendable {
        let origin: OriginID
        /// When it said so last.
        var hintedAt: Instant
    }

    /// Probes have numbers from 1 to this; larger ones are for those that are passed on for others.
    public static let largestNumber: UInt32 = 1 << 31 - 1

    public let configuration: Configuration
    var members = SharedTable<NodeID, Member>()
    var probes: [UInt32: Probe] = [:]
    var nextNumber: UInt32 = 1
    /// What is left of this round, through a shuffled list: neighbours, and all others.
    var nearRound: [NodeID] = []
    var farRound: [NodeID] = []
    private var lastFarProbe: Instant?
    /// Those under suspicion, in the order in which they came under it.
    var suspects: [NodeID] = []
    /// Lifeguard IV.A: how much we distrust our own ears, 0 to `healthLimit`.
    public internal(set) var health = 0

    public init(configuration: Configuration = Configuration()) { self.configuration = configuration }

    /// Knows from now on what `other`, which has only learned so far, knows of all nodes but `own`. O(log n).
    public mutating func learn(from other: FailureDetector, but own: NodeID) {
        members = other.members
        members.removeValue(forKey: own)
    }

    // MARK: What is known

    public func state(of node: NodeID) -> State { members[node]?.state ?? .unseen }
    /// Whether another look would decide something: it counts as there, or has not failed to answer often enough to be dead.
    public func isUndecided(_ node: NodeID) -> Bool {
        guard let member = members[node] else { return true }
        return switch member.state {
        case .unseen, .alive: true
        case .suspect: member.failureCount < configuration.failuresBeforeDeath
        case .dead, .left: false
        }
    }

    /// Whether anybody is under suspicion, for whom `ticked` has something to do.
    public var hasSuspects: Bool { !suspects.isEmpty }
    /// Whether a probe has not come to an end yet.
    public func isUnderWay(_ number: UInt32) -> Bool { probes[number] != nil }

    public func lastHeard(_ node: NodeID) -> Instant? { members[node]?.lastHeard }
    public func roundTrip(of node: NodeID) -> Duration? { members[node]?.roundTrip }
    /// How long after one round's probe the next one begins.
    public var period: Duration { configuration.period * (health + 1) }

    // MARK: What happens

    /// A node is known, or has said something new of itself. An incarnation never goes back.
    public mutating func learned(_ node: NodeID, incarnation: UInt64, hasLeft: Bool) -> [Directive] {
        var member = members[node] ?? Member()
        defer { members[node] = member }
        guard incarnation >= member.incarnation else { return [] }
        // It has started anew, and says so itself: looked at soon, by each of us at another time.
        if incarnation > member.incarnation, !hasLeft, member.state == .dead || member.state == .left, farRound.count < members.count {
            farRound.append(node)
        }
        member.incarnation = incarnation
        if hasLeft, member.state != .left {
            member.state = .left
            forgetSuspicion(of: node, &member)
            return [.changed(node, .left)]
        }
        if !hasLeft, member.state == .left {
            member.state = .unseen
            return [.changed(node, .unseen)]
        }
        return []
    }

    /// Something has come from the node itself.
    public mutating func heard(_ node: NodeID, at now: Instant) -> [Directive] {
        let state = members.update(node) { member in
            member.lastHeard = now
            if !member.confirmers.isEmpty { member.confirmers = [] }  // Whatever they have found, it is there now.
            return member.state
        }
        guard let state, state != .alive, state != .left else { return [] }  // Of one that has left the last words are still under way.
        guard var member = members[node] else { return [] }
        defer { members[node] = member }
        member.state = .alive
        forgetSuspicion(of: node, &member)
        return [.changed(node, .alive)]
    }

    /// The node has answered a ping.
    public mutating func acknowledged(_ number: UInt32, by node: NodeID, at now: Instant) -> [Directive] {
        let directives = heard(node, at: now)
        guard let probe = probes[number], probe.target == node else { return directives }  // Late, or of a round before.
        if probe.stage == .datagram { members[node]?.roundTrip = now - probe.startedAt }
        succeed(probe)
        return directives
    }

    /// The node has answered on its stream, or a session with it has been made.
    public mutating func answered(_ node: NodeID, at now: Instant) -> [Directive] {
        let directives = heard(node, at: now)
        if let probe = members[node]?.probe.flatMap({ probes[$0] }) { succeed(probe) }
        return directives
    }

    /// Whose signature on what a voucher with this number has to carry; `nil` if nobody waits for it.
    public func question(_ number: UInt32, askedOf relay: NodeID) -> (target: NodeID, nonce: Bytes32)? {
        guard let probe = probes[number], probe.waitingFor.contains(relay) else { return nil }
        return (probe.target, probe.nonce)
    }

    /// A neighbour has brought the target's signature, and it is good.
    public mutating func vouched(_ number: UInt32, by relay: NodeID, at now: Instant) -> [Directive] {
        guard let probe = probes[number], probe.waitingFor.contains(relay) else { return [] }
        let directives = heard(probe.target, at: now)
        members[probe.target]?.voucher = relay
        succeed(probe)
        return directives
    }

    /// A neighbour has nothing to show: it does not reach the target either, or has no session with it.
    public mutating func notVouched(
        _ number: UInt32, by relay: NodeID, at now: Instant, _ surroundings: Surroundings, using random: inout some RandomNumberGenerator
    ) -> [Directive] {
        guard var probe = probes[number], probe.waitingFor.contains(relay) else { return [] }
        probe.waitingFor.removeAll { $0 == relay }
        probes[number] = probe
        guard probe.waitingFor.isEmpty, probe.stage == .relays else { return [] }
        return goOn(probe, at: now, surroundings, using: &random)
    }

    /// A session has ended, and neither side had said that it would.
    public mutating func lost(
        _ node: NodeID, at now: Instant, _ surroundings: Surroundings, using random: inout some RandomNumberGenerator
    ) -> [Directive] {
        guard let member = members[node], member.state == .alive || member.state == .unseen else { return [] }
        // Sessions that are made and lost again and again are not a reason to make more of them at once.
        guard member.lastLoss.map({ now - $0 >= configuration.lossInterval }) ?? true else { return [] }
        members[node]?.lastLoss = now
        return begin(node, .loss, at: now, surroundings, using: &random)
    }

    /// A connection to the node could not be made.
    public mutating func dialFailed(
        _ node: NodeID, at now: Instant, _ surroundings: Surroundings, using random: inout some RandomNumberGenerator
    ) -> [Directive] {
        if let probe = members[node]?.probe.flatMap({ probes[$0] }) {
            return probe.stage == .dial ? fail(probe, at: now) : []
        }
        let state = state(of: node)
        guard state == .alive || state == .unseen, surroundings.reach(node) != .neighbour else { return [] }
        return begin(node, .loss, at: now, surroundings, using: &random, hasDialed: true)
    }

    /// A neighbour says that it has looked and not found the node.
    public mutating func hinted(
        _ node: NodeID, incarnation: UInt64, by relay: NodeID, of origin: OriginID, at now: Instant, _ surroundings: Surroundings,
        using random: inout some RandomNumberGenerator
    ) -> [Directive] {
        guard var member = members[node], incarnation >= member.incarnation, let reach = surroundings.reach(node) else { return [] }
        guard member.state != .dead, member.state != .left else { return [] }
        dropOldHints(of: &member, at: now)
        if let place = member.confirmers.firstIndex(where: { $0.origin == origin }) {
            member.confirmers[place].hintedAt = now
        } else if member.confirmers.count < configuration.confirmations {
            member.confirmers.append(Confirmer(origin: origin, hintedAt: now))
        }
        let isUndecided = member.state != .suspect && member.probe == nil
        if isUndecided { member.voucher = relay }
        members[node] = member
        guard isUndecided else { return [] }
        // A look that could end with nothing but "out of reach" waits until it would mean something.
        guard reach != .outboundOnly || member.confirmers.count >= configuration.operatorsBeyondReach else { return [] }
        // Whoever is hinted at again and again, and answers, is not looked at for every hint.
        guard member.lastHint.map({ now - $0 >= configuration.hintInterval }) ?? true else { return [] }
        members[node]?.lastHint = now
        return begin(node, .hint, at: now, surroundings, using: &random)
    }

    // MARK: Time

    /// Once a `period`: the next neighbour, now and then somebody else, and whoever is under suspicion.
    public mutating func periodBegan(
        at now: Instant, _ surroundings: Surroundings, using random: inout some RandomNumberGenerator
    ) -> [Directive] {
        var directives: [Directive] = []
        if let node = nextNear(surroundings, using: &random) { directives += begin(node, .round, at: now, surroundings, using: &random) }
        if lastFarProbe.map({ now - $0 >= configuration.farPeriod }) ?? true, let node = nextFar(surroundings, using: &random) {
            lastFarProbe = now
            directives += begin(node, .round, at: now, surroundings, using: &random)
        }
        return directives
    }

    /// Every second or so: suspicions that are due, and second looks.
    public mutating func ticked(at now: Instant, _ surroundings: Surroundings, using random: inout some RandomNumberGenerator) -> [Directive] {
        var directives: [Directive] = []
        for node in suspects {
            guard let member = members[node], let since = member.suspectedAt else { continue }
            if now - since >= patience(with: member), member.failureCount >= configuration.failuresBeforeDeath {
                members[node]?.state = .dead
                suspects.removeAll { $0 == node }
                directives.append(.changed(node, .dead))
            } else if member.probe == nil, member.lastFailure.map({ now - $0 >= configuration.secondLookAfter }) ?? true {
                directives += begin(node, .again, at: now, surroundings, using: &random)
            }
        }
        return directives
    }

    /// The time that a step of a probe was given is over.
    public mutating func deadlinePassed(
        _ number: UInt32, at now: Instant, _ surroundings: Surroundings, using random: inout some RandomNumberGenerator
    ) -> [Directive] {
        guard let probe = probes[number] else { return [] }  // Answered: the timer is stale.
        return goOn(probe, at: now, surroundings, using: &random)
    }
}
