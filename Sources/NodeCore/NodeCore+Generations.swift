import Cryptography
import Ledger
import Membership
import Primitives
import Replication
import WireFormat

/// A new generation of our own on its way.
struct Opening: Sendable {
    enum Phase: Sendable {
        /// Others are to be asked first what they know of us.
        case asking
        /// Our own newest content comes back from others.
        case fetching(Verified<Head>)
        /// Key and certificate are being written.
        case writing(Verified<GenerationCertificate>, SigningKey)
    }

    let reason: GenerationCertificate.Reason
    /// Whether content that others hold, and we do not, is to come back first.
    let isRecovering: Bool
    var phase = Phase.asking
}

/// Generations: opening our own, and what others' new ones end (`Protocol/statements.md` §5.1, `Protocol/replication.md` §7.1).
extension NodeCore {
    // MARK: Our own

    mutating func open(
        for reason: GenerationCertificate.Reason, recovering isRecovering: Bool, at now: Moment, using random: inout some RandomNumberGenerator
    ) {
        guard keys.identity != nil else { return directives.append(.report(.commandRefused(.cannotAdmit))) }
        if case .writing = opening?.phase { return directives.append(.report(.commandRefused(.busy))) }
        opening = Opening(reason: reason, isRecovering: isRecovering)
        advanceOpening(at: now, using: &random)
    }

    /// Takes the next step of an opening, if it can be taken now.
    mutating func advanceOpening(at now: Moment, using random: inout some RandomNumberGenerator) {
        guard let opening, case .asking = opening.phase, !publisher.isWriting else { return }
        // Whoever knows us may know of a generation or of a head that this disk does not.
        guard startCheck.allowsSigning(known: knownOthers, at: now.instant) else { return }
        if opening.isRecovering, let newest = newestOwnHead, origins[identity.origin]?.isOut(newest) != true,
            newest.body.position > publisher.lastHead?.body.position ?? HeadPosition(generation: 0, sequence: 0)
        {
            self.opening?.phase = .fetching(newest)
            fetches.headSeen(newest, from: nil)
            return beginFetches(at: now, using: &random)
        }
        write(opening, at: now, using: &random)
    }

    /// What was to come back has come into quarantine, or is void, meanwhile: nobody serves it any more, and the opening goes on without it. Or somebody has
    /// shown something newer: then that is wanted, since what went before it others may not have any more.
    mutating func reviewOpening(at now: Moment, using random: inout some RandomNumberGenerator) {
        guard let opening, case .fetching(let head) = opening.phase, let own = origins[identity.origin] else { return }
        if own.isOut(head) {
            fetches.forget(identity.origin)
            self.opening?.phase = .asking
            advanceOpening(at: now, using: &random)
        } else if let newest = newestOwnHead, newest.body.position > head.body.position, !own.isOut(newest) {
            self.opening?.phase = .fetching(newest)
            fetches.headSeen(newest, from: nil)
            beginFetches(at: now, using: &random)
        }
    }

    private mutating func write(_ opening: Opening, at now: Moment, using random: inout some RandomNumberGenerator) {
        guard let identityKey = keys.identity else { return }
        let (number, overflow) = (origins[identity.origin]?.newest?.body.generation ?? 0).addingReportingOverflow(1)
        let key = SigningKey(using: &random)
        let last = publisher.lastHead
        let parent = last.map {
            GenerationCertificate.Parent(generation: $0.body.position.generation, sequence: $0.body.position.sequence, headHash: $0.hash)
        }
        let certificate = GenerationCertificate(
            origin: identity.origin, generation: number, signingKey: key.verifyingKey, notBefore: now.timestamp,
            notAfter: now.timestamp + configuration.generationLifetime, parent: parent ?? .none, reason: opening.reason)
        guard !overflow, let certificate else {
            self.opening = nil
            return directives.append(.report(.commandRefused(.cannotAdmit)))
        }
        let signed = Signed.make(certificate, with: identityKey)
        self.opening?.phase = .writing(signed, key)
        directives.append(.openGeneration(signed, key))
    }

    /// Our own content is here again: the generation goes on from it.
    mutating func recovered(_ state: AdoptedState, at now: Moment, using random: inout some RandomNumberGenerator) {
        fetches.adopted(state.head)
        publisher.recovered(state)
        histories[identity.origin] = nil
        directives.append(.report(.recovered(state.head.body.position)))
        guard opening != nil else { return }
        opening?.phase = .asking  // A still newer head may have been seen meanwhile.
        advanceOpening(at: now, using: &random)
    }

