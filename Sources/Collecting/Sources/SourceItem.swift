import Keystrokes

/// One thing that a source gave, in the order it was found.
public enum SourceItem: Sendable {
    case session(SourceSession)
    case smtpTarget(SourceSmtpTarget)
    case attacker(SourceAttacker)
    /// Something could not be read; it was skipped, and everything around it was not.
    case problem(SourceProblem)
    /// How far the reading has come, for a progress bar.
    case progress(SourceProgress)
    /// All before this place of a file has been given: kept together with what was given, so that no event counts twice.
    case position(SourcePosition)

    /// Whether a transaction may end behind this item. Not behind an event: the position that keeps it from counting twice follows.
    public var mayEndTransaction: Bool {
        if case .smtpTarget(let target) = self, target.counting == .event { false } else { true }
    }
}

/// A place in a file that grows.
public struct SourcePosition: Sendable, Hashable {
    /// Names the file by its beginning, so that it is known again after it was moved or copied.
    public var fileKey: String
    public var offset: Int64

    public init(fileKey: String, offset: Int64) {
        self.fileKey = fileKey
        self.offset = offset
    }
}

/// A recorded session with its profile, or with the SimHash alone where a database keeps nothing else.
public struct SourceSession: Sendable {
    /// The recorder's session id, as it wrote it.
    public var sid: String
    /// `nil` where the source holds only a finished SimHash.
    public var profile: SessionProfile?
    /// The columns of a database row that has no recording: names as in `session_profile`.
    public var storedColumns: [String: ColumnValue]
    public var simHash: UInt64?
    /// `nil` without a recording, and of one in which nothing was printed.
    public var fingerprint: Fingerprint2?
    /// Single-key input records; the release gate's measure. `nil` if the source does not tell.
    public var typedKeyCount: Int?
    public var distinctDigraphCount: Int?
    public var digraphSampleCount: Int?
    /// UTC milliseconds since 1970 of the session's start, if the source tells.
    public var startedAt: Int64?
    public var attackerUUID: String?
    public var attackerIP: String?
    public var service: String?
    public var logID: Int64?
    /// The recording was cut by its recorder or by a limit.
    public var isTruncated: Bool

    public init(
        sid: String, profile: SessionProfile? = nil, storedColumns: [String: ColumnValue] = [:], simHash: UInt64? = nil, fingerprint: Fingerprint2? = nil,
        typedKeyCount: Int? = nil, distinctDigraphCount: Int? = nil, digraphSampleCount: Int? = nil, startedAt: Int64? = nil,
        attackerUUID: String? = nil, attackerIP: String? = nil, service: String? = nil, logID: Int64? = nil, isTruncated: Bool = false
    ) {
        self.sid = sid
        self.profile = profile
        self.storedColumns = storedColumns
        self.simHash = simHash
        self.fingerprint = fingerprint
        self.typedKeyCount = typedKeyCount
        self.distinctDigraphCount = distinctDigraphCount
        self.digraphSampleCount = digraphSampleCount
        self.startedAt = startedAt
        self.attackerUUID = attackerUUID
        self.attackerIP = attackerIP
        self.service = service
        self.logID = logID
        self.isTruncated = isTruncated
    }
}

/// One (attacker, domain) observation of an SMTP honeypot.
public struct SourceSmtpTarget: Sendable {
    public enum Counting: Sendable, Equatable {
        /// The figure is the row's total so far: only its growth is new.
        case total(Int64)
        /// One more event.
        case event
    }
    public var attackerUUID: String?
    public var attackerIP: String?
    /// As the source spells it: normalised only when published.
    public var domain: String
    /// UTC milliseconds since 1970.
    public var firstSeen: Int64
    public var lastSeen: Int64
    public var counting: Counting

    public init(attackerUUID: String?, attackerIP: String?, domain: String, firstSeen: Int64, lastSeen: Int64, counting: Counting) {
        self.attackerUUID = attackerUUID
        self.attackerIP = attackerIP
        self.domain = domain
        self.firstSeen = firstSeen
        self.lastSeen = lastSeen
        self.counting = counting
    }
}

/// An attacker row of a DECNET database.
public struct SourceAttacker: Sendable {
    public var uuid: String
    public var ip: String
    /// UTC milliseconds since 1970.
    public var firstSeen: Int64
    public var lastSeen: Int64

    public init(uuid: String, ip: String, firstSeen: Int64, lastSeen: Int64) {
        self.uuid = uuid
        self.ip = ip
        self.firstSeen = firstSeen
        self.lastSeen = lastSeen
    }
}

/// What could not be read, where, and why. Holds no content of a recording.
public struct SourceProblem: Sendable, Equatable, CustomStringConvertible {
    public var file: String
    /// Byte offset in the file, or row number of a table.
    public var offset: Int64?
    public var reason: String

    public init(file: String, offset: Int64?, reason: String) {
        self.file = file
        self.offset = offset
        self.reason = reason
    }

    public var description: String { offset.map { "\(file):\($0): \(reason)" } ?? "\(file): \(reason)" }
}

/// How far a source has been read.
public struct SourceProgress: Sendable, Equatable {
    public var doneByteCount: Int64
    public var totalByteCount: Int64

    public init(doneByteCount: Int64, totalByteCount: Int64) {
        self.doneByteCount = doneByteCount
        self.totalByteCount = totalByteCount
    }
}
