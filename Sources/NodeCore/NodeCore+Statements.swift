import Cryptography
import Ledger
import Membership
import Primitives
import Replication
import WireFormat

/// Statements: from bytes to what a node believes, and back to what it tells others (`Protocol/replication.md` §3).
extension NodeCore {
    /// Sends statements off to be checked, leaving out those that are held already.
    mutating func check(_ statements: [[UInt8]], for purpose: StatementBatch.Purpose, from id: SessionID?) {
        var unchecked: [UncheckedStatement] = []
        var hashes: [Digest] = []
        for bytes in statements {
            // A hello and a request to join are judged as a whole, so nothing is left out of them.
            let hash = BLAKE2b.hash(bytes)
            if purpose.leavesOutHeld, log.contains(hash) {
                if let id { isKnown(hash, on: id) }
                // Of our own heads the newest is held: compared as bytes, which differ at once where they differ at all.
                if let own = publisher.lastHead, own.bytes == bytes { confirmed(own.body.position, by: id) }
                continue
            }
            do throws(WireError) {
                let statement = try UncheckedStatement(decoding: bytes)
                if case .head(let head) = statement, isOld(head, from: id) { continue }
                if purpose == .push, let id, isUnderCheck(hash, from: id) { continue }
                unchecked.append(statement)
                hashes.append(hash)
            } catch {
                switch error {
                case .wrongStructure, .unsupportedVersion: continue  // Of a later version of the protocol: not for us.
                default:
                    if let id { drop(id, for: .malformed(error)) }
                    return
                }
            }
        }
        if purpose == .push {
            guard !unchecked.isEmpty else { return }
            for hash in hashes { pushesUnderCheck[hash] = [] }  // Not before all of them are well-formed: else nobody would end it.
        }
        if let id { sessions[id]?.batchesUnderCheck += 1 }
        directives.append(.check(batch(unchecked, for: purpose, from: id)))
    }

    private func batch(_ statements: [UncheckedStatement], for purpose: StatementBatch.Purpose, from id: SessionID?) -> StatementBatch {
        var keys: [StatementBatch.HeadKeyID: VerifyingKey] = [:]
        for case .head(let head) in statements {
            let (origin, generation) = (head.body.origin, head.body.position.generation)
            if let key = origins[origin]?.signingKey(ofGeneration: generation) { keys[.init(origin: origin, generation: generation)] = key }
        }
        return StatementBatch(purpose: purpose, session: id, statements: statements, headKeys: keys)
    }

    /// Whether a head that has been pushed is under check already, pushed by somebody else; it is noted that this session has it too.
    private mutating func isUnderCheck(_ hash: Digest, from id: SessionID) -> Bool {
        guard var others = pushesUnderCheck[hash] else { return false }
        if !others.contains(id) {
            others.append(id)
            pushesUnderCheck[hash] = others
        }
        return true
    }

    /// The pushed heads of this batch are checked: who else has pushed them meanwhile.
    private mutating func endPushCheck(of batch: StatementBatch) -> [(Digest, SessionID)] {
        var others: [(Digest, SessionID)] = []
        for statement in batch.statements {
            let hash = BLAKE2b.hash(statement.bytes)
            guard let sessions = pushesUnderCheck.removeValue(forKey: hash) else { continue }
            for id in sessions { others.append((hash, id)) }
        }
        return others
    }

    /// A head that was under check has come on this session too.
    private mutating func pushedToo(_ hash: Digest, by id: SessionID, _ verified: [AnyStatement]) {
        guard sessions[id] != nil else { return }
        for case .head(let head) in verified where BLAKE2b.hash(head.bytes) == hash {
            if head.body.origin == identity.origin {
                confirmed(head.body.position, by: id)
            } else if let wanted = fetches.wanted(of: head.body.origin), wanted.bytes == head.bytes {
                fetches.headSeen(wanted, from: id, with: takePushed(wanted, on: id))
            }
        }
    }

