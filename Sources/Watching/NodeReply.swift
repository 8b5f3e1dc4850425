import Foundation
import Primitives

/// A code that the node is asked about, and whose it is.
public struct AskedCode: Hashable, Sendable {
    /// 16 hex digits.
    public let code: String
    public let lengthClass: Int?
    /// Our own session, if it is one; stays on this side.
    public let session: String?
    public let attacker: String?

    public init(code: String, lengthClass: Int?, session: String? = nil, attacker: String? = nil) {
        self.code = code
        self.lengthClass = lengthClass
        self.session = session
        self.attacker = attacker
    }
}

/// What the node has said was not what it should be.
public struct NodeReplyError: Error, Hashable, Sendable, CustomStringConvertible {
    public var description: String { "the node's answer is not one this version understands" }
}

/// Reads the node's answers (`Protocol/answers.md` §2 and §3) into findings. Our own sightings are none: a watch is for what others see.
public enum NodeReply {
    private struct Typist: Decodable {
        struct Candidate: Decodable {
            var code: String
            var distance: Int
            var origin: String
            var day: String
            var sessions: Int
            var own: Bool
            var decibans: Double?
            var words: String
        }
        struct Part: Decodable {
            var code: String
            var noise: Bool
            var candidates: [Candidate]
        }
        var sessions_asked: [Part]
    }

    private struct Domain: Decodable {
        struct Match: Decodable {
            var origin: String
            var day: String
            var reported_count: Int
            var attackers: Int
            var own: Bool
        }
        var domain: String
        var noise: Bool
        var reported_count: Int
        var own_reported_count: Int
        var attacker_days: Int
        var own_attacker_days: Int
        var matches: [Match]
    }

    /// A group for each code asked about, in their order.
    public static func groups(typist text: String, asked: [AskedCode]) throws(NodeReplyError) -> [FindingGroup] {
        guard let reply = try? JSONDecoder().decode(Typist.self, from: Data(text.utf8)), reply.sessions_asked.map(\.code) == asked.map(\.code) else {
            throw NodeReplyError()
        }
        var groups: [FindingGroup] = []
        for (part, code) in zip(reply.sessions_asked, asked) {
            var findings: [Finding] = []
            for candidate in part.candidates where !candidate.own {
                guard let day = Day(candidate.day) else { throw NodeReplyError() }
                var sighting = Alert.Sighting(operator: candidate.origin, day: candidate.day, noise: part.noise)
                (sighting.code, sighting.distance, sighting.decibans) = (candidate.code, candidate.distance, candidate.decibans)
                (sighting.words, sighting.sessions) = (candidate.words, candidate.sessions)
                if let session = code.session { (sighting.own_session, sighting.own_attacker, sighting.own_code) = (session, code.attacker, code.code) }
                let key = (code.session.map { "\($0)/\(code.code)/" } ?? "") + candidate.code
                findings.append(Finding(key: key, origin: candidate.origin, day: day, sighting: sighting))
            }
            groups.append(FindingGroup(findings))
        }
        return groups
    }

    public static func group(domain text: String) throws(NodeReplyError) -> FindingGroup {
        guard let reply = try? JSONDecoder().decode(Domain.self, from: Data(text.utf8)) else { throw NodeReplyError() }
        var findings: [Finding] = []
        for match in reply.matches where !match.own {
            guard let day = Day(match.day) else { throw NodeReplyError() }
            var sighting = Alert.Sighting(operator: match.origin, day: match.day, noise: reply.noise)
            (sighting.domain, sighting.reported_count, sighting.attackers) = (reply.domain, match.reported_count, match.attackers)
            findings.append(Finding(key: reply.domain, origin: match.origin, day: day, sighting: sighting))
        }
        let (reported, reportedOverflow) = reply.reported_count.subtractingReportingOverflow(reply.own_reported_count)
        let (attackers, attackersOverflow) = reply.attacker_days.subtractingReportingOverflow(reply.own_attacker_days)
        guard !reportedOverflow, !attackersOverflow else { throw NodeReplyError() }
        let figures = Alert.Figures(days: Set(findings.map(\.day)).count, reported_count: reported, attacker_days: attackers)
        return FindingGroup(findings, figures: figures)
    }
}
