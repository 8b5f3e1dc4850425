import Ledger
import Membership
import Primitives
import Replication
import WireFormat

/// Making, greeting, watching and ending sessions (`Protocol/replication.md` §2).
extension NodeCore {
    mutating func opened(_ id: SessionID, _ opening: SessionOpening, at now: Moment) {
        var phase = Session.Phase.greeting(isChecking: false, early: [])
        if let dial = opening.dial { dials[dial] = nil }
        if let invite = opening.inviteID { phase = .joining(invite) }
        sessions[id] = Session(
            id: id, remoteKey: opening.remoteKey, dial: opening.dial, openedAt: now.instant, phase: phase, lastHeard: now.instant,
            cursor: Cursor(), lastPull: now.instant)
        // A newcomer speaks first: it is not known here, and cannot check what we say yet.
        guard opening.inviteID == nil else { return }
        send(Frame(.hello, body: Hello(statements: credentials(at: now)).encoded()), on: id)
    }

    /// Our membership chain, node certificate and peer record.
    func credentials(at now: Moment) -> [[UInt8]] {
        let chain = members.chain(of: identity.origin, at: now.timestamp) ?? []
        let own = [Slot.node(identity.node), .peer(identity.node)].compactMap { log.bytes(in: $0) }
        return chain.reversed().map(\.bytes) + own
    }

    mutating func dialFailed(_ number: DialNumber, at now: Moment, using random: inout some RandomNumberGenerator) {
        guard let dial = dials.removeValue(forKey: number) else { return }
        backoff.failed(dial.key, at: now.instant, using: &random)
    }

    /// Forgets the session; the transport has ended it, or is about to.
    mutating func closed(_ id: SessionID, at now: Moment, using random: inout some RandomNumberGenerator) {
        guard let session = sessions.removeValue(forKey: id) else { return }
        openSessions.removeAll { $0 == id }
        // One that never got anywhere, or misbehaved, counts as a failed attempt, or we would dial it again in a tight loop.
        if session.dial != nil && !session.isOpen || session.isDropped { backoff.failed(session.remoteKey, at: now.instant, using: &random) }
        for key in requests.keys.filter({ $0.session == id }) { requests[key] = nil }
        fetches.sessionClosed(id)
        beginFetches(at: now, using: &random)
    }

    mutating func close(_ id: SessionID) {
        guard let session = sessions[id] else { return }
        if let node = session.node { cursors[node] = session.cursor }
        sessions[id]?.isClosing = true
        directives.append(.close(id))
    }

    /// Ends a session whose other side broke the protocol. The next steps treat it as gone once the transport says so.
    mutating func drop(_ id: SessionID, for misbehaviour: Event.Misbehaviour) {
        guard sessions[id] != nil else { return }
        sessions[id]?.isDropped = true
        directives.append(.report(.misbehaviour(id, misbehaviour)))
        close(id)
    }

    mutating func refuse(_ id: SessionID, _ refusal: Refusal, requestID: UInt32 = 0) {
        send(Frame(.refusal, requestID: requestID, isAnswer: requestID != 0, body: refusal.encoded()), on: id)
    }

    mutating func send(_ frame: Frame, on id: SessionID) { directives.append(.send(frame, id)) }

    /// The hello's signatures have been checked: is this one of us?
    mutating func greeted(_ id: SessionID, by statements: [AnyStatement], at now: Moment, using random: inout some RandomNumberGenerator) {
        guard let session = sessions[id], case .greeting(true, let early) = session.phase else { return }
        for statement in statements { take(statement, from: id, isStored: false, at: now) }
        settlePending(at: now)
        guard let (node, origin) = identify(session, among: statements, at: now) else { return }
        let incarnation = statements.reduce(UInt64(0)) { highest, statement in
            guard case .peer(let record) = statement, record.body.node == node else { return highest }
            return max(highest, record.body.incarnation)
        }
        if let twin = sessions.values.filter({ $0.node == node }).map(\.id).min() {
            // The other side has restarted, and the older session is a dead one; or both sides have dialed: then both close the same one of the two.
            let hasRestarted = incarnation > sessions[twin]?.incarnation ?? 0
            let loser = hasRestarted ? twin : surplus(of: twin, id, with: node)
            close(loser)
            if loser == id { return }
        }
        sessions[id]?.phase = .open(node, origin)
        sessions[id]?.incarnation = incarnation
        openSessions.insert(id, at: openSessions.firstIndex { $0 > id } ?? openSessions.endIndex)
        sessions[id]?.cursor = cursors[node] ?? Cursor()
        backoff.succeeded(session.remoteKey)
        directives.append(.report(.sessionReady(id, node, origin)))
        fetches.sessionOpened(id)
        pull(on: id, at: now)
        beginFetches(at: now, using: &random)
        for frame in early { received(frame, on: id, at: now, using: &random) }
    }