    /// What stood beside something forged is passed over, but for what others have pushed too meanwhile: they do not say it again.
    private mutating func takePushedToo(
        _ others: [(Digest, SessionID)], _ verified: [AnyStatement], at now: Moment, using random: inout some RandomNumberGenerator
    ) {
        for (hash, id) in others where sessions[id] != nil {
            for statement in verified where BLAKE2b.hash(statement.bytes) == hash { take(statement, from: id, isStored: false, at: now) }
        }
        settlePending(at: now)
        beginFetches(at: now, using: &random)
    }

    /// The change that has come with a head on this session.
    private mutating func takePushed(_ head: Verified<Head>, on id: SessionID) -> PushedChange? {
        guard var session = sessions[id], let change = session.pushed.removeValue(forKey: head.bytes) else { return nil }
        sessions[id] = session
        // What is ours, and comes back, comes back whole.
        return head.body.origin == identity.origin ? nil : change
    }

    /// Whether a head need not be checked: not newer than what is adopted, or wanted already.
    private mutating func isOld(_ head: Signed<Head>, from id: SessionID?) -> Bool {
        if let known = passedOver[head.body.origin] {
            if known.bytes == head.bytes { return true }
            if rules.isBlocked(head.body.origin), head.body.position <= known.body.position, !isDenied(head) { return true }
        }
        if let wanted = fetches.wanted(of: head.body.origin) {
            if wanted.bytes == head.bytes {
                if let id { fetches.headSeen(wanted, from: id, with: takePushed(wanted, on: id)) }
                return true
            }
            if head.body.position < wanted.body.position, !isDenied(head) { return true }
        }
        guard let adopted = origins[head.body.origin]?.adopted else { return false }
        return head.body.position < adopted.head.body.position && !isDenied(head)
    }

    mutating func checked(
        _ batch: StatementBatch, _ outcome: StatementBatch.Outcome, at now: Moment, using random: inout some RandomNumberGenerator
    ) {
        var deliverer = batch.session
        let others = batch.purpose == .push ? endPushCheck(of: batch) : []
        if let id = deliverer {
            if sessions[id] == nil {
                // Gone meanwhile. What others have pushed too while it was under check was passed over, so it counts; the rest others will tell us.
                guard batch.purpose == .push else { return }
                guard outcome.forgedCount == 0 else { return takePushedToo(others, outcome.verified, at: now, using: &random) }
                deliverer = nil
            } else {
                sessions[id]?.batchesUnderCheck -= 1
                guard outcome.forgedCount == 0 else {
                    takePushedToo(others, outcome.verified, at: now, using: &random)
                    return drop(id, for: .forgedStatements(count: outcome.forgedCount))
                }
            }
        }
        switch batch.purpose {
        case .hello:
            if let id = batch.session { greeted(id, by: outcome.verified, at: now, using: &random) }
            return
        case .join(let requestID, let name):
            if let id = batch.session { newcomerChecked(on: id, requestID: requestID, name: name, outcome.verified, at: now) }
            return
        case .pull, .push, .retry, .command: break
        }
        for statement in Self.lastOfEachSlot(outcome.verified) { take(statement, from: deliverer, isStored: false, at: now) }
        for (hash, id) in others { pushedToo(hash, by: id, outcome.verified) }
        settlePending(at: now, outcome.unresolved, from: deliverer)
        // Whoever tells of a head has adopted it, and so holds what it rests on.
        if batch.purpose == .push, !outcome.unresolved.isEmpty, let deliverer { pull(on: deliverer, at: now) }
        if case .pull(let logID, let upTo, let hasMore) = batch.purpose, let id = batch.session {
            pullSettled(Cursor(logID: logID, after: upTo), hasMore: hasMore, on: id, at: now)
            if !startCheck.isDone, !hasMore, let node = sessions[id]?.node {
                startCheck.hasAnswered(node)
                publish(at: now)
                advanceOpening(at: now, using: &random)
                dialNeighbours(at: now, using: &random)  // Whoever it has named is asked too, without waiting for the next tick.
            }
        }
        beginFetches(at: now, using: &random)
    }

