import Ledger
import Membership
import Primitives
import Replication
import WireFormat

/// Letting operators in, and putting them out (`Protocol/replication.md` §5).
extension NodeCore {
    mutating func joinRequested(_ frame: Frame, on id: SessionID, invite: InviteID) {
        guard let request = decode(frame, on: id, JoinRequest.init(decoding:)) else { return }
        guard let name = String(validating: request.displayName, as: UTF8.self), MembershipCertificate.isAllowed(name) else {
            return refuseNewcomer(id, .malformed, requestID: frame.requestID)
        }
        check(request.statements, for: .join(requestID: frame.requestID, displayName: name), from: id)
    }

    /// The newcomer's own statements have been checked: it holds the identity key that certified the node we are talking to.
    mutating func newcomerChecked(on id: SessionID, requestID: UInt32, name: String, _ statements: [AnyStatement], at now: Moment) {
        guard let session = sessions[id], case .joining(let invite) = session.phase else { return }
        let certificate = statements.lazy.compactMap { statement -> Verified<NodeCertificate>? in
            guard case .node(let certificate) = statement, certificate.body.transportKey == session.remoteKey else { return nil }
            return certificate
        }.first
        guard let certificate else { return refuseNewcomer(id, .malformed, requestID: requestID) }
        guard keys.identity != nil || keys.meshRoot != nil, members.chain(of: identity.origin, at: now.timestamp) != nil else {
            return refuseNewcomer(id, .cannotAdmit, requestID: requestID)
        }
        guard certificate.body.notBefore <= now.timestamp + Limits.clockSkew, now.timestamp < certificate.body.notAfter else {
            return refuseNewcomer(id, .clockSkew, requestID: requestID)
        }
        guard !members.isRevoked(certificate.body.origin) else { return refuseNewcomer(id, .revoked, requestID: requestID) }
        newcomers[RequestKey(session: id, id: requestID)] = Newcomer(name: name, certificate: certificate, statements: statements)
        directives.append(.redeemInvite(id, requestID: requestID, invite, certificate.body.origin))
    }

    /// The disk says whether the invite is still good; if so, it has been used up by this newcomer.
    mutating func redeemed(on id: SessionID, requestID: UInt32, newcomer origin: OriginID, _ outcome: InviteOutcome, at now: Moment) {
        guard let newcomer = newcomers.removeValue(forKey: RequestKey(session: id, id: requestID)), newcomer.certificate.body.origin == origin else { return }
        switch outcome {
        case .accepted: admit(newcomer, on: id, requestID: requestID, at: now)
        case .expired: refuseNewcomer(id, .inviteExpired, requestID: requestID)
        case .alreadyUsed: refuseNewcomer(id, .inviteUsed, requestID: requestID)
        case .unknown: refuseNewcomer(id, .inviteUsed, requestID: requestID)
        }
    }

    private mutating func admit(_ newcomer: Newcomer, on id: SessionID, requestID: UInt32, at now: Moment) {
        guard let key = keys.identity ?? keys.meshRoot else { return refuseNewcomer(id, .cannotAdmit, requestID: requestID) }
        let certificate = MembershipCertificate(
            mesh: identity.mesh, member: newcomer.certificate.body.origin, displayName: newcomer.name, sponsor: key.verifyingKey,
            notBefore: now.timestamp, notAfter: now.timestamp + configuration.membershipLifetime)
        guard let certificate else { return refuseNewcomer(id, .malformed, requestID: requestID) }
        let signed = Signed.make(certificate, with: key)
        take(.membership(signed), from: nil, isStored: false, at: now)
        for statement in newcomer.statements { take(statement, from: nil, isStored: false, at: now) }
        settlePending(at: now)
        // By way of ourselves, even if the newcomer was here before and has a shorter way: it wants to know its sponsor.
        let chain = key.verifyingKey.raw == identity.origin.raw ? members.chain(of: identity.origin, at: now.timestamp) ?? [] : []
        let own = [Slot.node(identity.node), .peer(identity.node)].compactMap { log.bytes(in: $0) }
        send(
            Frame(
                .joinAnswer, requestID: requestID, isAnswer: true, body: JoinAnswer(statements: chain.reversed().map(\.bytes) + [signed.bytes] + own).encoded()),
            on: id)
    }

