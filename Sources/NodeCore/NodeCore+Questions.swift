import Ledger
import Primitives
import WireFormat

/// Names a question of our operator to a peer, until it is answered.
public struct QuestionNumber: Hashable, Sendable {
    public let raw: UInt64
    public init(_ raw: UInt64) { self.raw = raw }
}

/// What became of a question to a peer.
public enum QuestionOutcome: Hashable, Sendable {
    case answered(AggregateAnswer)
    case refused(Refusal)
    /// There is no session with this node.
    case notConnected
    /// It runs a version that knows no questions.
    case notUnderstood
    /// Nothing came in time, or the session ended.
    case unanswered
}

/// Questions of peers that hold no replica, and ours to them (`Protocol/answers.md` §6).
extension NodeCore {
    /// Whether this operator may ask now. Counted by operator, whatever nodes and sessions it comes with.
    mutating func questionAsked(_ question: PeerQuestion, _ requestID: UInt32, on id: SessionID, at now: Moment) {
        guard let asker = sessions[id]?.origin else { return }
        guard configuration.answersQuestions else { return refuse(id, .off, requestID: requestID) }
        if questionBudgets[asker] == nil, questionBudgets.count >= Bound.askers { return refuse(id, .overBudget, requestID: requestID) }
        guard questionBudgets[asker, default: Self.questionBudget].take(at: now.instant) else { return refuse(id, .overBudget, requestID: requestID) }
        directives.append(.answerQuestion(id, requestID: requestID, question, sponsorBranches(at: now)))
    }

    /// Of everybody's chain the uppermost operator that does not stand above us too: the founder of a mesh stands above all, which makes nobody one voice with it.
    private func sponsorBranches(at now: Moment) -> SponsorBranches {
        let exempt = Set((members.chain(of: identity.origin, at: now.timestamp) ?? []).map(\.body.member))
        var branches: [OriginID: OriginID] = [:]
        for origin in members.operators {
            guard let chain = members.chain(of: origin, at: now.timestamp) else { continue }
            branches[origin] = chain.last { !exempt.contains($0.body.member) }?.body.member ?? origin
        }
        return SponsorBranches(branches)
    }

    /// Puts our operator's question to a peer.
    mutating func ask(_ node: NodeID, _ question: PeerQuestion, _ number: QuestionNumber, at now: Moment) {
        guard let session = openSessions.first(where: { sessions[$0]?.node == node && sessions[$0]?.isClosing == false }) else {
            directives.append(.questionSettled(number, .notConnected))
            return
        }
        ask(.question, question.encoded(), .question(number), on: session, at: now)
    }

    static let questionBudget = Allowance(capacity: Bound.questionsPerDay, interval: .seconds(86_400 / Int(Bound.questionsPerDay)))
}
