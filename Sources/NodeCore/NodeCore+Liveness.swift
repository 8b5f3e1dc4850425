import Cryptography
import Ledger
import Membership
import Primitives
import WireFormat

/// Who still answers: what the failure detector wants done, and what it is told (`Protocol/liveness.md`).
extension NodeCore {
    static let aliveTag = SignatureTag("hearsay/v1/alive")
    /// The numbers of probes that we pass on, and of our own, never meet.
    static let firstRelayed: UInt32 = 1 << 31

    /// The open session with a node, if there is one that is not being closed.
    func session(with node: NodeID) -> SessionID? {
        guard neighbours.contains(node) else { return nil }
        return sessions.first { $0.node == node && !$0.isClosing }?.id
    }

    /// A session has begun, been opened, or is ending.
    mutating func noteNeighbours() {
        neighbours = sessions.compactMap { $0.isClosing ? nil : $0.node }.sorted()
        outboundCount = sessions.count { $0.dial != nil && !$0.isClosing }
    }

    func surroundings(at now: Moment) -> FailureDetector.Surroundings {
        let neighbours = neighbours
        let (nodes, members, own) = (nodes, members, identity.node)  // Not all of us: the detector is changed while it looks.
        return FailureDetector.Surroundings(neighbours: neighbours) { node in
            if neighbours.contains(node) { return .neighbour }
            guard node != own, let entry = nodes[node], now.timestamp < entry.certificate.body.notAfter,
                case .member = members.standing(of: entry.certificate.body.origin, at: now.timestamp)
            else { return nil }
            guard let record = entry.record?.body, !record.addresses.isEmpty, !record.flags.contains(.outboundOnly) else { return .outboundOnly }
            return .dialable
        }
    }

    /// Does what the detector asks for.
    mutating func perform(_ wanted: [FailureDetector.Directive], at now: Moment) {
        for directive in wanted {
            switch directive {
            case .ping(let node, let number):
                guard let id = session(with: node) else { continue }
                directives.append(.sendDatagram(DatagramMessage.ping(Ping(number: number, logID: log.id, upTo: log.upTo)).encoded(), id))
            case .pingOnStream(let node):
                guard let id = session(with: node) else { continue }
                pingOnStream(id, at: now)
            case .ask(let relays, let target, let number, let nonce):
                let request = DatagramMessage.probeRequest(ProbeRequest(number: number, target: target, nonce: nonce)).encoded()
                for relay in relays { if let id = session(with: relay) { directives.append(.sendDatagram(request, id)) } }
            case .dial(let node): dialToProbe(node, at: now)
            case .wake(let number, let delay): directives.append(.wake(.probeStep(number), at: now.instant + delay))
            case .tell(let node, let incarnation):
                let hint = DatagramMessage.suspicion(Suspicion(node: node, incarnation: incarnation)).encoded()
                for id in openSessions where sessions[id]?.isClosing == false && sessions[id]?.node != node { directives.append(.sendDatagram(hint, id)) }
            case .changed(let node, let state):
                if state == .alive { downReasons[node] = nil }
                if let origin = nodes[node]?.certificate.body.origin { directives.append(.report(.memberState(node, origin, state))) }
            }
        }
    }

    mutating func pingOnStream(_ id: SessionID, at now: Moment) {
        sessions[id]?.pingedAt = now.instant
        send(Frame(.ping, body: Ping(number: 0, logID: log.id, upTo: log.upTo).encoded()), on: id)
    }

    /// A node has been certified, or has said something of itself.
    mutating func learned(of node: NodeID, at now: Moment) {
        guard node != identity.node, let entry = nodes[node] else { return }
        let record = entry.record?.body
        perform(detector.learned(node, incarnation: record?.incarnation ?? 0, hasLeft: record?.flags.contains(.left) ?? false), at: now)
    }

    // MARK: Vouching

    /// A neighbour wants to know whether somebody is there: pass it on, if that somebody is a neighbour too.
    mutating func probeRequested(_ request: ProbeRequest, on id: SessionID, at now: Moment) {
        let mine = relayed.values.count { $0.asker == id }
        guard let asker = sessions[id]?.node, let target = session(with: request.target), target != id, mine < Bound.relayedProbesPerSession,
            relayed.count < Bound.relayedProbes
        else {
            directives.append(.sendDatagram(DatagramMessage.noVoucher(request.number).encoded(), id))
            return
        }
        let number = nextRelayed
        nextRelayed = nextRelayed == .max ? Self.firstRelayed : nextRelayed + 1
        relayed[number] = RelayedProbe(asker: id, number: request.number, target: target)
        let challenge = Challenge(number: number, asker: asker, nonce: request.nonce)
        directives.append(.sendDatagram(DatagramMessage.challenge(challenge).encoded(), target))
        directives.append(.wake(.relayedProbe(number), at: now.instant + configuration.relayedProbeTimeout))
    }

