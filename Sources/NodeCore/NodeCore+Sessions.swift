import Ledger
import Membership
import Primitives
import Replication
import WireFormat

/// Making, greeting, watching and ending sessions (`Protocol/replication.md` §2).
extension NodeCore {
    mutating func opened(_ id: SessionID, _ opening: SessionOpening, at now: Moment) {
        var phase = Session.Phase.greeting(isChecking: false, early: [])
        let dial = opening.dial.flatMap { dials.removeValue(forKey: $0) }
        if let invite = opening.inviteID { phase = .joining(invite) }
        sessions[id] = Session(
            id: id, remoteKey: opening.remoteKey, dial: opening.dial, attempt: dial, openedAt: now.instant, phase: phase, lastHeard: now.instant,
            cursor: Cursor(), lastPull: now.instant)
        noteNeighbours()
        if opening.inviteID == nil, let node = nodes.node(with: opening.remoteKey) {
            // The handshake has proven the other side's key, which is all a look has to find out where nobody else claims it.
            let isWanted = (dial?.isProbe != true || isUseful(sessionWith: node, at: now)) && !isBlocked(node)
            perform(detector.answered(node, at: now.instant), at: now)
            guard isWanted else { return dismiss(id) }
            sessions[id]?.attempt?.isProbe = false
        }
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

    mutating func dialFailed(_ number: DialNumber, _ reason: DownReason, at now: Moment, using random: inout some RandomNumberGenerator) {
        guard let dial = dials.removeValue(forKey: number) else { return }
        backoff.failed(dial.target, at: now.instant, using: &random)
        // Of a node that has another key by now the old one says nothing.
        guard let node = dial.node ?? nodes.node(with: dial.key), nodes[node]?.certificate.body.transportKey == dial.key else { return }
        downReasons[node] = reason
        if reason == .noRoom { return detector.dialSkipped(node) }  // Says something of us, and nothing of it.
        perform(detector.dialFailed(node, at: now.instant, surroundings(at: now), using: &random), at: now)
    }

    /// Forgets the session; the transport has ended it, or is about to.
    mutating func closed(_ id: SessionID, at now: Moment, using random: inout some RandomNumberGenerator) {
        guard let session = sessions.removeValue(forKey: id) else { return }
        openSessions.removeAll { $0 == id }
        noteNeighbours()
        if let node = session.node { cursors[node] = session.cursor }
        noteAnchors()
        // One that never got anywhere, or misbehaved, counts as a failed attempt, or we would dial it again in a tight loop.
        // Nor are strangers remembered: we would never dial them.
        for target in targets(of: session) {
            if session.hasServed {
                backoff.succeeded(target)
            } else if session.dial != nil && !session.isOpen || session.isDropped {
                backoff.failed(target, at: now.instant, using: &random)
            }
        }
        ended(session, at: now, using: &random)
        fetches.sessionClosed(id)
        for key in requests.keys.filter({ $0.session == id }).sorted() {
            switch requests.removeValue(forKey: key)?.kind {
            case .question(let number): directives.append(.questionSettled(number, .unanswered))
            case .history(let question): historyRefused(question, at: now, using: &random)
            case .statements, .comparison, .headless, .manifest, .bucket, .changes, nil: break  // Ends with the session, or is asked of others.
            }
        }
        beginFetches(at: now, using: &random)
    }

    /// What the end of a session says about the other side.
    private mutating func ended(_ session: Session, at now: Moment, using random: inout some RandomNumberGenerator) {
        guard let node = node(behind: session), self.session(with: node) == nil else { return }
        // Of two sessions that cross, one is closed: the other is still being greeted.
        guard !sessions.contains(where: { $0.remoteKey == session.remoteKey && !$0.isClosing }) else { return }
        if session.isDropped {
            downReasons[node] = now.instant - session.lastHeard > configuration.idleBeforeClose ? .silent : .misbehaved
        } else if session.isClosing || session.isDismissed {
            return
        } else if session.isOpen || downReasons[node] == nil {
            downReasons[node] = .sessionLost
        }
        if session.isOpen {
            perform(detector.lost(node, at: now.instant, surroundings(at: now), using: &random), at: now)
        } else if session.dial != nil {
            perform(detector.dialFailed(node, at: now.instant, surroundings(at: now), using: &random), at: now)
        }
    }

    /// The node at the other end: as it has shown, or else whom we dialed, or whom alone its key may mean.
    func node(behind session: Session) -> NodeID? { session.node ?? session.attempt?.node ?? nodes.node(with: session.remoteKey) }

    /// Whom we would dial for another session like this.
    private func targets(of session: Session) -> [DialTarget] {
        let node = node(behind: session).map { [DialTarget.node($0)] } ?? []
        guard let attempt = session.attempt, attempt.node == nil else { return node }
        return node + [attempt.target]
    }

    /// Ends a session for want of use or room, and says so: the other side need not look whether we are still there.
    mutating func dismiss(_ id: SessionID) {
        refuse(id, .busy)
        sessions[id]?.hasServed = true
        close(id)
    }

    mutating func close(_ id: SessionID) {
        guard sessions[id] != nil else { return }
        sessions[id]?.isClosing = true
        noteNeighbours()
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
        // The handshake has shown only a key that several claim.
        let isSought = session.attempt?.isProbe != true || isUseful(sessionWith: node, at: now)
        perform(detector.answered(node, at: now.instant), at: now)
        if let sought = session.attempt?.node, sought != node { return misled(id, from: sought, at: now, using: &random) }
        guard isSought else { return dismiss(id) }
        let incarnation = statements.reduce(UInt64(0)) { highest, statement in
            guard case .peer(let record) = statement, record.body.node == node else { return highest }
            return max(highest, record.body.incarnation)
        }
        if let twin = sessions.first(where: { $0.node == node && !$0.isClosing })?.id {
            // The other side has restarted, and the older session is a dead one; or both sides have dialed: then both close the same one of the two.
            let hasRestarted = incarnation > sessions[twin]?.incarnation ?? 0
            let loser = hasRestarted ? twin : surplus(of: twin, id, with: node)
            close(loser)
            if loser == id { return }
        }
        let inbound = openSessions.count { sessions[$0]?.dial == nil && sessions[$0]?.origin == origin && sessions[$0]?.isClosing == false }
        guard !rules.isBlocked(origin), session.dial != nil || inbound < Bound.inboundPerOperator else { return dismiss(id) }
        sessions[id]?.phase = .open(node, origin)
        sessions[id]?.incarnation = incarnation
        openSessions.insert(id, at: openSessions.firstIndex { $0 > id } ?? openSessions.endIndex)
        noteNeighbours()
        sessions[id]?.cursor = cursors[node] ?? Cursor()
        noteAnchors()
        for target in targets(of: session) { backoff.succeeded(target) }
        backoff.succeeded(.node(node))
        directives.append(.report(.sessionReady(id, node, origin)))
        fetches.sessionOpened(id, of: origin)
        pull(on: id, at: now)
        beginFetches(at: now, using: &random)
        for frame in early { received(frame, on: id, at: now, using: &random) }
    }

    /// Whoever has been found holds the key of the node that was sought, and is another: it has been neither chosen nor counted as what it is.
    private mutating func misled(_ id: SessionID, from sought: NodeID, at now: Moment, using random: inout some RandomNumberGenerator) {
        refuse(id, .busy)
        close(id)
        downReasons[sought] = .wrongKey
        perform(detector.dialFailed(sought, at: now.instant, surroundings(at: now), using: &random), at: now)
    }

    private mutating func identify(_ session: Session, among statements: [AnyStatement], at now: Moment) -> (NodeID, OriginID)? {
        let shown = statements.lazy.compactMap { statement -> NodeID? in
            guard case .node(let certificate) = statement, certificate.body.transportKey == session.remoteKey else { return nil }
            return certificate.body.node
        }.first
        // The newest that is known is judged: what was shown may be an older one.
        let newest = shown.flatMap { nodes[$0]?.certificate.body }
        func refused(_ refusal: Refusal) -> (NodeID, OriginID)? {
            directives.append(.report(.sessionRefused(session.id, refusal)))
            refuse(session.id, refusal)
            close(session.id)
            return nil
        }
        guard let certificate = newest, certificate.node != identity.node, certificate.transportKey == session.remoteKey else { return refused(.notAMember) }
        guard certificate.notBefore <= now.timestamp + Limits.clockSkew else { return refused(.clockSkew) }
        guard now.timestamp < certificate.notAfter else { return refused(.notAMember) }
        switch members.standing(of: certificate.origin, at: now.timestamp) {
        case .member: return (certificate.node, certificate.origin)
        case .revoked: return refused(.revoked)
        case .lapsed, .unknown: return refused(.notAMember)
        }
    }

    private func patience(for request: Request) -> Duration {
        if case .question = request.kind { configuration.questionTimeout } else { configuration.requestTimeout }
    }

    /// Of two sessions with one node: the one dialed by the node with the smaller id stays; of two by the same, the newer.
    private func surplus(of older: SessionID, _ newer: SessionID, with node: NodeID) -> SessionID {
        func isDialedBySmaller(_ id: SessionID) -> Bool { (sessions[id]?.dial != nil) == (identity.node < node) }
        let (first, second) = (isDialedBySmaller(older), isDialedBySmaller(newer))
        return first == second ? older : (first ? newer : older)
    }

    mutating func tick(at now: Moment, using random: inout some RandomNumberGenerator) {
        for place in sessions.indices {
            switch sessions[place].due(at: now.instant, sessionPatience) {
            case .end(let reason): drop(sessions.ids[place], for: reason)
            // Ping and pong tell both sides how far the other's log goes; a question is worth asking only then.
            case .ping: pingOnStream(sessions.ids[place], at: now)
            case nil: break
            }
        }
        for key in requests.keys.sorted() {
            guard let request = requests[key], now.instant - request.askedAt > patience(for: request) else { continue }
            requests[key] = nil
            switch request.kind {
            case .manifest(let fetch), .changes(let fetch, _): fetches.failed(fetch)
            case .bucket(let fetch, let entry, _): fetches.bucketFailed(fetch, entry)
            case .statements, .comparison, .headless: drop(key.session, for: .silent)
            case .history(let question): historyRefused(question, at: now, using: &random)
            case .question(let number): directives.append(.questionSettled(number, .unanswered))
            }
        }
        if detector.hasSuspects { perform(detector.ticked(at: now.instant, surroundings(at: now), using: &random), at: now) }
        if !early.isEmpty { reviewEarly(at: now, using: &random) }
        reviewOpening(at: now, using: &random)
        reviewNeighbours(at: now, using: &random)
        dialNeighbours(at: now, using: &random)
        beginFetches(at: now, using: &random)
        if !startCheck.isDone { publish(at: now) }
        advanceOpening(at: now, using: &random)
    }
}
