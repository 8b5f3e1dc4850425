import Ledger
import Membership
import Primitives
import Replication
import WireFormat

/// What to do with each frame and datagram (`Protocol/replication.md` §2 to §6).
extension NodeCore {
    mutating func received(_ frame: Frame, on id: SessionID, at now: Moment, using random: inout some RandomNumberGenerator) {
        guard sessions[id]?.isClosing == false else { return }
        sessions[id]?.heard(at: now.instant)
        if let node = sessions[id]?.node { perform(detector.answered(node, at: now.instant), at: now) }
        guard let phase = sessions[id]?.phase else { return }
        if frame.knownType == .refusal { return refused(frame, on: id, at: now, using: &random) }
        switch phase {
        case .greeting(let isChecking, let early):
            guard frame.knownType == .hello, !isChecking else {
                guard isChecking else { return drop(id, for: .unexpectedFrame(frame.type)) }
                // So many while we are checking: we are the slow one. Nobody is to blame, and the other side comes again.
                guard early.count < Bound.earlyFrames else { return close(id) }
                sessions[id]?.phase = .greeting(isChecking: true, early: early + [frame])
                return
            }
            guard let hello = decode(frame, on: id, Hello.init(decoding:)) else { return }
            sessions[id]?.phase = .greeting(isChecking: true, early: [])
            check(hello.statements, for: .hello, from: id)
        case .joining(let invite):
            guard frame.knownType == .joinRequest else { return drop(id, for: .unexpectedFrame(frame.type)) }
            joinRequested(frame, on: id, invite: invite)
        case .open: receivedOnOpen(frame, on: id, at: now, using: &random)
        }
    }