    private mutating func refuseNewcomer(_ id: SessionID, _ refusal: Refusal, requestID: UInt32) {
        directives.append(.report(.sessionRefused(id, refusal)))
        refuse(id, refusal, requestID: requestID)
        close(id)
    }

    mutating func execute(_ command: Command, at now: Moment, using random: inout some RandomNumberGenerator) {
        switch command {
        case .revoke(let origin, let reason):
            let candidates = [keys.meshRoot, keys.identity].compactMap { $0 }
            guard let key = candidates.first(where: { members.standsAbove($0.verifyingKey, origin) }) else {
                directives.append(.report(.commandRefused(.cannotAdmit)))
                return
            }
            let revocation = Revocation(
                mesh: identity.mesh, revoked: origin, revoker: key.verifyingKey, issuedAt: now.timestamp, reason: reason)
            take(.revocation(Signed.make(revocation, with: key)), from: nil, isStored: false, at: now)
        case .rule(let rule, let origin): self.rule(rule, on: origin, at: now, using: &random)
        case .learn(let statements): check(statements, for: .command, from: nil)
        case .openGeneration(let reason): open(for: reason, recovering: false, at: now, using: &random)
        case .leave: leave(at: now)
        case .recover: open(for: .lostState, recovering: true, at: now, using: &random)
        case .limit(let quota): limit(quota, at: now, using: &random)
        case .answerPeers(let isOn): configuration.answersQuestions = isOn
        case .ask(let node, let question, let number): ask(node, question, number, at: now)
        }
    }

    /// Ends what is open with an operator that is no member any more, and with those whose membership rested on it.
    mutating func cutOff(_ revoked: OriginID, isStored: Bool, at now: Moment) {
        if !isStored { directives.append(.report(.memberRevoked(revoked))) }
        settleStanding(of: revoked, at: now)
        for id in openSessions {
            guard let origin = sessions[id]?.origin else { continue }
            switch members.standing(of: origin, at: now.timestamp) {
            case .member: continue
            case .revoked: refuse(id, .revoked)
            case .lapsed, .unknown: refuse(id, .notAMember)
            }
            close(id)
        }
    }

    /// Signs and holds what this node says of itself.
    mutating func announceSelf(at now: Moment) {
        let signed = ownRecord
        announced = signed.bytes
        take(.peer(signed), from: nil, isStored: false, at: now)
    }

    private var ownRecord: Verified<PeerRecord> {
        var flags: PeerRecord.Flags = identity.addresses.isEmpty ? .outboundOnly : []
        if hasLeft { flags.insert(.left) }
        let record = PeerRecord(
            node: identity.node, incarnation: incarnation, flags: flags,
            addresses: Array(identity.addresses.prefix(Limits.addresses)))
        guard let record else { preconditionFailure("a peer record of our own breaks a rule of peer records") }
        return Signed.make(record, with: keys.node)
    }

    /// A record of ours that we do not know of, said before our disk was lost or put back, or when we left: what we say now has to count more.
    mutating func outgrow(_ record: Verified<PeerRecord>, at now: Moment) {
        guard record.body.incarnation >= incarnation, record.bytes != announced ?? ownRecord.bytes,
            record.body.incarnation <= (now.timestamp + Limits.clockSkew).milliseconds, outgrowths.take(at: now.instant)
        else { return }
        incarnation = record.body.incarnation + 1
        if announced != nil { announceSelf(at: now) }
    }

    /// A node certificate with less than a third of its life left is replaced, where the identity key is at hand.
    mutating func renewNodeCertificate(at now: Moment) {
        guard let key = keys.identity, let current = nodes[identity.node]?.certificate.body,
            now.timestamp + Limits.nodeCertificateLifetime / 3 > current.notAfter
        else { return }
        let renewed = NodeCertificate(
            origin: identity.origin, serial: current.serial + 1, node: identity.node, transportKey: identity.transportKey, roles: current.roles,
            notBefore: now.timestamp, notAfter: now.timestamp + Limits.nodeCertificateLifetime)
        guard let renewed else { return }
        take(.node(Signed.make(renewed, with: key)), from: nil, isStored: false, at: now)
    }
}

/// Somebody whose invite is being looked up.
struct Newcomer: Sendable {
    let name: String
    let certificate: Verified<NodeCertificate>
    let statements: [AnyStatement]
}