    /// Of what a node or a sponsor says again and again only the last: an honest log has one of each.
    private static func lastOfEachSlot(_ statements: [AnyStatement]) -> [AnyStatement] {
        guard statements.count > 1 else { return statements }
        var slots: Set<Slot> = []
        return statements.reversed().filter { statement in
            switch statement {
            case .membership, .node, .peer: slots.insert(statement.slot).inserted
            case .revocation, .generation, .head, .evidence: true  // Two of one may be a contradiction.
            }
        }.reversed()
    }

    /// Takes one checked statement: believes it, keeps it and tells it on, or lets it wait, or lets it go.
    ///
    /// - Parameter bringer: who has brought it once, if it has been waiting.
    mutating func take(_ statement: AnyStatement, from id: SessionID?, by bringer: OriginID? = nil, isStored: Bool, at now: Moment) {
        let verdict: MemberTable.Verdict
        let bringer = isStored ? identity.origin : bringer
        switch statement {
        case .membership(let certificate):
            verdict = members.admit(certificate)
            if verdict == .accepted, !isStored {
                directives.append(.report(.memberAdmitted(certificate.body.member, name: certificate.body.displayName)))
            }
        case .revocation(let revocation): verdict = members.revoke(revocation)
        case .generation(let certificate):
            verdict = take(certificate, isStored: isStored, at: now)
        case .node(let certificate): verdict = members.isKnown(certificate.body.origin) ? nodes.take(certificate) : .orphan
        case .peer(let record):
            verdict = nodes.take(record, at: now.timestamp)
            if record.body.node == identity.node { outgrow(record, at: now) }
        case .head(let head):
            take(head, from: id, by: bringer, at: now)
            return
        case .evidence(let evidence): verdict = take(evidence, at: now)
        }
        switch verdict {
        case .accepted:
            hold(statement, in: statement.slot)
            if let ground = PendingStatements.Ground(laidBy: statement) { laid.append(ground) }
            if !isStored { directives.append(.keep(statement)) }
            switch statement {
            case .revocation(let revocation): cutOff(revocation.body.revoked, isStored: isStored, at: now)
            case .generation(let certificate): generationAccepted(certificate, at: now)
            case .evidence(let evidence): quarantined(by: evidence, from: id, at: now)
            case .node(let certificate): learned(of: certificate.body.node, at: now)
            case .peer(let record): learned(of: record.body.node, at: now)
            case .membership, .head: break
            }
        case .orphan: wait(.verified(statement), until: .init(of: statement), from: id, by: bringer)
        case .full: directives.append(.report(.limitReached(statement.rank == 0 ? .members : .nodesOfOperator)))
        case .known, .refused: break
        }
    }

    private mutating func take(_ head: Verified<Head>, from id: SessionID?, by bringer: OriginID?, at now: Moment) {
        let origin = head.body.origin
        announcements.came(HeadName(head.body.position, of: origin))
        if origin == identity.origin {
            confirmed(head.body.position, by: id)
            return sawOwnHead(head)
        }
        guard !rules.isBlocked(origin) else { return passOver(head) }
        switch members.standing(of: origin, at: now.timestamp) {
        case .member: break
        case .unknown: return wait(.verified(.head(head)), until: .origin(origin), from: id, by: bringer)
        case .lapsed: return holdBack(head)  // Until its membership is renewed, or our clock is right.
        case .revoked: return
        }
        switch origins[origin, default: OriginRecord()].verdict(on: head, at: now.timestamp) {
        case .news:
            if let wanted = fetches.wanted(of: origin), wanted.body.position == head.body.position, wanted.bytes != head.bytes {
                return accuse(wanted, head, at: now)
            }
            let change: PushedChange? = if let id { takePushed(head, on: id) } else { nil }
            guard isWithinQuota(head, of: origin) else { return passOver(head) }
            if let passed = passedOver[origin], passed.body.position <= head.body.position { passedOver[origin] = nil }
            fetches.headSeen(head, from: id, with: change)
        case .early: holdBack(head)
        case .unresolved: wait(.verified(.head(head)), until: .origin(origin), from: id, by: bringer)
        case .equivocation: contradicted(by: head, at: now)
        case .known: contradicted(by: head, at: now)
        case .refused, .void: break
        }
    }

