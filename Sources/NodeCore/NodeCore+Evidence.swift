import Ledger
import Membership
import Primitives
import Replication
import WireFormat

/// A question under way: does the newest head adopted follow the one that was adopted before?
struct HistoryInquiry: Sendable {
    /// `nil` if nothing of this generation is known yet: then only the later head's own history is asked for.
    var earlier: Verified<Head>?
    var later: Verified<Head>
    /// Neighbours asked in vain.
    var attempts = 0
    var isAsked = false

    var request: HistoryRequest {
        HistoryRequest(
            origin: later.body.origin, generation: later.body.position.generation, start: (earlier ?? later).body.position.sequence,
            end: later.body.position.sequence, endRoot: later.body.historyRoot)
    }
}

/// Histories and evidence: whether an operator tells everybody the same (`Protocol/replication.md` §8).
extension NodeCore {
    // MARK: Following histories

    /// Sees whether a head that was adopted follows the one before; if that cannot be seen from here, asks.
    mutating func follow(_ head: Verified<Head>, after earlier: Verified<Head>?, at now: Moment, using random: inout some RandomNumberGenerator) {
        let (origin, position) = (head.body.origin, head.body.position)
        if histories[origin]?.generation != position.generation { histories[origin] = nil }
        if histories[origin] == nil, beginHistory(with: head) {
            inquiries[origin] = nil
            return
        }
        if let window = histories[origin], window.leafCount == position.sequence, window.root(before: position.sequence) == head.body.historyRoot {
            histories[origin]?.append(head.hash)
            inquiries[origin] = nil
            return
        }
        var inquiry = inquiries[origin] ?? HistoryInquiry(earlier: earlier, later: head)
        inquiry.later = head
        // Of another generation, or too far back to be shown: begin anew with this head.
        if let start = inquiry.earlier?.body.position,
            start.generation != position.generation || position.sequence &- start.sequence > UInt64(Evidence.leafLimit)
        {
            inquiry.earlier = nil
        }
        inquiries[origin] = inquiry
        askForHistory(of: origin, at: now, using: &random)
    }

    /// The history of a generation's first head is known by itself: its certificate, and then that head. Whether it is one, and says so too.
    @discardableResult mutating func beginHistory(with head: Verified<Head>) -> Bool {
        let (origin, position) = (head.body.origin, head.body.position)
        guard position.sequence == 1, let certificate = origins[origin]?.certificate(ofGeneration: position.generation) else { return false }
        var window = HistoryWindow(generation: position.generation, tree: HistoryTree(certificateHash: certificate.hash))
        guard window.root(before: 1) == head.body.historyRoot else { return false }
        window.append(head.hash)
        histories[origin] = window
        return true
    }

    private mutating func askForHistory(of origin: OriginID, at now: Moment, using random: inout some RandomNumberGenerator) {
        guard let inquiry = inquiries[origin], !inquiry.isAsked else { return }
        let open = openSessions.filter { sessions[$0]?.isClosing == false }
        guard inquiry.attempts < Bound.historyAttempts, let session = open.pick(using: &random) else {
            // Nobody can show it. The next head begins anew; what was told in between stays unlinked.
            inquiries[origin] = nil
            histories[origin] = nil
            return
        }
        inquiries[origin]?.isAsked = true
        inquiries[origin]?.attempts += 1
        ask(.historyRequest, inquiry.request.encoded(), .history(inquiry.request), on: session, at: now)
    }

    mutating func historyRefused(_ request: HistoryRequest, at now: Moment, using random: inout some RandomNumberGenerator) {
        inquiries[request.origin]?.isAsked = false
        askForHistory(of: request.origin, at: now, using: &random)
    }

    mutating func historyShown(
        _ link: HistoryLink, for request: HistoryRequest, on id: SessionID, at now: Moment, using random: inout some RandomNumberGenerator
    ) {
        guard link.start == request.start, link.end == request.end, link.endRoot == request.endRoot else {
            historyRefused(request, at: now, using: &random)
            return drop(id, for: .wrongContent)
        }
        guard let inquiry = inquiries[request.origin] else { return }
        inquiries[request.origin]?.isAsked = false
        guard inquiry.request == request else {  // A newer head has been adopted meanwhile.
            inquiries[request.origin]?.attempts = 0
            return askForHistory(of: request.origin, at: now, using: &random)
        }
        inquiries[request.origin] = nil
        if let earlier = inquiry.earlier, let certificate = origins[request.origin]?.certificate(ofGeneration: request.generation),
            let evidence = Evidence(earlier: earlier.signed, later: inquiry.later.signed, link: link, under: certificate.signed)
        {
            return take(.evidence(evidence), from: nil, isStored: false, at: now)
        }
        histories[request.origin] = HistoryWindow(link, then: inquiry.later.hash, generation: request.generation)
    }

