import Ledger
import Primitives

/// A question about a typist: codes of one person's sessions, and nothing else of them (`Protocol/answers.md` §2).
public struct TypistQuestion: Hashable, Sendable {
    /// The most sessions that are asked about together.
    public static let sessionLimit = 64

    public struct Session: Hashable, Sendable {
        public let code: UInt64
        /// Of schema_version 2; one that is not known counts as the shortest.
        public let lengthClass: UInt8?

        public init(code: UInt64, lengthClass: UInt8? = nil) {
            self.code = code
            self.lengthClass = lengthClass
        }
    }

    public var stream: StreamID
    /// Of one person, 1 to 64.
    public var sessions: [Session]
    /// What to show; `nil` is the stream's standard.
    public var selection: SightingIndex.Selection?
    public var candidates: Candidates
    /// A code, or a typist, that more than this share of all operators has seen is noise, in thousandths.
    public var noisePerMille: Int

    /// - Parameter sessions: at least one and at most 64, no code 0.
    public init?(
        _ sessions: [Session], in stream: StreamID, selection: SightingIndex.Selection? = nil, candidates: Candidates = Candidates(),
        noisePerMille: Int = Commonness.standardPerMille
    ) {
        guard (1...Self.sessionLimit).contains(sessions.count), sessions.allSatisfy({ $0.code != 0 }) else { return nil }
        self.stream = stream
        self.sessions = sessions
        self.selection = selection
        self.candidates = candidates
        self.noisePerMille = noisePerMille
    }

    /// Whom the asker thinks of before looking: the fewer, the more a near code says.
    public struct Candidates: Hashable, Sendable {
        /// `nil`: all.
        public var origins: [OriginID]?
        public var days: ClosedRange<Day>?

        public init(origins: [OriginID]? = nil, days: ClosedRange<Day>? = nil) {
            self.origins = origins
            self.days = days
        }

        public var isEverybody: Bool { origins == nil && days == nil }

        func contains(_ origin: OriginID, _ day: Day) -> Bool { (origins?.contains(origin) ?? true) && (days?.contains(day) ?? true) }
    }
}

/// How a stream is asked when nothing is said (`Protocol/answers.md` §4).
public struct StreamHabits: Sendable {
    /// The nearest candidates named.
    public let nearest: Int
    /// Candidates farther away are not named; `nil`: all are.
    public let cut: UInt16?
    /// What `seen` and the figures beside it are about.
    public let radius: UInt16
    /// A wider radius finds mostly strangers, and must be insisted on; `nil`: never.
    public let widestRadius: UInt16?
    /// What a distance says; `nil` where nothing is known that could be said.
    public let confidence: ConfidenceTable?

    public static func of(_ stream: StreamID) -> StreamHabits {
        stream == .sessionSimHash2
            ? StreamHabits(nearest: 20, cut: 16, radius: 10, widestRadius: 16, confidence: .fingerprint2)
            : StreamHabits(nearest: 10, cut: nil, radius: SightingIndex.standardRadius, widestRadius: nil, confidence: nil)
    }
}

/// What so many operators have seen that it tells nothing: a tool's typing, a provider's domain.
public enum Commonness {
    /// More than half of all operators, in thousandths.
    public static let standardPerMille = 500
    /// Fewer are never noise, however few operators there are.
    static let leastOperators = 3

    static func isNoise(seenBy operators: Int, of all: Int, perMille: Int) -> Bool {
        operators >= leastOperators && operators * 1_000 > all * perMille
    }
}