    /// Whether an origin has not more than one may have here. Its head says how much it has, and a manifest that says otherwise breaks the rules.
    private mutating func isWithinQuota(_ head: Verified<Head>, of origin: OriginID) -> Bool {
        if head.body.sightingCount <= configuration.originQuota.sightings, head.body.dataByteCount <= configuration.originQuota.byteCount {
            overQuota.remove(origin)
            return true
        }
        if overQuota.insert(origin).inserted {
            directives.append(.report(.quotaReached(origin, sightings: head.body.sightingCount, byteCount: head.body.dataByteCount)))
        }
        return false
    }

    /// A neighbour holds what our head says, if that is what it has just told us of. Only for heads whose signature has been checked, now or before.
    mutating func confirmed(_ position: HeadPosition, by id: SessionID?) {
        guard let id, let node = sessions[id]?.node else { return }
        confirmations[node] = max(confirmations[node] ?? position, position)
    }

    /// Lets a statement wait for what it rests on. A session that is not open yet has shown all of its chain, or is nobody's: nothing of it waits.
    private mutating func wait(
        _ statement: PendingStatements.Statement, until ground: PendingStatements.Ground, from id: SessionID?, by bringer: OriginID? = nil
    ) {
        if let id, sessions[id]?.isOpen != true { return }
        guard !pending.add(statement, until: ground, from: bringer ?? id.flatMap { sessions[$0]?.origin }) else { return }
        if let id { sessions[id]?.hasBroughtTooMuch = true }
        if pending.isFull, !hasToldOfFullRoom {
            hasToldOfFullRoom = true
            directives.append(.report(.limitReached(.pendingStatements)))
        }
    }

    /// Looks again at what has waited for anything that has been accepted, and for what comes of that.
    ///
    /// - Parameter unresolved: heads that have just been looked at in vain. What they rest on may have come while they were.
    mutating func settlePending(at now: Moment, _ unresolved: [UncheckedStatement] = [], from id: SessionID? = nil) {
        var resolved: [UncheckedStatement] = []
        for case .head(let head) in unresolved {
            if isResolved(head) { resolved.append(.head(head)) } else { wait(.unresolved(head), until: .origin(head.body.origin), from: id) }
        }
        var place = 0
        while place < laid.count {
            for entry in pending.take(laid[place]) {
                switch entry.statement {
                case .verified(let statement): take(statement, from: nil, by: entry.bringer, isStored: false, at: now)
                case .unresolved(let head):
                    if isResolved(head) {
                        resolved.append(.head(head))
                    } else {
                        wait(entry.statement, until: laid[place], from: nil, by: entry.bringer)
                    }
                }
            }
            place += 1
        }
        laid = []
        if pending.count == 0 { hasToldOfFullRoom = false }
        if !resolved.isEmpty { directives.append(.check(batch(resolved, for: .retry, from: nil))) }
    }

    private func isResolved(_ head: Signed<Head>) -> Bool { origins[head.body.origin]?.signingKey(ofGeneration: head.body.position.generation) != nil }

    /// Puts a statement into the log, in the place of what it replaces. One that is held already keeps its number.
    mutating func hold(_ statement: AnyStatement, in slot: Slot) {
        guard log.bytes(in: slot) != statement.bytes else { return }
        log.append(statement.bytes, in: slot)
    }

    mutating func release(_ slot: Slot) { log.remove(slot) }
}

extension StatementBatch.Purpose {
    fileprivate var leavesOutHeld: Bool {
        switch self {
        case .hello, .join: false
        case .pull, .push, .retry, .command: true
        }
    }
}
