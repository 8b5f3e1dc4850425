import Ledger
import Membership
import Primitives
import WireFormat

/// Whom to have sessions with (`Protocol/liveness.md` §6).
extension NodeCore {
    mutating func dialNeighbours(at now: Moment, using random: inout some RandomNumberGenerator) {
        dialPinned(at: now, using: &random)
        let dialing = dials.values.count { !$0.isProbe }
        let room = min(configuration.outboundSessions - outboundCount - dialing, configuration.concurrentDials - dialing)
        guard room > 0 else { return }
        let busy = busy
        var choice = NeighbourChoice(neighbours: dialedNeighbours(at: now), ownBranch: branch(of: identity.origin, at: now))
        if nodesInOrder.count != nodes.count { nodesInOrder = nodes.nodes }
        let seeds = dialableSeeds(but: busy, at: now)
        var anchors = untriedAnchors.sample(Self.anchorLimit, using: &random)
        untriedAnchors = []
        var lots = Array(0..<Int32(clamping: nodesInOrder.count + seeds.count))
        let chosen = choice.choose(room) {
            while let anchor = anchors.popLast() { if let candidate = dialable(anchor, but: busy, at: now) { return candidate } }
            // In a drawn order, and no further than it takes: in a large mesh most are never looked at.
            while !lots.isEmpty {
                lots.swapAt(Int(random.number(below: UInt64(lots.count))), lots.count - 1)
                let place = Int(lots.removeLast())
                guard place < nodesInOrder.count else { return seeds[place - nodesInOrder.count] }
                if let candidate = dialable(nodesInOrder[place], but: busy, at: now) { return candidate }
            }
            return nil
        }
        for candidate in chosen { dial(candidate, at: now) }
    }

    /// Once, some time after the start: lets go of neighbours for whom the caps had to bend then and would not have to now. The next tick dials others.
    mutating func reviewNeighbours(at now: Moment, using random: inout some RandomNumberGenerator) {
        guard !hasReviewedNeighbours, now.instant - startCheck.startedAt >= configuration.firstReview else { return }
        hasReviewedNeighbours = true
        let open = openSessions.filter { sessions[$0].map { $0.dial != nil && !$0.isClosing } ?? false }
        let beyond = beyondCaps(open.filter { !isPinned($0) }, at: now)
        guard !beyond.isEmpty else { return }
        let within = open.filter { !beyond.contains($0) }.compactMap { neighbour(on: $0, at: now) }
        var choice = NeighbourChoice(neighbours: within, ownBranch: branch(of: identity.origin, at: now))
        // Of those who are no better than they are, they stay.
        let present = beyond.compactMap { neighbour(on: $0, at: now) }
        var others = dialable(at: now)
        others.reorder(using: &random)
        let chosen = Set(choice.choose(beyond.count, of: present + others).map(\.target))
        for id in beyond { if let node = sessions[id]?.node, !chosen.contains(.node(node)) { dismiss(id) } }
    }

    private mutating func dial(_ candidate: NeighbourChoice.Candidate, at now: Moment) {
        let number = DialNumber(nextDial)
        nextDial += 1
        dials[number] = Dial(node: candidate.node, key: candidate.key, startedAt: now.instant)
        directives.append(.dial(number, candidate.addresses, key: candidate.key))
    }

    /// Whoever our operator has pinned is dialed even when there is no room: the next draw makes some.
    private mutating func dialPinned(at now: Moment, using random: inout some RandomNumberGenerator) {
        let pinned = rules.pinned
        guard !pinned.isEmpty else { return }
        let others = sessions.filter { !$0.isClosing }.compactMap { node(behind: $0) } + dials.values.compactMap { node(soughtBy: $0) }
        let present = Set(others.compactMap { nodes[$0]?.certificate.body.origin })
        let missing = pinned.filter { !present.contains($0) }
        guard !missing.isEmpty else { return }
        var candidates = dialable(at: now)
        candidates.reorder(using: &random)
        for origin in missing { if let candidate = candidates.first(where: { $0.branch.first == origin }) { dial(candidate, at: now) } }
    }