    func serveHistory(_ request: HistoryRequest) -> HistoryLink? {
        guard let window = histories[request.origin], window.generation == request.generation else { return nil }
        return window.link(from: request.start, to: request.end).flatMap { $0.endRoot == request.endRoot ? $0 : nil }
    }

    mutating func serveHistory(_ request: HistoryRequest, _ requestID: UInt32, on id: SessionID) {
        guard let link = serveHistory(request) else { return refuse(id, .notHeld, requestID: requestID) }
        send(Frame(.history, requestID: requestID, isAnswer: true, body: link.encoded()), on: id)
    }

    // MARK: Finding contradictions

    /// Whether the history that has been followed says another head was in this one's place: then it is worth checking, old as it is.
    func isDenied(_ head: Signed<Head>) -> Bool {
        guard let window = histories[head.body.origin], window.generation == head.body.position.generation else { return false }
        return window.leaf(head.body.position.sequence).map { $0 != head.hash } ?? false
    }

    /// A head that is not news: if it cannot stand beside the one adopted, that is evidence.
    mutating func contradicted(by head: Verified<Head>, at now: Moment) {
        guard let adopted = origins[head.body.origin]?.adopted?.head, adopted.body.position.generation == head.body.position.generation else { return }
        if adopted.body.position == head.body.position { return accuse(adopted, head, at: now) }
        guard isDenied(head.signed), head.body.position < adopted.body.position,
            let link = histories[head.body.origin]?.link(from: head.body.position.sequence, to: adopted.body.position.sequence),
            let certificate = origins[head.body.origin]?.certificate(ofGeneration: head.body.position.generation),
            let evidence = Evidence(earlier: head.signed, later: adopted.signed, link: link, under: certificate.signed)
        else { return }
        take(.evidence(evidence), from: nil, isStored: false, at: now)
    }

    /// Two heads at one position.
    mutating func accuse(_ one: Verified<Head>, _ other: Verified<Head>, at now: Moment) {
        guard let certificate = origins[one.body.origin]?.certificate(ofGeneration: one.body.position.generation),
            let evidence = Evidence(one.signed, other.signed, under: certificate.signed)
        else { return }
        take(.evidence(evidence), from: nil, isStored: false, at: now)
    }

    // MARK: Evidence

    mutating func take(_ evidence: Evidence, at now: Moment) -> MemberTable.Verdict {
        guard members.isKnown(evidence.origin) else { return .orphan }
        guard log.bytes(in: .evidence(evidence.origin, evidence.generation)) == nil else { return .known }  // One is enough; the first stays.
        // Its certificate like any other, so that there is at most one piece for each generation that is kept.
        if origins[evidence.origin]?.certificate(ofGeneration: evidence.generation) == nil {
            take(.generation(evidence.certificate), from: nil, isStored: false, at: now)
        }
        return origins[evidence.origin, default: OriginRecord()].quarantine(evidence.generation) ? .accepted : .refused
    }

    /// Evidence was accepted: nothing of that generation counts, and everybody is to know, before anything else.
    mutating func quarantined(by evidence: Evidence, from id: SessionID?, at now: Moment) {
        directives.append(.report(.equivocation(evidence.origin, generation: evidence.generation)))
        for session in openSessions where session != id { send(Frame(.evidence, body: evidence.bytes), on: session) }
        if evidence.origin == identity.origin {
            if evidence.generation == publisher.generation, publisher.stop(for: .equivocation) {
                directives.append(.report(.signingHalted(ours: publisher.lastHead?.body.position, .equivocation)))
            }
        } else {
            settleStanding(of: evidence.origin, at: now)
        }
    }
}

extension HistoryWindow {
    /// Our own history after a publication.
    init(following publication: Publication, after window: HistoryWindow?) {
        let position = publication.head.body.position
        if var next = window, next.generation == position.generation, next.leafCount == position.sequence {
            next.append(publication.head.hash)
            self = next
        } else {
            self.init(generation: position.generation, tree: publication.history)
        }
    }
}