    mutating func generationOpened(_ certificate: Verified<GenerationCertificate>, at now: Moment, using random: inout some RandomNumberGenerator) {
        guard case .writing(certificate, let key)? = opening?.phase else { return }
        opening = nil
        publisher.open(certificate, key: key)
        take(.generation(certificate), from: nil, isStored: true, at: now)
        histories[identity.origin] = HistoryWindow(generation: certificate.body.generation, tree: HistoryTree(certificateHash: certificate.hash))
        directives.append(.report(.generationOpened(certificate.body.generation, certificate.body.reason)))
        publish(at: now)
    }

    mutating func generationFailed(at now: Moment) {
        opening = nil
        directives.append(.report(.commandRefused(.busy)))
    }

    /// The key of a generation with less than a twelfth of its life left is replaced, where the identity key is at hand.
    mutating func renewGeneration(at now: Moment, using random: inout some RandomNumberGenerator) {
        guard opening == nil, publisher.halt == nil, keys.identity != nil, let notAfter = publisher.notAfter,
            now.timestamp + configuration.generationLifetime / 12 > notAfter
        else { return }
        open(for: .rotation, recovering: false, at: now, using: &random)
    }

    /// Somebody shows us a head of our own.
    mutating func sawOwnHead(_ head: Verified<Head>) {
        guard origins[identity.origin]?.isOut(head) != true else { return }
        if head.body.position > newestOwnHead?.body.position ?? HeadPosition(generation: 0, sequence: 0) { newestOwnHead = head }
        let ours = publisher.lastHead?.body.position
        if publisher.sawOwnHead(head) { directives.append(.report(.signingHalted(ours: ours, .newerHead(head.body.position)))) }
    }

    // MARK: Everybody's

    mutating func take(_ certificate: Verified<GenerationCertificate>, isStored: Bool, at now: Moment) -> MemberTable.Verdict {
        let origin = certificate.body.origin
        guard members.isKnown(origin) else { return .orphan }
        switch origins[origin, default: OriginRecord()].take(certificate) {
        case .accepted(let dropped):
            for slot in dropped.map({ [Slot.generation(origin, $0), .evidence(origin, $0)] }) ?? [] where log.bytes(in: slot) != nil {
                release(slot)
                directives.append(.discard(slot))
            }
            return .accepted
        case .known: return .known
        case .contradiction(let held):
            if let evidence = Evidence(held.signed, certificate.signed) { take(.evidence(evidence), from: nil, isStored: false, at: now) }
            return .refused
        }
    }

    /// A generation was opened: what it does not count is out.
    mutating func generationAccepted(_ certificate: Verified<GenerationCertificate>, at now: Moment) {
        let origin = certificate.body.origin
        guard origin == identity.origin else {
            settleStanding(of: origin, at: now)
            return
        }
        if let newest = newestOwnHead, origins[origin]?.isOut(newest) == true { newestOwnHead = nil }
        guard let ours = publisher.generation, certificate.body.generation > ours else { return }
        if publisher.stop(for: .newerGeneration(certificate.body.generation)) {
            directives.append(.report(.signingHalted(ours: publisher.lastHead?.body.position, .newerGeneration(certificate.body.generation))))
        }
    }

    /// Ends what is held of an origin and does not count any more. Whether what is adopted still counts.
    @discardableResult mutating func settleStanding(of origin: OriginID, at now: Moment) -> Bool {
        let isUnwanted = members.isRevoked(origin) || rules.isBlocked(origin)
        if isUnwanted {
            // Also of one of which nothing was adopted yet something may have been fetched.
            if fetches.forgetAll(origin), origins[origin]?.adopted == nil { directives.append(.forget(origin)) }
        } else if let wanted = fetches.wanted(of: origin), origins[origin]?.isOut(wanted) == true {
            fetches.forget(origin)
        }
        guard origin != identity.origin, let adopted = origins[origin]?.adopted, isUnwanted || origins[origin]?.isOut(adopted.head) == true else { return true }
        origins[origin]?.adopted = nil
        release(.head(origin))
        hot.removeAll { $0.origin == origin }
        histories[origin] = nil
        inquiries[origin] = nil
        changeLog.forget(origin)
        if isUnwanted {
            directives.append(.forget(origin))
        } else {
            fetches.setAside(origin, roots: adopted.manifest.entries.map(\.root))
            directives += [.setAside(origin), .report(.setAside(origin, adopted.head.body.position))]
        }
        return false
    }
}
