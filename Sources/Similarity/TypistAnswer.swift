import Ledger
import Primitives

/// One record that is near, with what its nearness says.
public struct TypistCandidate: Hashable, Sendable {
    public let match: SimHashMatch
    /// Of the shorter of the two sessions; `nil` where the stream has no classes.
    public let lengthClass: UInt8?
    /// `nil` where nothing is known that could be said, and for our own sighting of the very code.
    public let evidence: WeightOfEvidence?
    /// Records as near or nearer, this one among them: the background it must stand out from.
    public let asNear: Int

    /// Our own sighting of the very code: the session asked about, most likely, and no evidence of anything.
    public var isItself: Bool { match.isOwn && match.distance == 0 }
}

/// A record held against all sessions that were asked about.
public struct CombinedCandidate: Hashable, Sendable {
    public let code: UInt64
    public let origin: OriginID
    public let day: Day
    public let isOwn: Bool
    public let sessions: UInt16
    public let strength: UInt8
    /// From each session asked about, in their order.
    public let distances: [UInt16]
    public let evidence: WeightOfEvidence
}

/// What the replica knows about a typist, with its worth (`Protocol/answers.md` §2 and §4).
public struct TypistAnswer: Sendable {
    /// The answer for one session asked about.
    public struct Part: Hashable, Sendable {
        public let session: TypistQuestion.Session
        /// Figures within the radius, without freshness.
        public let near: SimHashAnswer
        public let candidates: [TypistCandidate]
        /// Seen by more than the set share of all operators.
        public let isNoise: Bool
    }

    public let question: TypistQuestion
    /// Records held against: the default prior is one in so many.
    public let searched: Int
    public let parts: [Part]
    /// Every candidate of any part, best first; empty for one session alone, or where nothing can be said.
    public let combined: [CombinedCandidate]
    public let freshness: [Freshness]
    public let confidence: ConfidenceTable?
}

extension SightingIndex {
    /// The most combined candidates an answer names.
    static let combinedLimit = 20

    /// Who has seen a typist, from one session or several. Exact. Reads only memory.
    public func ask(_ question: TypistQuestion, kernel: HammingKernel = .best) -> TypistAnswer {
        let habits = StreamHabits.of(question.stream)
        let index = question.candidates.isEverybody ? self : narrowed(to: question.candidates)
        let searched = index.count(of: question.stream)
        let parts = index.parts(question, habits, kernel)
        let operators = freshnessOfOrigins.count
        let judged = parts.map { part in
            TypistAnswer.Part(
                session: part.session, near: part.near, candidates: part.candidates,
                isNoise: Commonness.isNoise(seenBy: part.near.operators + (part.near.seenByOwn ? 1 : 0), of: operators, perMille: question.noisePerMille))
        }
        return TypistAnswer(
            question: question, searched: searched, parts: judged, combined: Self.combine(judged, question, habits), freshness: freshnessOfOrigins,
            confidence: habits.confidence)
    }

    /// All sessions at once: the index answers many codes faster together.
    private func parts(_ question: TypistQuestion, _ habits: StreamHabits, _ kernel: HammingKernel) -> [TypistAnswer.Part] {
        let codes = question.sessions.map { [$0.code] }
        switch question.selection {
        case .within(let radius)?:
            let near = ask(codes, in: question.stream, .within(radius), kernel: kernel)
            return zip(question.sessions, near).map { part($0, near: $1, shown: $1.matches, habits) }
        case let nearest:
            var wanted = habits.nearest
            if case .nearest(let count)? = nearest { wanted = count }
            let near = ask(codes, in: question.stream, .within(habits.radius), kernel: kernel)
            let all = ask(codes, in: question.stream, .nearest(wanted), background: .none, kernel: kernel)
            return question.sessions.indices.map { place in
                // A number that was asked for is given, however far the candidates are.
                let shown = nearest == nil ? all[place].matches.filter { $0.distance <= habits.cut ?? .max } : all[place].matches
                return part(question.sessions[place], near: near[place], shown: shown, habits)
            }
        }
    }

    private func part(_ session: TypistQuestion.Session, near: SimHashAnswer, shown: [SimHashMatch], _ habits: StreamHabits) -> TypistAnswer.Part {
        var background: [Int] = []
        for count in near.histogram { background.append((background.last ?? 0) + count) }
        let candidates = shown.map { match in
            let lengthClass = habits.confidence.map { _ in min(session.lengthClass ?? 0, match.strength, SessionSimHashSighting.greatestLengthClass) }
            return TypistCandidate(
                match: match, lengthClass: lengthClass,
                evidence: habits.confidence.flatMap { table in
                    match.isOwn && match.distance == 0 ? nil : lengthClass.map { table.evidence(at: match.distance, lengthClass: $0) }
                },
                asNear: background[Int(match.distance)])
        }
        return TypistAnswer.Part(session: session, near: near, candidates: candidates, isNoise: false)
    }

    /// Holds every candidate of any session against all of them.
    private static func combine(_ parts: [TypistAnswer.Part], _ question: TypistQuestion, _ habits: StreamHabits) -> [CombinedCandidate] {
        guard parts.count > 1, let table = habits.confidence else { return [] }
        struct Place: Hashable {
            let origin: OriginID
            let day: Day
            let code: [UInt64]
        }
        var taken: Set<Place> = []
        var combined: [CombinedCandidate] = []
        for part in parts {
            for candidate in part.candidates {
                let match = candidate.match
                guard let code = match.code.first, !(match.isOwn && question.sessions.contains { $0.code == code }) else { continue }
                guard taken.insert(Place(origin: match.origin, day: match.day, code: match.code)).inserted else { continue }
                let distances = question.sessions.map { UInt16(($0.code ^ code).nonzeroBitCount) }
                let evidence = zip(question.sessions, distances).map { session, distance in
                    table.evidence(at: distance, lengthClass: min(session.lengthClass ?? 0, match.strength))
                }
                combined.append(
                    CombinedCandidate(
                        code: code, origin: match.origin, day: match.day, isOwn: match.isOwn, sessions: match.sessions, strength: match.strength,
                        distances: distances, evidence: .together(evidence)))
            }
        }
        combined.sort { left, right in
            if left.evidence != right.evidence { return left.evidence > right.evidence }
            if left.origin != right.origin { return left.origin < right.origin }
            return (left.day, left.code) < (right.day, right.code)
        }
        return Array(combined.prefix(combinedLimit))
    }
}