    private func isPinned(_ id: SessionID) -> Bool {
        guard let origin = sessions[id]?.origin else { return false }
        return rules[origin] == .pinned
    }

    /// Once an hour two of our neighbours are drawn anew, so that whoever surrounds us does not stay; and what was kept beyond our number is let go.
    mutating func redrawNeighbours(at now: Moment, using random: inout some RandomNumberGenerator) {
        let open = openSessions.filter { sessions[$0].map { $0.dial != nil && !$0.isClosing } ?? false }
        let surplus = max(0, open.count - configuration.outboundSessions)
        let redrawn = min(configuration.redrawnSessions, dialableCount(upTo: configuration.redrawnSessions, at: now), open.count - surplus)
        let count = surplus + max(0, redrawn)
        // First those beyond the caps: they were taken when there was nobody else.
        let eligible = open.filter { !isPinned($0) }
        let beyond = Set(beyondCaps(eligible, at: now))
        let first = eligible.filter(beyond.contains).sample(count, using: &random)
        for id in first + eligible.filter({ !beyond.contains($0) }).sample(count - first.count, using: &random) { dismiss(id) }
    }

    /// Who could be dialed now: members' nodes that take connections, that we have no session with, and that are not to be left alone for a while.
    private mutating func dialable(at now: Moment) -> [NeighbourChoice.Candidate] {
        let busy = busy
        if nodesInOrder.count != nodes.count { nodesInOrder = nodes.nodes }
        return nodesInOrder.compactMap { dialable($0, but: busy, at: now) } + dialableSeeds(but: busy, at: now)
    }

    /// How many could be dialed now, looking no further than it takes to know that there are so many.
    private mutating func dialableCount(upTo limit: Int, at now: Moment) -> Int {
        let busy = busy
        if nodesInOrder.count != nodes.count { nodesInOrder = nodes.nodes }
        var count = dialableSeeds(but: busy, at: now).count
        for node in nodesInOrder where count < limit { if dialable(node, but: busy, at: now) != nil { count += 1 } }
        return count
    }

    /// Whom we have a session with, or are making one; and ourselves.
    private var busy: Busy {
        var busy = Busy(keys: Set(sessions.map(\.remoteKey)).union([identity.transportKey]))
        for dial in dials.values { if let node = dial.node { busy.nodes.insert(node) } else { busy.keys.insert(dial.key) } }
        return busy
    }

    private func dialable(_ node: NodeID, but busy: Busy, at now: Moment) -> NeighbourChoice.Candidate? {
        guard let entry = nodes[node], let record = entry.record?.body, !record.addresses.isEmpty, record.flags.isDisjoint(with: [.outboundOnly, .left]),
            !busy.nodes.contains(node), !busy.keys.contains(entry.certificate.body.transportKey), backoff.mayDial(.node(node), at: now.instant),
            now.timestamp < entry.certificate.body.notAfter, !rules.isBlocked(entry.certificate.body.origin)
        else { return nil }
        let branch = branch(of: entry.certificate.body.origin, at: now)
        return branch.isEmpty ? nil : .init(node: node, key: entry.certificate.body.transportKey, addresses: record.addresses, branch: branch)
    }

    /// A crash may have kept a seed's certificate and lost the record that says where it is.
    private func dialableSeeds(but busy: Busy, at now: Moment) -> [NeighbourChoice.Candidate] {
        configuration.seeds.filter { seed in
            nodes.node(with: seed.key).flatMap { nodes[$0]?.record } == nil && !busy.keys.contains(seed.key) && backoff.mayDial(.key(seed.key), at: now.instant)
        }.map { .init(node: nil, key: $0.key, addresses: [$0.address], branch: []) }
    }

    /// Which of these sessions are more of one network or branch than the caps allow.
    private func beyondCaps(_ ids: [SessionID], at now: Moment) -> [SessionID] {
        var choice = NeighbourChoice(neighbours: [], ownBranch: branch(of: identity.origin, at: now))
        return ids.filter { id in
            guard let candidate = neighbour(on: id, at: now) else { return false }
            return !choice.admit(candidate)
        }
    }