    /// Somebody wants to know, over a neighbour, whether we are there.
    mutating func challenged(_ challenge: Challenge, on id: SessionID, at now: Moment) {
        // One signature costs some 20 us; a neighbour may cause so many of them, and no more.
        guard sessions[id]?.vouchers.take(at: now.instant) == true else { return }
        let signature = keys.node.sign(Challenge.signedBytes(asker: challenge.asker, nonce: challenge.nonce), as: Self.aliveTag)
        directives.append(.sendDatagram(DatagramMessage.voucher(Voucher(number: challenge.number, signature: signature.bytes)).encoded(), id))
    }

    /// A signature has come: for somebody who has asked us, or for us.
    mutating func received(_ voucher: Voucher, on id: SessionID, at now: Moment) {
        if let probe = relayed[voucher.number], probe.target == id {
            relayed[voucher.number] = nil
            directives.append(.sendDatagram(DatagramMessage.voucher(Voucher(number: probe.number, signature: voucher.signature)).encoded(), probe.asker))
            return
        }
        guard let relay = sessions[id]?.node, let (target, nonce) = detector.question(voucher.number, askedOf: relay),
            let signature = Signature(voucher.signature),
            target.verifyingKey.verifies(signature, on: Challenge.signedBytes(asker: identity.node, nonce: nonce), as: Self.aliveTag)
        else { return }  // Late, of another's question, or made up: then it is as if nothing had come.
        perform(detector.vouched(voucher.number, by: relay, at: now.instant), at: now)
    }

    /// The target has not answered in time: whoever asked learns at least that we are there.
    mutating func relayedProbeIsOver(_ number: UInt32) {
        guard let probe = relayed.removeValue(forKey: number), sessions[probe.asker] != nil else { return }
        directives.append(.sendDatagram(DatagramMessage.noVoucher(probe.number).encoded(), probe.asker))
    }

    mutating func hinted(_ suspicion: Suspicion, on id: SessionID, at now: Moment, using random: inout some RandomNumberGenerator) {
        guard suspicion.node != identity.node, let relay = sessions[id]?.node, let origin = sessions[id]?.origin,
            sessions[id]?.hints.take(at: now.instant) == true
        else { return }
        perform(
            detector.hinted(
                suspicion.node, incarnation: suspicion.incarnation, by: relay, of: origin, at: now.instant, surroundings(at: now), using: &random),
            at: now)
    }

    // MARK: Leaving

    /// Says that we stop, signed: nobody need suspect us. The last thing before the sockets are closed.
    mutating func leave(at now: Moment) {
        hasLeft = true
        incarnation += 1
        announceSelf(at: now)
        guard let farewell = log.bytes(in: .peer(identity.node)) else { return }
        for id in openSessions where sessions[id]?.isClosing == false { send(Frame(.farewell, body: farewell), on: id) }
    }
}

/// A probe that a neighbour has asked us to pass on.
struct RelayedProbe: Sendable {
    let asker: SessionID
    /// The asker's own number.
    let number: UInt32
    let target: SessionID
}

/// How often something may be done: so many at once, and one more in each interval.
struct Allowance: Sendable {
    private let capacity: Int32
    private var used: Int32 = 0
    /// Nanoseconds.
    private let interval: Int64
    private var since: Int64?

    init(capacity: Int32, interval: Duration) {
        self.capacity = capacity
        self.interval = max(1, interval.clampedNanoseconds)
    }

    /// Whether it may be done now.
    mutating func take(at now: Instant) -> Bool {
        let passed = since.map { max(0, now.nanoseconds.subtractingReportingOverflow($0).partialValue) } ?? 0
        let regained = Int32(clamping: passed / interval)
        used = max(0, used - regained)
        // What is left of an interval counts for the next; whoever has all is at its beginning.
        since = used == 0 || since == nil ? now.nanoseconds : since.map { $0 + interval * Int64(regained) }
        guard used < capacity else { return false }
        used += 1
        return true
    }
}
