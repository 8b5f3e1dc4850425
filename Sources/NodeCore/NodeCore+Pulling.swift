import Ledger
import Primitives
import Replication
import WireFormat

/// Asking neighbours for what they have accepted, and answering them (`Protocol/replication.md` §3).
extension NodeCore {
    /// Asks for what the neighbour has accepted since we asked last.
    mutating func pull(on id: SessionID, at now: Moment) {
        guard let session = sessions[id], session.isOpen, !session.isPulling else { return }
        sessions[id]?.isPulling = true
        sessions[id]?.lastPull = now.instant
        if session.isComparing, log.count >= Bound.comparedStatements, sessions[id]?.comparisonsAsked.take(at: now.instant) == true {
            return compare(on: session, at: now)
        }
        ask(.statementsRequest, StatementsRequest(logID: session.cursor.logID, after: session.cursor.after).encoded(), .statements, on: id, at: now)
    }

    /// The neighbour's log goes further than we have read.
    ///
    /// Little is asked for as it is. Where there are many heads, each neighbour tells of all of them over again: then only other statements are asked for, and
    /// once in a while, of one neighbour, everything that is not here.
    mutating func followHint(of session: Session, at now: Moment) {
        guard !session.isPulling else { return }
        let isBusy = isBusy(at: now)
        let isNear = session.hint.map { $0.logID == session.cursor.logID && $0.after <= session.cursor.after &+ Bound.numbersBehind } ?? true
        guard session.comparesLogs, isBusy, !isNear, !session.isComparing, now.instant < nextComparison else {
            if isBusy, session.comparesLogs, !isNear { nextComparison = now.instant + configuration.pullInterval }
            // Where there are many heads it is worth finding out who can be told of them by name.
            if session.comparesLogs ? !isNear : isBusy && !session.hasCompared { sessions[session.id]?.isComparing = true }
            return pull(on: session.id, at: now)
        }
        sessions[session.id]?.lastPull = now.instant
        let isFurther = session.headlessCursor.logID == session.cursor.logID && session.headlessCursor.after > session.cursor.after
        let cursor = isFurther ? session.headlessCursor : session.cursor
        // One answer at a time, until it has been checked: however often a neighbour says that there is more, no more of it is under way.
        let isBehind = session.hint.map { $0.logID != cursor.logID || $0.after > cursor.after } ?? true
        guard !session.isAskingHeadless, session.batchesUnderCheck == 0, isBehind else { return }
        sessions[session.id]?.isAskingHeadless = true
        ask(.headlessRequest, StatementsRequest(logID: cursor.logID, after: cursor.after).encoded(), .headless, on: session.id, at: now)
    }

    /// Asks for what the neighbour has accepted since we asked last, and we do not hold (`Protocol/replication.md` §3.4).
    private mutating func compare(on session: Session, at now: Moment) {
        let finest = session.comparesLogs ? Limits.comparisonBits : Limits.firstComparisonBits
        var bits = 0
        while bits < finest, log.count > Bound.statementsPerPart << bits { bits += 1 }
        var ownHead: (HeadPosition, Int)?
        if let own = publisher.lastHead, log.bytes(in: .head(identity.origin)) == own.bytes {
            ownHead = (own.body.position, StatementParts.part(of: own.hash, bits: bits))
        }
        let question = StatementsComparison(logID: session.cursor.logID, after: session.cursor.after, digests: log.digests(bits: bits))
        sessions[session.id]?.hasCompared = true
        ask(.comparison, question.encoded(), .comparison(ComparisonAsked(partCount: 1 << bits, ownHead: ownHead)), on: session.id, at: now)
    }

    mutating func ask(_ type: FrameType, _ body: [UInt8], _ kind: Request.Kind, on id: SessionID, at now: Moment) {
        guard let number = sessions[id]?.nextRequest else { return }
        sessions[id]?.nextRequest = number == .max ? 1 : number + 1
        requests[RequestKey(session: id, id: number)] = Request(kind: kind, askedAt: now.instant)
        send(Frame(type, requestID: number, body: body), on: id)
    }

