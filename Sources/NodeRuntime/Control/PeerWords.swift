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
