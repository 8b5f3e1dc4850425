import Foundation
import NodeCore
import Primitives
import Similarity
import WireFormat

/// Questions to peers, from the command line to the wire and back.
enum PeerQuestions {
    static func ask(_ request: PeerRequest, _ node: Node) async -> ControlAnswer {
        guard let peer = NodeID(hex: request.node) else { return .failure(error: "a node is named by 64 hex digits", hint: "hearsay peers --json shows them") }
        guard let question = question(request) else {
            return .failure(
                error: "the question names neither a code of 16 hex digits, not all zeros, nor a domain", hint: "hearsay ask domain example.com --peer NODE")
        }
        switch await node.ask(peer, question) {
        case .answered(let answer): return .document(PeerAnswerDocument.text(answer, peer: peer))
        case .refused(let refusal): return failure(refusal)
        case .notConnected:
            return .failure(
                error: "there is no session with node \(peer.short), and none is made for a question", hint: "hearsay peers shows with whom there is one")
        case .notUnderstood: return .failure(error: "node \(peer.short) runs a version that answers no questions", hint: nil)
        case .unanswered: return .failure(error: "node \(peer.short) did not answer in time", hint: nil)
        }
    }

    private static func failure(_ refusal: Refusal) -> ControlAnswer {
        switch refusal {
        case .off: .failure(error: "refused: off; its operator answers no questions", hint: nil)
        case .overBudget: .failure(error: "refused: over budget; that peer answers you no more questions for now", hint: "wait a quarter of an hour for each")
        default: .failure(error: "refused: busy", hint: "ask again in a moment")
        }
    }

    private static func question(_ request: PeerRequest) -> PeerQuestion? {
        if let domain = request.domain { return PeerQuestion(stream: .smtpTarget1, key: Array(domain.utf8)) }
        guard let code = request.code.flatMap({ Hex.decode($0) }), let version = UInt16(exactly: request.schemaVersion) else { return nil }
        return PeerQuestion(stream: StreamID(kind: StreamID.sessionSimHash1.kind, schemaVersion: version), key: code)
    }
}

/// A peer's answer as JSON: the steps of its scales, and nothing else, for there is nothing else.
public struct PeerAnswerDocument: Codable, Hashable, Sendable {
    public var peer: String
    /// Whether enough operators have seen it; `false` is also the answer to what some have seen.
    public var seen: Bool
    /// `3-4`, `5-9`, `10-19` or `20+`.
    public var operators: String?
    /// Sessions, or attacker-days: as `10-99`.
    public var count: String?
    public var within_days: Int?
    /// Of codes: `6`, `10` or `16`.
    public var within_bits: Int?

    static func text(_ answer: AggregateAnswer, peer: NodeID) -> String {
        var document = PeerAnswerDocument(peer: "\(peer)", seen: answer.seen != nil)
        if let seen = answer.seen {
            document.operators =
                switch seen.operators {
                case .from3: "3-4"
                case .from5: "5-9"
                case .from10: "10-19"
                case .from20: "20+"
                }
            document.count =
                "1" + String(repeating: "0", count: Int(seen.digits) - 1) + (seen.digits == 9 ? "+" : "-" + String(repeating: "9", count: Int(seen.digits)))
            document.within_days =
                switch seen.recency {
                case .within7Days: 7
                case .within30Days: 30
                case .within90Days: 90
                }
            document.within_bits = seen.nearness.map {
                switch $0 {
                case .within6Bits: 6
                case .within10Bits: 10
                case .within16Bits: 16
                }
            }
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard let data = try? encoder.encode(document) else { preconditionFailure("an answer is always encodable") }
        return String(decoding: data, as: UTF8.self)
    }
}

extension SightingIndex {
    /// What may be said to a peer. Looks at the 1,000 nearest records within 16 bits, or the newest of a domain.
    func aggregate(_ question: PeerQuestion, branches: SponsorBranches, today: Day) -> AggregateAnswer {
        guard isSearchable(question.stream) else { return .none }
        let found: [FoundSighting]
        if question.stream == .smtpTarget1 {
            guard let domain = DomainName(question.key) else { return .none }
            found = ask(domain).matches.map { FoundSighting(origin: $0.origin, day: $0.day, count: UInt64($0.attackers), distance: nil) }
        } else {
            let code = question.key.reduce(0) { $0 << 8 | UInt64($1) }
            found = ask([code], in: question.stream, .within(16), background: .none).matches.map {
                FoundSighting(origin: $0.origin, day: $0.day, count: UInt64($0.sessions), distance: $0.distance)
            }
        }
        return AggregateAnswer(found, branches: branches, today: today)
    }
}
