import Ledger
import Membership
import Primitives
import WireFormat

/// Whom to have sessions with (`Protocol/liveness.md` §6).
extension NodeCore {
    mutating func dialNeighbours(at now: Moment, using random: inout some RandomNumberGenerator) {
        let dialing = dials.values.count { !$0.isProbe }
        let dialed = outboundCount + dialing
        var room = min(configuration.outboundSessions - dialed, configuration.concurrentDials - dialing)
        guard room > 0 else { return }
        let busy = Set(sessions.values.map(\.remoteKey)).union(dials.values.map(\.key)).union([identity.transportKey])
        var candidates: [(TransportKey, [NetworkAddress])] = []
        if nodesInOrder.count != nodes.count { nodesInOrder = nodes.nodes }
        for node in nodesInOrder {
            guard let entry = nodes[node], let record = entry.record?.body, !record.addresses.isEmpty, record.flags.isDisjoint(with: [.outboundOnly, .left]),
                !busy.contains(entry.certificate.body.transportKey), backoff.mayDial(entry.certificate.body.transportKey, at: now.instant),
                now.timestamp < entry.certificate.body.notAfter,
                case .member = members.standing(of: entry.certificate.body.origin, at: now.timestamp)
            else { continue }
            candidates.append((entry.certificate.body.transportKey, record.addresses))
        }
        // A crash may have kept a seed's certificate and lost the record that says where it is.
        for seed in configuration.seeds where nodes.node(with: seed.key).flatMap({ nodes[$0]?.record }) == nil && !busy.contains(seed.key)
            && backoff.mayDial(seed.key, at: now.instant)
        {
            candidates.append((seed.key, [seed.address]))
        }
        candidates.reorder(using: &random)
        for (key, addresses) in candidates where room > 0 {
            let number = DialNumber(nextDial)
            nextDial += 1
            dials[number] = Dial(key: key, startedAt: now.instant)
            directives.append(.dial(number, addresses, key: key))
            room -= 1
        }
    }

    /// Tries to make a session only to see whether a node is there.
    mutating func dialToProbe(_ node: NodeID, at now: Moment) {
        guard let entry = nodes[node], let record = entry.record?.body else { return detector.dialSkipped(node) }
        let key = entry.certificate.body.transportKey
        guard !dials.values.contains(where: { $0.key == key }) else { return }  // That attempt tells as much.
        guard backoff.mayDial(key, at: now.instant), dials.values.count(where: \.isProbe) < Bound.probeDials else { return detector.dialSkipped(node) }
        let number = DialNumber(nextDial)
        nextDial += 1
        dials[number] = Dial(key: key, startedAt: now.instant, isProbe: true)
        directives.append(.dial(number, record.addresses, key: key))
    }

    /// Sessions that we have dialed and are not closing.
    var outboundCount: Int { sessions.values.count { $0.dial != nil && !$0.isClosing } }

    /// Whether a session that was only made for a look is worth keeping: where one is wanting, in the place of one that does not answer any more, or with
    /// somebody who was taken for dead.
    func isUseful(sessionWith node: NodeID) -> Bool {
        if session(with: node) != nil { return true }
        let others = outboundCount - 1
        return others < configuration.outboundSessions
            || detector.state(of: node) == .dead && others < configuration.outboundSessions + configuration.reunionSessions
    }
}
