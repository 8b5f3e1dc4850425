import Primitives

/// Something that the operator wants to hear of as soon as others have seen it.
public struct Watch: Hashable, Sendable {
    /// What is watched.
    public enum Subject: Hashable, Sendable {
        /// 16 hex digits of lower case; the length class of the typing, if it is known.
        case code(String, lengthClass: Int?)
        /// In the form in which domains are published.
        case domain(String)
        /// The codes of all our own sessions, also of those that will be collected.
        case ownSessions
    }

    /// The number that names it; 0 before it is kept.
    public var number: Int64 = 0
    /// In the operator's words.
    public var label: String
    public var subject: Subject
    /// Of codes; domains have 1.
    public var schemaVersion: Int
    /// The farthest a code may be, in bits; 0 for domains.
    public var within: Int
    /// Codes that say less are passed over; `nil`: none is.
    public var minimumDecibans: Double?
    /// Fewer other operators are not worth an alert, yet.
    public var minimumOperators: Int
    /// Sightings that were passed over because as many as can be remembered were told already.
    public var untold: Int64 = 0

    public init(_ subject: Subject, label: String, schemaVersion: Int, within: Int = 0, minimumDecibans: Double? = nil, minimumOperators: Int = 1) {
        self.subject = subject
        self.label = label
        self.schemaVersion = schemaVersion
        self.within = within
        self.minimumDecibans = minimumDecibans
        self.minimumOperators = minimumOperators
    }

    /// The kind of the stream it is about, as in the node's changes.
    public var kind: UInt16 {
        switch subject {
        case .code, .ownSessions: StreamID.sessionSimHash1.kind
        case .domain: StreamID.smtpTarget1.kind
        }
    }

    /// The word for the subject, as on the command line and in alerts.
    public var kindName: String {
        switch subject {
        case .code: "simhash"
        case .domain: "domain"
        case .ownSessions: "own-sessions"
        }
    }

    /// The subject in one word or two, for people.
    public var subjectText: String {
        switch subject {
        case .code(let code, let lengthClass): code + (lengthClass.map { " (class \($0))" } ?? "")
        case .domain(let domain): domain
        case .ownSessions: "our own sessions"
        }
    }
}

/// How much the watcher keeps and does at most.
public enum WatchLimits {
    public static let watches = 1_000
    /// Bytes of a label.
    public static let labelByteCount = 200
    /// What one watch remembers as told. Beyond it sightings are counted and not told: telling one twice would be worse.
    public static let toldPerWatch = 100_000
    /// Older sightings are neither told nor remembered. Operators choose their own retention, 90 days as a rule.
    public static let memoryDays = 400
    /// Sightings that one alert names; the others are counted.
    public static let sightingsPerAlert = 50
    /// Operators that one alert names; the others are counted.
    public static let operatorsPerAlert = 50
    /// Alerts that wait for a sink; the oldest are dropped, and counted.
    public static let waitingAlerts = 10_000
    /// Alerts that a webhook has refused and that are kept to be looked at; the oldest are dropped.
    public static let failedAlerts = 100
    /// Own sessions that are watched: the newest.
    public static let ownSessions = 100_000
    /// Bytes of a secret of a webhook.
    public static let secretByteCount = 16...4_096
}
