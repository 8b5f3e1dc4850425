import Primitives

/// The steps of a probe: by datagram, by stream and over neighbours, by a new connection.
extension FailureDetector {
    mutating func begin(
        _ node: NodeID, _ cause: Cause, at now: Instant, _ surroundings: Surroundings, using random: inout some RandomNumberGenerator,
        hasDialed: Bool = false
    ) -> [Directive] {
        guard members[node]?.probe == nil, probes.count < configuration.probeLimit, let reach = surroundings.reach(node) else { return [] }
        let number = nextNumber
        nextNumber = nextNumber == Self.largestNumber ? 1 : nextNumber + 1
        // Only a system generator's nonce is one that nobody can have guessed: the shell sees to that.
        guard let nonce = Bytes32(random.bytes(count: Bytes32.byteCount)) else { return [] }
        var probe = Probe(
            target: node, number: number, cause: cause, nonce: nonce, hasDialed: hasDialed, stage: reach == .neighbour ? .datagram : .relays, startedAt: now)
        members[node]?.probe = number
        if reach == .neighbour {
            probes[number] = probe
            return [.ping(node, number: number), wake(number, configuration.answerTimeout)]
        }
        let relays = relays(to: node, surroundings, using: &random)
        probe.waitingFor = relays
        probes[number] = probe
        guard !relays.isEmpty else { return goOn(probe, at: now, surroundings, using: &random) }
        return [.ask(relays: relays, about: node, number: number, nonce: nonce), wake(number, configuration.relayTimeout)]
    }

    /// The next step, where the last one has brought nothing.
    mutating func goOn(
        _ probe: Probe, at now: Instant, _ surroundings: Surroundings, using random: inout some RandomNumberGenerator
    ) -> [Directive] {
        var probe = probe
        switch probe.stage {
        case .datagram:
            let relays = relays(to: probe.target, surroundings, using: &random)
            probe.stage = .streamAndRelays
            probe.waitingFor = relays
            probes[probe.number] = probe
            let ask: [Directive] = relays.isEmpty ? [] : [.ask(relays: relays, about: probe.target, number: probe.number, nonce: probe.nonce)]
            return [.pingOnStream(probe.target)] + ask + [wake(probe.number, configuration.relayTimeout)]
        case .streamAndRelays:
            // The session has ended meanwhile, and with it what was asked on it: silence on it says nothing.
            if surroundings.reach(probe.target) == .dialable, !probe.hasDialed { return dial(for: probe) }
            // Nothing by datagram, by stream, or over others: suspected by what we have seen. A new session would clear it.
            let directives = fail(probe, at: now)
            return surroundings.reach(probe.target) == .outboundOnly ? directives : directives + [.dial(probe.target)]
        case .relays:
            switch surroundings.reach(probe.target) {
            case .neighbour, nil:
                end(probe)  // It has come to us meanwhile, or is nobody's any more.
                return []
            case .outboundOnly:
                // No neighbour of ours has it either: that says something only if some who had it have lost it.
                if probe.cause == .again || isLost(probe.target, at: now) { return fail(probe, at: now) }
                end(probe)
                return []
            case .dialable:
                if probe.hasDialed { return fail(probe, at: now) }
                return dial(for: probe)
            }
        case .dial: return fail(probe, at: now)
        }
    }

    /// The last step: a new connection.
    private mutating func dial(for probe: Probe) -> [Directive] {
        var probe = probe
        probe.stage = .dial
        probe.isMissed = !probe.waitingFor.isEmpty
        probe.waitingFor = []
        probes[probe.number] = probe
        return [.dial(probe.target), wake(probe.number, configuration.dialTimeout)]
    }

    mutating func succeed(_ probe: Probe) {
        end(probe)
        health = max(0, health - 1)
    }