    private mutating func receivedOnOpen(_ frame: Frame, on id: SessionID, at now: Moment, using random: inout some RandomNumberGenerator) {
        switch frame.knownType {
        case .ping:
            guard let ping = decode(frame, on: id, Ping.init(decoding:)) else { return }
            heard(ping, on: id, at: now)
            send(Frame(.pong, requestID: frame.requestID, isAnswer: true, body: reply(to: ping)), on: id)
        case .pong:
            guard let ping = decode(frame, on: id, Ping.init(decoding:)) else { return }
            heard(ping, on: id, at: now)
        case .statementsRequest:
            guard let request = decode(frame, on: id, StatementsRequest.init(decoding:)) else { return }
            serveStatements(request, frame.requestID, on: id)
        case .headlessRequest:
            guard let request = decode(frame, on: id, StatementsRequest.init(decoding:)) else { return }
            sessions[id]?.comparesLogs = true
            serveStatements(request, frame.requestID, on: id, leavingOutHeads: true)
        case .statements:
            guard let request = takeRequest(frame, on: id), let answer = decode(frame, on: id, StatementsAnswer.init(decoding:)) else { return }
            if case .headless = request.kind { pulledHeadless(answer, on: id) } else { pulled(answer, on: id, at: now, using: &random) }
        case .comparison:
            guard let request = decode(frame, on: id, StatementsComparison.init(decoding:)) else { return }
            serveDifference(request, frame.requestID, on: id, at: now)
        case .difference:
            guard let request = takeRequest(frame, on: id), case .comparison(let asked) = request.kind,
                let answer = decode(frame, on: id, StatementsDifference.init(decoding:))
            else { return }
            compared(answer, asked, on: id)
        case .manifestRequest, .bucketRequest:
            guard let request = decode(frame, on: id, ContentRequest.init(decoding:)) else { return }
            directives.append(
                frame.knownType == .manifestRequest
                    ? .serveManifest(id, requestID: frame.requestID, request) : .serveBucket(id, requestID: frame.requestID, request))
        case .changesRequest:
            guard let request = decode(frame, on: id, ChangesRequest.init(decoding:)) else { return }
            sessions[id]?.takesChanges = true
            guard let changes = changeLog.changes(request) else { return refuse(id, .notHeld, requestID: frame.requestID) }
            send(Frame(.changes, requestID: frame.requestID, isAnswer: true, body: ChangesAnswer(changes).encoded()), on: id)
        case .changes:
            guard let request = takeRequest(frame, on: id), case .changes(let fetch, let since) = request.kind,
                let answer = decode(frame, on: id, ChangesAnswer.init(decoding:))
            else { return }
            sessions[id]?.takesChanges = true
            directives.append(.checkChanges(fetch, since: since, answer.changes))
        case .manifest:
            guard let request = takeRequest(frame, on: id), case .manifest(let fetch) = request.kind else { return }
            directives.append(.checkManifest(fetch, frame.body))
        case .bucket:
            guard let request = takeRequest(frame, on: id), case .bucket(let fetch, let entry, let descriptor) = request.kind else { return }
            directives.append(.checkBucket(fetch, entry, descriptor, frame.body))
        case .historyRequest:
            guard let request = decode(frame, on: id, HistoryRequest.init(decoding:)) else { return }
            serveHistory(request, frame.requestID, on: id)
        case .history:
            guard let request = takeRequest(frame, on: id), case .history(let question) = request.kind else { return }
            guard let link = decode(frame, on: id, HistoryLink.init(decoding:)) else { return historyRefused(question, at: now, using: &random) }
            historyShown(link, for: question, on: id, at: now, using: &random)
        case .question:
            guard let question = decode(frame, on: id, PeerQuestion.init(decoding:)) else { return }
            questionAsked(question, frame.requestID, on: id, at: now)
        case .aggregateAnswer:
            guard let request = takeRequest(frame, on: id), case .question(let number) = request.kind else { return }
            guard let answer = decode(frame, on: id, AggregateAnswer.init(decoding:)) else {
                directives.append(.questionSettled(number, .unanswered))
                return
            }
            directives.append(.questionSettled(number, .answered(answer)))
        case .evidence:
            guard mayCheckMore(from: id) else { return }  // The cursor brings it.
            check([frame.body], for: .push, from: id)
        case .farewell:
            guard mayCheckMore(from: id) else { return }
            sessions[id]?.isDismissed = true
            check([frame.body], for: .push, from: id)
        case .hello, .joinRequest, .joinAnswer: drop(id, for: .unexpectedFrame(frame.type))
        case .unknown:
            switch takeRequest(frame, on: id)?.kind {
            case .history(let question): historyRefused(question, at: now, using: &random)
            case .changes(let fetch, _): perform(fetches.changesRefused(fetch, isUnknown: true), at: now)
            case .question(let number): directives.append(.questionSettled(number, .notUnderstood))
            case .comparison: comparisonRefused(on: id, at: now)
            case .headless: sessions[id]?.isAskingHeadless = false
            // The first version knew these.
            case .statements, .manifest, .bucket: drop(id, for: .unexpectedFrame(frame.type))
            case nil: break
            }
        case .datagramOffer, .refusal: break  // The transport's own, or handled already.
        case nil: send(Frame(.unknown, requestID: frame.requestID, isAnswer: true, body: []), on: id)
        }
    }

    /// An answer without its question, or after its time, is ignored: it may just be late. One that answers another question than was asked ends the session,
    /// and with it what waits for the answer.
    private mutating func takeRequest(_ frame: Frame, on id: SessionID) -> Request? {
        let key = RequestKey(session: id, id: frame.requestID)
        guard frame.isAnswer, let request = requests[key] else { return nil }
        guard frame.knownType == request.kind.answerType || frame.knownType == .unknown || frame.knownType == .refusal else {
            drop(id, for: .unexpectedFrame(frame.type))
            return nil
        }
        requests[key] = nil
        return request
    }

    private mutating func refused(_ frame: Frame, on id: SessionID, at now: Moment, using random: inout some RandomNumberGenerator) {
        guard let refusal = decode(frame, on: id, Refusal.init(decoding:)) else { return }
        guard let request = takeRequest(frame, on: id) else {
            if let node = sessions[id].flatMap({ node(behind: $0) }) {
                switch refusal {
                case .busy where !frame.isAnswer:
                    sessions[id]?.isDismissed = true
                    return
                case .clockSkew: downReasons[node] = .clockSkew
                case .notAMember, .revoked: downReasons[node] = .notAMember
                default: break
                }
            }
            directives.append(.report(.refusedByPeer(id, refusal)))
            return
        }
        switch request.kind {
        case .changes(let fetch, _):
            sessions[id]?.takesChanges = true
            perform(fetches.changesRefused(fetch), at: now)
        case .manifest(let fetch):
            fetches.failed(fetch)
            beginFetches(at: now, using: &random)
        case .bucket(let fetch, let entry, _):
            fetches.bucketFailed(fetch, entry)
            beginFetches(at: now, using: &random)
        case .statements: sessions[id]?.isPulling = false
        case .comparison: comparisonRefused(on: id, at: now)
        case .headless: sessions[id]?.isAskingHeadless = false
        case .history(let question): historyRefused(question, at: now, using: &random)
        case .question(let number): directives.append(.questionSettled(number, .refused(refusal)))
        }
    }