    mutating func serveStatements(_ request: StatementsRequest, _ requestID: UInt32, on id: SessionID, leavingOutHeads: Bool = false) {
        let after = request.logID == log.id ? request.after : 0
        let answer = log.statements(
            after: after, limit: Limits.statementsPerAnswer, byteLimit: FrameType.statements.maximumBodyByteCount - StatementsAnswer.overhead,
            overhead: StatementsAnswer.statementOverhead
        ) { slot in if leavingOutHeads, case .head = slot { false } else { true } }
        let body = StatementsAnswer(logID: log.id, upTo: answer.upTo, hasMore: answer.hasMore, statements: answer.statements).encoded()
        send(Frame(.statements, requestID: requestID, isAnswer: true, body: body), on: id)
    }

    mutating func serveDifference(_ request: StatementsComparison, _ requestID: UInt32, on id: SessionID, at now: Moment) {
        sessions[id]?.comparesLogs = true
        var isEqual = [Bool](repeating: false, count: request.digests.count)
        // Hashing costs us up to 8 ms in a mesh of 10,000 operators: whoever asks too often is told what it may hold already.
        if sessions[id]?.comparisons.take(at: now.instant) == true {
            let own = log.digests(bits: request.digests.count.trailingZeroBitCount)
            for part in isEqual.indices { isEqual[part] = own[part] == request.digests[part] }
        }
        let after = request.logID == log.id ? request.after : 0
        let answer = log.statements(
            after: after, outside: isEqual, limit: Limits.statementsPerAnswer,
            byteLimit: FrameType.difference.maximumBodyByteCount - StatementsDifference.overhead, overhead: StatementsAnswer.statementOverhead)
        let body = StatementsDifference(
            logID: log.id, upTo: answer.upTo, hasMore: answer.hasMore, isEqual: isEqual, statements: answer.statements
        ).encoded()
        send(Frame(.difference, requestID: requestID, isAnswer: true, body: body), on: id)
    }

    mutating func compared(_ answer: StatementsDifference, _ asked: ComparisonAsked, on id: SessionID) {
        guard answer.isEqual.count == asked.partCount else { return drop(id, for: .malformed(.invalid(.count))) }
        sessions[id]?.comparesLogs = true
        if let own = asked.ownHead, answer.isEqual[own.part] { confirmed(own.position, by: id) }
        check(answer.statements, for: .pull(logID: answer.logID, upTo: answer.upTo, hasMore: answer.hasMore && !answer.statements.isEmpty), from: id)
    }

    /// The neighbour does not compare logs: it is asked for all that it has accepted since.
    mutating func comparisonRefused(on id: SessionID, at now: Moment) {
        sessions[id]?.isComparing = false
        sessions[id]?.isPulling = false
        pull(on: id, at: now)
    }

    mutating func pulled(_ answer: StatementsAnswer, on id: SessionID, at now: Moment, using random: inout some RandomNumberGenerator) {
        check(answer.statements, for: .pull(logID: answer.logID, upTo: answer.upTo, hasMore: answer.hasMore && !answer.statements.isEmpty), from: id)
    }

    mutating func pulledHeadless(_ answer: StatementsAnswer, on id: SessionID) {
        sessions[id]?.isAskingHeadless = false
        sessions[id]?.headlessCursor = Cursor(logID: answer.logID, after: answer.upTo)
        guard !answer.statements.isEmpty else { return }
        check(answer.statements, for: .push, from: id)
    }

    mutating func pullSettled(_ cursor: Cursor, hasMore: Bool, on id: SessionID, at now: Moment) {
        guard let session = sessions[id] else { return }
        sessions[id]?.cursor = cursor
        sessions[id]?.isPulling = false
        if !hasMore { sessions[id]?.isComparing = false }
        // What could not wait is not here: the other side is asked for it again, now that more of what it rests on is.
        if !hasMore, session.hasBroughtTooMuch {
            sessions[id]?.hasBroughtTooMuch = false
            if sessions[id]?.repetitions.take(at: now.instant) == true {
                sessions[id]?.cursor = Cursor()
                sessions[id]?.isComparing = true
                return pull(on: id, at: now)
            }
        }
        let isBehindHint = session.hint.map { $0.logID == cursor.logID && $0.after > cursor.after } ?? false
        if hasMore || isBehindHint { pull(on: id, at: now) }
    }
}
