import Membership
import NodeCore

/// What is said of other nodes, for people and for `--json`.
enum PeerWords {
    static func word(for state: FailureDetector.State) -> String {
        switch state {
        case .unseen: "unseen"
        case .alive: "alive"
        case .suspect: "suspect"
        case .dead: "dead"
        case .left: "left"
        }
    }

    static func word(for rule: PeerRule?) -> String? {
        switch rule {
        case .pinned: "pinned"
        case .blocked: "blocked"
        case nil: nil
        }
    }

    /// `nil` for a word that means nothing; none at all means that a rule ends.
    static func rule(_ word: String?) -> PeerRule?? {
        guard let word else { return .some(nil) }
        return PeerRule.allCases.first { self.word(for: $0) == word }.map { .some($0) }
    }

    static func words(for reason: NodeStatus.HeldBack) -> String {
        switch reason {
        case .blocked: "blocked"
        case .overQuota: "over quota"
        case .early: "ahead of time"
        }
    }

    static func words(for reason: DownReason) -> String {
        switch reason {
        case .refused: "refused"
        case .timedOut: "timeout"
        case .unreachable: "no route"
        case .wrongKey: "another key"
        case .sessionLost: "session lost"
        case .silent: "silent"
        case .clockSkew: "clock skew"
        case .notAMember: "not a member"
        case .misbehaved: "broke the protocol"
        case .noRoom: "no room here"
        }
    }
}