    /// The node has not answered. Only the first time is it told.
    mutating func fail(_ probe: Probe, at now: Instant) -> [Directive] {
        end(probe)
        guard var member = members[probe.target] else { return [] }
        // Lifeguard IV.A: neighbours that owed an answer and gave none make us doubt ourselves. That a dead one stays dead says nothing new.
        if probe.isMissed || !probe.waitingFor.isEmpty, member.state != .dead { health = min(configuration.healthLimit, health + 1) }
        member.failureCount = min(member.failureCount + 1, 1_000)
        member.lastFailure = now
        defer { members[probe.target] = member }
        guard member.state == .alive || member.state == .unseen else { return [] }
        dropOldHints(of: &member, at: now)
        member.state = .suspect
        member.suspectedAt = now
        suspects.append(probe.target)
        return [.changed(probe.target, .suspect), .tell(probe.target, incarnation: member.incarnation)]
    }

    /// A probe that came to nothing, either way.
    mutating func end(_ probe: Probe) {
        probes[probe.number] = nil
        if members[probe.target]?.probe == probe.number { members[probe.target]?.probe = nil }
    }

    /// The dial that a probe asked for is not made now: nothing has been found out.
    public mutating func dialSkipped(_ node: NodeID) {
        if let probe = members[node]?.probe.flatMap({ probes[$0] }), probe.stage == .dial { end(probe) }
    }

    mutating func forgetSuspicion(of node: NodeID, _ member: inout Member) {
        member.suspectedAt = nil
        member.failureCount = 0
        member.confirmers = []
        suspects.removeAll { $0 == node }
    }

    /// What was said long ago says nothing of now. Of a suspect everything counts: it has not been heard since.
    func dropOldHints(of member: inout Member, at now: Instant) {
        guard member.state != .suspect else { return }
        member.confirmers.removeAll { now - $0.hintedAt >= configuration.hintInterval }
    }

    /// Whether operators enough have just said that they do not find a node.
    private func isLost(_ node: NodeID, at now: Instant) -> Bool {
        guard var member = members[node] else { return false }
        dropOldHints(of: &member, at: now)
        return member.confirmers.count >= configuration.operatorsBeyondReach
    }

    func wake(_ number: UInt32, _ timeout: Duration) -> Directive { .wake(number: number, after: timeout * (health + 1)) }

    /// Lifeguard IV.B: from the longest patience towards the shortest, the more operators have found the same.
    func patience(with member: Member) -> Duration {
        // SWIM 4.2: grows with the logarithm of the mesh, in which news of a mistake takes as long to come round.
        let bits = max(3, Int.bitWidth - members.count.leadingZeroBitCount)
        let (shortest, longest) = (configuration.shortestSuspicion * bits, configuration.longestSuspicion * bits)
        let steps = Self.patiencePerMille
        let place = min(member.confirmers.count * (steps.count - 1) / max(1, configuration.confirmations), steps.count - 1)
        return (shortest + (longest - shortest) / 1_000 * steps[place]) * (health + 1)
    }

    /// 1 - log(c + 1) / log(4), for c = 0 to 3 operators.
    private static let patiencePerMille = [1_000, 500, 208, 0]

    func relays(to node: NodeID, _ surroundings: Surroundings, using random: inout some RandomNumberGenerator) -> [NodeID] {
        let others = surroundings.neighbours.filter { $0 != node && state(of: $0) == .alive }
        let first = members[node]?.voucher.flatMap { others.contains($0) ? $0 : nil }
        let rest = others.filter { $0 != first }.sample(configuration.relayCount - (first == nil ? 0 : 1), using: &random)
        return (first.map { [$0] } ?? []) + rest
    }

    mutating func nextNear(_ surroundings: Surroundings, using random: inout some RandomNumberGenerator) -> NodeID? {
        for isSecondTry in [false, true] {
            while let node = nearRound.popLast() {
                if surroundings.reach(node) == .neighbour, members[node]?.probe == nil { return node }
            }
            if isSecondTry { break }
            nearRound = surroundings.neighbours
            nearRound.reorder(using: &random)
        }
        return nil
    }

    mutating func nextFar(_ surroundings: Surroundings, using random: inout some RandomNumberGenerator) -> NodeID? {
        func isDue(_ node: NodeID) -> Bool {
            guard let member = members[node], member.probe == nil, member.state != .left, member.state != .suspect else { return false }
            return surroundings.reach(node).map { $0 != .neighbour } ?? false
        }
        while let node = farRound.popLast() { if isDue(node) { return node } }
        farRound = members.keys.sorted().filter(isDue)
        farRound.reorder(using: &random)
        return farRound.popLast()
    }
}
