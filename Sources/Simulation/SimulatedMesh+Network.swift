import NodeCore
import Primitives
import WireFormat

/// Sessions and what travels on them.
extension SimulatedMesh {
    /// What Noise adds to a message: a length and a tag for each 64 KiB.
    private static let sealingByteCount = 18

    func dial(_ number: DialNumber, _ addresses: [NetworkAddress], key: TransportKey, from node: Int) {
        var waited: Duration = .zero
        var reason = DownReason.unreachable
        let life = nodes[node].life
        for address in addresses {
            guard let target = network.listener(at: address), target != node, network.reachEachOther(node, target) else {
                waited += conditions.dialTimeout
                reason = .timedOut
                continue
            }
            let roundTrip = Duration.nanoseconds(2 * network.latency(node, target))
            guard nodes[target].isUp, founder.operators[target].transportKey == key, !network.happens(perMille: conditions.dialFailurePerMille) else {
                waited += roundTrip  // Refused, or the handshake failed.
                reason = .refused
                continue
            }
            // TCP's handshake, then two messages of the Noise handshake; the third is on its way.
            schedule(.dialEnded(node, life: life, number, target: target, targetLife: nodes[target].life), in: waited + roundTrip * 2)
            return
        }
        schedule(.input(node, life: life, .dialFailed(number, reason)), in: waited + .milliseconds(1))
    }

    func dialEnded(_ node: Int, life: UInt64, _ number: DialNumber, target: Int, targetLife: UInt64) {
        guard nodes[node].life == life else { return }
        guard network.reachEachOther(node, target), nodes[target].isUp, nodes[target].life == targetLife, !isPaused(target) else {
            return schedule(.input(node, life: life, .dialFailed(number, .timedOut)), in: conditions.dialTimeout)
        }
        let latency = network.latency(node, target)
        var ends = [node, target].map { Link.End(node: $0, life: nodes[$0].life, session: newSession(at: $0)) }
        ends[0].lastArrival = nanoseconds + latency  // The last handshake message: nothing overtakes it.
        let link = Link(number: network.linkCount, ends: ends, latency: latency)
        network.linkCount += 1
        counts.sessionsMade += 1
        for end in 0..<2 { nodes[ends[end].node].sessions[ends[end].session] = .init(link: link, end: end) }
        queue.push(.responderReady(link: link), at: nanoseconds + latency)
        deliver(.sessionOpened(ends[0].session, SessionOpening(remoteKey: founder.operators[target].transportKey, dial: number)), to: node, life: life)
    }

    func responderReady(_ link: Link) {
        let ends = link.ends
        guard !link.isBroken, ends[1].isOpen else { return }
        let opening = SessionOpening(remoteKey: founder.operators[ends[0].node].transportKey)
        deliver(.sessionOpened(ends[1].session, opening), to: ends[1].node, life: ends[1].life)
    }

    private func newSession(at node: Int) -> SessionID {
        defer { nodes[node].nextSession += 1 }
        return SessionID(nodes[node].nextSession)
    }

    func send(_ frame: Frame, on session: SessionID, at node: Int) {
        guard let frame = passed(frame, by: node) else { return }
        if isUnknown(frame, toVersionOf: node) { return answerForOldVersion(frame, on: session, at: node) }
        guard let place = nodes[node].sessions[session], place.link.ends[place.end].isOpen,
            !place.link.isBroken
        else { return }
        guard frame.body.count <= FrameType.maximumBodyByteCount(of: frame.type) else {
            // An honest node would have stopped here; of a dishonest one the receiver's decoder ends the session.
            if nodes[node].isHonest { violate(.frameOverLimit(node: node, type: frame.type, byteCount: frame.body.count)) }
            return sever(place.link)
        }
        let byteCount = Frame.headerByteCount + frame.body.count + Self.sealingByteCount * (1 + frame.body.count / 65_519)
        nodes[node].traffic.sentFrame(byteCount: byteCount, type: frame.type)
        let far = place.link.ends[1 - place.end]
        // TCP keeps the order: what waits for the other side is not overtaken, however short the way has become.
        guard network.reaches(node, far.node), place.link.ends[place.end].backlog.isEmpty else {
            counts.stalledFrames += 1
            network.stall(place.link)
            place.link.ends[place.end].backlog.append(frame)
            if place.link.ends[place.end].backlog.count > SimulatedNetwork.backlogLimit { sever(place.link) }
            return
        }
        guard nodes[far.node].life == far.life else {
            // It has restarted, and answers a session it does not know with a reset.
            if nodes[far.node].isUp { queue.push(.closed(link: place.link, end: place.end), at: nanoseconds + 2 * place.link.latency) }
            return
        }
        if network.happens(perMillion: conditions.bitFlipPerMillion) {
            counts.bitsFlipped += 1
            return sever(place.link)  // The seal does not fit: whoever receives it ends the session.
        }
        if network.limit(of: node, far.node) != nil { counts.limitedFrames += 1 }
        let arrival = network.arrival(of: byteCount, on: place.link, from: place.end, at: nanoseconds)
        queue.push(.frame(link: place.link, end: 1 - place.end, frame), at: arrival)
    }