    mutating func received(datagram bytes: [UInt8], on id: SessionID, at now: Moment, using random: inout some RandomNumberGenerator) {
        guard let node = sessions[id]?.node, sessions[id]?.isClosing == false else { return }
        // Datagrams are sealed: malformed ones are the other side's own, not somebody's between.
        let message: DatagramMessage
        do throws(WireError) { message = try DatagramMessage(decoding: bytes) } catch {
            // An unknown type is of a later version of the protocol: not for us.
            if error != .invalid(.datagramType) { drop(id, for: .malformed(error)) }
            return
        }
        sessions[id]?.heard(at: now.instant)
        perform(detector.heard(node, at: now.instant), at: now)
        switch message {
        case .ping(let ping):
            heard(ping, on: id, at: now)
            directives.append(.sendDatagram(DatagramMessage.ack(Ping(number: ping.number, logID: log.id, upTo: log.upTo)).encoded(), id))
        case .ack(let ping):
            heard(ping, on: id, at: now)
            perform(detector.acknowledged(ping.number, by: node, at: now.instant), at: now)
        case .headWithChange(let news):
            guard mayCheckMore(from: id) else { return }
            sessions[id]?.takesChanges = true
            // As many as there are checks: those of heads that were not worth one are swept out with the rest.
            if sessions[id].map({ $0.pushed.count >= Bound.batchesPerSession }) ?? true { sessions[id]?.pushed = [:] }
            sessions[id]?.pushed[news.head] = PushedChange(base: news.base, bytes: news.change)
            check([news.head], for: .push, from: id)
        case .heads(let heads):
            guard mayCheckMore(from: id) else { return }  // The cursor brings them.
            check(heads, for: .push, from: id)
        case .probeRequest(let request): probeRequested(request, on: id, at: now)
        case .challenge(let challenge): challenged(challenge, on: id, at: now)
        case .voucher(let voucher): received(voucher, on: id, at: now)
        case .noVoucher(let number):
            perform(detector.notVouched(number, by: node, at: now.instant, surroundings(at: now), using: &random), at: now)
        case .suspicion(let suspicion): hinted(suspicion, on: id, at: now, using: &random)
        case .announcement(let names): announced(names, on: id, at: now)
        case .wanted(let names): serveHeads(names, on: id, at: now)
        }
    }

    private func reply(to ping: Ping) -> [UInt8] { Ping(number: ping.number, logID: log.id, upTo: log.upTo).encoded() }

    /// The other side has told how far its log goes: ask, if that is further than we have read.
    private mutating func heard(_ ping: Ping, on id: SessionID, at now: Moment) {
        sessions[id]?.hint = Cursor(logID: ping.logID, after: ping.upTo)
        guard let cursor = sessions[id]?.cursor else { return }
        guard cursor.logID != ping.logID || cursor.after < ping.upTo else {
            sessions[id]?.lastPull = now.instant  // As if it had been asked, and had had nothing.
            return
        }
        if let session = sessions[id] { followHint(of: session, at: now) }
    }

    private func mayCheckMore(from id: SessionID) -> Bool { sessions[id].map { $0.batchesUnderCheck < Bound.batchesPerSession } ?? false }

    mutating func decode<Message>(_ frame: Frame, on id: SessionID, _ decoder: ([UInt8]) throws(WireError) -> Message) -> Message? {
        do throws(WireError) {
            return try decoder(frame.body)
        } catch {
            drop(id, for: .malformed(error))
            return nil
        }
    }
}