    private mutating func identify(_ session: Session, among statements: [AnyStatement], at now: Moment) -> (NodeID, OriginID)? {
        let certificate = statements.lazy.compactMap { statement -> NodeCertificate? in
            guard case .node(let certificate) = statement, certificate.body.transportKey == session.remoteKey else { return nil }
            return certificate.body
        }.first
        func refused(_ refusal: Refusal) -> (NodeID, OriginID)? {
            directives.append(.report(.sessionRefused(session.id, refusal)))
            refuse(session.id, refusal)
            close(session.id)
            return nil
        }
        guard let certificate, certificate.node != identity.node else { return refused(.notAMember) }
        guard nodes[certificate.node]?.certificate.body.transportKey == session.remoteKey else { return refused(.notAMember) }
        guard certificate.notBefore <= now.timestamp + Limits.clockSkew else { return refused(.clockSkew) }
        guard now.timestamp < certificate.notAfter else { return refused(.notAMember) }
        switch members.standing(of: certificate.origin, at: now.timestamp) {
        case .member: return (certificate.node, certificate.origin)
        case .revoked: return refused(.revoked)
        case .lapsed, .unknown: return refused(.notAMember)
        }
    }

    /// Of two sessions with one node: the one dialed by the node with the smaller id stays; of two by the same, the newer.
    private func surplus(of older: SessionID, _ newer: SessionID, with node: NodeID) -> SessionID {
        func isDialedBySmaller(_ id: SessionID) -> Bool { (sessions[id]?.dial != nil) == (identity.node < node) }
        let (first, second) = (isDialedBySmaller(older), isDialedBySmaller(newer))
        return first == second ? older : (first ? newer : older)
    }

    mutating func tick(at now: Moment, using random: inout some RandomNumberGenerator) {
        for id in sessions.keys.sorted() {
            guard let session = sessions[id] else { continue }
            let silence = now.instant - session.lastHeard
            guard session.isOpen else {
                if now.instant - session.openedAt > configuration.helloTimeout { drop(id, for: .helloTimeout) }
                continue
            }
            if silence > configuration.idleBeforeClose {
                drop(id, for: .silent)
            } else if silence > configuration.idleBeforePing, session.pingedAt == nil {
                sessions[id]?.pingedAt = now.instant
                send(Frame(.ping, body: Ping(number: 0, logID: log.id, upTo: log.upTo).encoded()), on: id)
            }
            if now.instant - session.lastPull > configuration.pullInterval { pull(on: id, at: now) }
        }
        for key in requests.keys.sorted() {
            guard let request = requests[key], now.instant - request.askedAt > configuration.requestTimeout else { continue }
            requests[key] = nil
            switch request.kind {
            case .manifest(let fetch), .changes(let fetch, _): fetches.failed(fetch)
            case .bucket(let fetch, let entry, _): fetches.bucketFailed(fetch, entry)
            case .statements: drop(key.session, for: .silent)
            case .history(let question): historyRefused(question, at: now, using: &random)
            }
        }
        dialNeighbours(at: now, using: &random)
        beginFetches(at: now, using: &random)
        if !startCheck.isDone { publish(at: now) }
        advanceOpening(at: now, using: &random)
    }

    mutating func dialNeighbours(at now: Moment, using random: inout some RandomNumberGenerator) {
        let dialed = sessions.values.count { $0.dial != nil } + dials.count
        var room = min(configuration.outboundSessions - dialed, configuration.concurrentDials - dials.count)
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
}