    func send(datagram bytes: [UInt8], on session: SessionID, at node: Int) {
        guard let bytes = passed(datagram: bytes, by: node) else { return }
        guard let place = nodes[node].sessions[session], place.link.ends[place.end].isOpen else { return }
        guard bytes.count <= SealedDatagram.maximumPlaintextByteCount else {
            if nodes[node].isHonest { violate(.datagramOverLimit(node: node, byteCount: bytes.count)) }
            return
        }
        nodes[node].traffic.sentDatagram(byteCount: bytes.count + SealedDatagram.headerByteCount + SealedDatagram.tagByteCount, type: bytes.first ?? 0)
        guard network.reaches(node, place.link.ends[1 - place.end].node) else { return }
        place.link.ends[place.end].lastDatagram = nanoseconds
        let far = place.link.ends[1 - place.end]
        if let timeout = conditions.natTimeout, founder.operators[far.node].addresses.isEmpty,
            far.lastDatagram.map({ .nanoseconds(nanoseconds - $0) > timeout }) ?? true
        {
            counts.natForgotten += 1
            return
        }
        if network.happens(perMillion: conditions.bitFlipPerMillion) {
            counts.bitsFlipped += 1
            return
        }
        let arrivals = network.datagramArrivals(on: place.link, at: nanoseconds)
        if arrivals.isEmpty { counts.lostDatagrams += 1 }
        if arrivals.count > 1 { counts.doubledDatagrams += 1 }
        for time in arrivals { queue.push(.datagram(link: place.link, end: 1 - place.end, bytes), at: time) }
    }

    func arrived(_ frame: Frame, on link: Link, at end: Int) {
        let place = link.ends[end]
        guard !link.isBroken, place.isOpen else { return }
        if isUnknown(frame, toVersionOf: place.node) {
            counts.oldVersionAsked += 1
            return send(Frame(.unknown, requestID: frame.requestID, isAnswer: true, body: []), on: place.session, at: place.node)
        }
        deliver(.frame(place.session, frame), to: place.node, life: place.life)
    }

    func arrived(datagram bytes: [UInt8], on link: Link, at end: Int) {
        let place = link.ends[end]
        guard place.isOpen, nodes[place.node].life == place.life else { return }
        deliver(.datagram(place.session, bytes), to: place.node, life: place.life)
    }

    func arrivedClose(on link: Link, at end: Int) {
        let place = link.ends[end]
        guard place.isOpen else { return }
        link.ends[end].isOpen = false
        guard nodes[place.node].life == place.life else { return }
        nodes[place.node].sessions[place.session] = nil
        deliver(.sessionClosed(place.session), to: place.node, life: place.life)
    }

    /// A node ends a session: what it has sent before still arrives.
    func close(_ session: SessionID, at node: Int) {
        guard let place = nodes[node].sessions[session], place.link.ends[place.end].isOpen else { return }
        nodes[node].sessions[session] = nil
        place.link.ends[place.end].isOpen = false
        schedule(.input(node, life: nodes[node].life, .sessionClosed(session)), in: .microseconds(100))
        tellOfClose(place.link, from: place.end)
    }

    /// Lets the other end know that this one is gone, as soon as that can be known.
    func tellOfClose(_ link: Link, from end: Int) {
        let (near, far) = (link.ends[end], link.ends[1 - end])
        guard network.reaches(near.node, far.node) else {
            network.stall(link)
            link.ends[end].hasClosedInPartition = true
            return
        }
        let arrival = max(near.lastArrival, nanoseconds + link.latency)
        link.ends[end].lastArrival = arrival
        queue.push(.closed(link: link, end: 1 - end), at: arrival)
    }

    /// The session breaks in the middle: all that is under way is lost, and both ends notice.
    func sever(_ link: Link) {
        guard !link.isBroken else { return }
        link.isBroken = true
        counts.sessionBreaks += 1
        for end in 0..<2 { queue.push(.closed(link: link, end: end), at: nanoseconds + random.duration(upTo: .milliseconds(100)).clampedNanoseconds) }
    }
}
