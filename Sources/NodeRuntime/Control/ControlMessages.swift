import Foundation

/// What the command line asks of its running node, one JSON object a line over the node's Unix socket.
public enum ControlRequest: Codable, Hashable, Sendable {
    case status
    /// How much of each operator is in the replica: what a status says of that, at a fraction of its cost.
    case holdings
    case typist(TypistRequest)
    case domain(DomainRequest)
    case domains(DomainsRequest)
    /// What the replica has adopted since; answered when there is something, or after `ControlLimits.changesWait`.
    case changes(ChangesRequest)
    /// An operator's key in hex, and a reason as in `Protocol/statements.md` §4.
    case revoke(origin: String, reason: UInt8)
    /// An operator's key in hex, and `pinned`, `blocked` or nothing any more.
    case rule(origin: String, rule: String?)
    /// What one operator may have here, now and after the next start; what is `nil` stays as it is.
    case quota(sightings: UInt64?, byteCount: UInt64?)
    /// Open a new generation, for a reason as in `Protocol/statements.md` §5.
    case openGeneration(reason: UInt8)
    /// Get our own content back from others, and go on in a new generation.
    case recover
    /// Read the outbox now, not at the next look.
    case absorb
    case stop
    /// Whether peers' questions are answered, now and after the next start.
    case answerPeers(Bool)
    case askPeer(PeerRequest)
}

/// A question to another node: it leaves this machine.
public struct PeerRequest: Codable, Hashable, Sendable {
    /// A node's key in hex.
    public var node: String
    /// 16 hex digits; or nothing, and a domain in the form in which domains are published.
    public var code: String?
    public var schemaVersion = 2
    public var domain: String?

    public init(node: String, code: String, schemaVersion: Int) {
        self.node = node
        self.code = code
        self.schemaVersion = schemaVersion
    }

    public init(node: String, domain: String) {
        self.node = node
        self.domain = domain
    }
}

/// The node's answer, one JSON object a line.
public enum ControlAnswer: Codable, Hashable, Sendable {
    /// A JSON object, as the command prints it with `--json`.
    case document(String)
    case done
    /// What is wrong and, where there is one, the command that would work.
    case failure(error: String, hint: String?)
}

/// A question about a typist: codes, and nothing else of the sessions they come from.
public struct TypistRequest: Codable, Hashable, Sendable {
    public struct Session: Codable, Hashable, Sendable {
        /// 16 hex digits.
        public var code: String
        public var lengthClass: Int?

        public init(code: String, lengthClass: Int? = nil) {
            self.code = code
            self.lengthClass = lengthClass
        }
    }

    /// Of one person.
    public var sessions: [Session]
    public var schemaVersion: Int
    /// A radius or a number of nearest ones; neither is the stream's standard.
    public var radius: Int?
    public var nearest: Int?
    /// Also a radius at which most of what is found are strangers.
    public var isForced = false
    /// Operators' keys, in hex, or how they begin; and days, as `YYYY-MM-DD` or two of them with `..` between.
    public var prior: [String] = []
    /// The share of all operators from which on a code is noise, in thousandths.
    public var noisePerMille: Int?

    public init(_ sessions: [Session], schemaVersion: Int) {
        self.sessions = sessions
        self.schemaVersion = schemaVersion
    }
}

/// A question about a domain.
public struct DomainRequest: Codable, Hashable, Sendable {
    /// In the form in which domains are published.
    public var name: String
    public var noisePerMille: Int?

    public init(_ name: String) { self.name = name }
}

/// A question for a list of domains.
public struct DomainsRequest: Codable, Hashable, Sendable {
    /// Only this domain and what is below it, in the form in which domains are published; `nil`: all.
    public var under: String?
    /// `operators`, `days` or `newest`.
    public var order: String
    public var limit: Int
    public var noisePerMille: Int?

    public init(under: String? = nil, order: String = "operators", limit: Int = 20) {
        self.under = under
        self.order = order
        self.limit = limit
    }
}

/// A question for what is new: nothing but where the asker stands.
public struct ChangesRequest: Codable, Hashable, Sendable {
    /// As the last answer named the running node; `nil`: not asked before.
    public var instance: String?
    public var revision: UInt64

    public init(instance: String? = nil, revision: UInt64 = 0) {
        self.instance = instance
        self.revision = revision
    }
}

enum ControlLimits {
    /// The longest request line, in bytes.
    static let requestByteCount = 65_536
    /// The longest answer line, in bytes.
    static let answerByteCount = 64 << 20
    /// Connections at one time.
    static let connections = 32
    /// How long a question for changes waits: less than a client waits for an answer.
    static let changesWait: Duration = .seconds(25)
    /// Questions for changes that wait at one time; one more is refused.
    static let changesWaiting = 16
}

enum ControlCodec {
    static func line<Message: Encodable>(_ message: Message) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard let data = try? encoder.encode(message) else { preconditionFailure("a control message is always encodable") }
        return Array(data) + [UInt8(ascii: "\n")]
    }

    static func decode<Message: Decodable>(_ type: Message.Type, from line: [UInt8]) -> Message? {
        try? JSONDecoder().decode(type, from: Data(line))
    }
}