    private func isWithinCaps(_ node: NodeID, at now: Moment) -> Bool {
        guard let candidate = neighbour(node, at: now) else { return true }
        let others = sessions.filter { $0.dial != nil && !$0.isClosing }.compactMap { self.node(behind: $0) }.filter { $0 != node }
        var choice = NeighbourChoice(neighbours: others.compactMap { neighbour($0, at: now) }, ownBranch: branch(of: identity.origin, at: now))
        return choice.admit(candidate)
    }

    private func neighbour(_ node: NodeID, at now: Moment) -> NeighbourChoice.Candidate? {
        guard let entry = nodes[node] else { return nil }
        let branch = branch(of: entry.certificate.body.origin, at: now)
        return .init(node: node, key: entry.certificate.body.transportKey, addresses: entry.record?.body.addresses ?? [], branch: branch)
    }

    private func neighbour(on id: SessionID, at now: Moment) -> NeighbourChoice.Candidate? {
        guard let session = sessions[id], let node = node(behind: session) else { return nil }
        return neighbour(node, at: now)
    }

    private func node(soughtBy dial: Dial) -> NodeID? { dial.node ?? nodes.node(with: dial.key) }

    private func dialedNeighbours(at now: Moment) -> [NeighbourChoice.Candidate] {
        let present = sessions.filter { $0.dial != nil && !$0.isClosing }.compactMap { node(behind: $0) }
        return (present + dials.values.filter { !$0.isProbe }.compactMap { node(soughtBy: $0) }).compactMap { neighbour($0, at: now) }
    }

    /// An operator and all above it; empty if it is no member now.
    private func branch(of origin: OriginID, at now: Moment) -> [OriginID] { (members.chain(of: origin, at: now.timestamp) ?? []).map(\.body.member) }

    /// Tries to make a session only to see whether a node is there.
    mutating func dialToProbe(_ node: NodeID, at now: Moment) {
        guard let entry = nodes[node], let record = entry.record?.body else { return detector.dialSkipped(node) }
        let key = entry.certificate.body.transportKey
        guard !dials.values.contains(where: { self.node(soughtBy: $0) == node }) else { return }  // That attempt tells as much.
        // Whoever holds its key is here, and has shown that it is another.
        guard !sessions.contains(where: { $0.remoteKey == key && !$0.isClosing && $0.node.map { $0 != node } ?? false }) else {
            return detector.dialSkipped(node)
        }
        // A look that decides something does not wait for the back-off of an earlier attempt: such looks are few, and not being able to look is no finding.
        guard detector.isUndecided(node) || backoff.mayDial(.node(node), at: now.instant), dials.values.count(where: \.isProbe) < Bound.probeDials else {
            return detector.dialSkipped(node)
        }
        let number = DialNumber(nextDial)
        nextDial += 1
        dials[number] = Dial(node: node, key: key, startedAt: now.instant, isProbe: true)
        directives.append(.dial(number, record.addresses, key: key))
    }

    /// Whether a session that was only made for a look is worth keeping: where one is wanting, in the place of one that does not answer any more, or with
    /// somebody who was taken for dead. Not beyond the caps: where they have to bend, `dialNeighbours` sees to it.
    func isUseful(sessionWith node: NodeID, at now: Moment) -> Bool {
        if session(with: node) != nil || nodes[node].map({ rules[$0.certificate.body.origin] == .pinned }) == true { return true }
        let others = outboundCount - 1
        return others < configuration.outboundSessions && isWithinCaps(node, at: now)
            || detector.state(of: node) == .dead && others < configuration.outboundSessions + configuration.reunionSessions
    }
}

/// Who is not to be dialed now: the holders of these keys, who are at the other end of a session, and the nodes that are being dialed.
private struct Busy {
    var keys: Set<TransportKey>
    var nodes: Set<NodeID> = []
}
