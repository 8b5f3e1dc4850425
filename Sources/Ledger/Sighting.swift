import Primitives
import WireFormat

/// An identity-free day fact: *on this UTC day we saw this key*. All that may leave a collector.
///
/// There is no field that could hold who was seen, by which sensor, or when within the day; none may ever be added.
public enum Sighting: Hashable, Sendable {
    /// schema_version 1; its strength is floor(log2(digraph samples)).
    case sessionSimHash(SessionSimHashSighting)
    /// schema_version 2; its strength is the length class, 0 to 3.
    case sessionSimHash2(SessionSimHashSighting)
    case smtpTarget(SmtpTargetSighting)

    public var stream: StreamID {
        switch self {
        case .sessionSimHash: .sessionSimHash1
        case .sessionSimHash2: .sessionSimHash2
        case .smtpTarget: .smtpTarget1
        }
    }

    public var day: Day {
        switch self {
        case .sessionSimHash(let sighting), .sessionSimHash2(let sighting): sighting.day
        case .smtpTarget(let sighting): sighting.day
        }
    }

    public var record: Record {
        switch self {
        case .sessionSimHash(let sighting), .sessionSimHash2(let sighting): sighting.record
        case .smtpTarget(let sighting): sighting.record
        }
    }

    /// Reads a record of a known stream; `nil` if the stream is not known or the record is none of its.
    public init?(stream: StreamID, day: Day, record: Record) {
        switch stream {
        case .sessionSimHash1:
            guard let sighting = SessionSimHashSighting(day: day, record: record) else { return nil }
            self = .sessionSimHash(sighting)
        case .sessionSimHash2:
            guard let sighting = SessionSimHashSighting(day: day, record: record), sighting.strength <= SessionSimHashSighting.greatestLengthClass else {
                return nil
            }
            self = .sessionSimHash2(sighting)
        case .smtpTarget1:
            guard let sighting = SmtpTargetSighting(day: day, record: record) else { return nil }
            self = .smtpTarget(sighting)
        default: return nil
        }
    }
}

/// `Protocol/ledger.md` §7.1 and §7.3, kind 1: a keystroke SimHash, and in how many sessions of that day it was computed.
public struct SessionSimHashSighting: Hashable, Sendable {
    public static let keyByteCount: UInt8 = 8
    public static let valueByteCount: UInt8 = 3
    /// Of schema_version 2: 1,000 pairs of keys and more.
    public static let greatestLengthClass: UInt8 = 3

    public let day: Day
    /// Never 0: that means "no signal".
    public let simHash: UInt64
    /// Saturates at 65,535.
    public let sessions: UInt16
    /// Of the strongest session: floor(log2(digraph samples)), 0 where it is not known; under schema_version 2 the length class.
    public let strength: UInt8

    /// `nil` for a SimHash of 0 or no session.
    public init?(day: Day, simHash: UInt64, sessions: UInt16, strength: UInt8) {
        guard simHash != 0, sessions > 0 else { return nil }
        self.day = day
        self.simHash = simHash
        self.sessions = sessions
        self.strength = strength
    }

    public init?(day: Day, record: Record) {
        guard record.key.count == Int(Self.keyByteCount), record.value.count == Int(Self.valueByteCount) else { return nil }
        let simHash = record.key.reduce(0) { $0 << 8 | UInt64($1) }
        self.init(day: day, simHash: simHash, sessions: UInt16(record.value[0]) << 8 | UInt16(record.value[1]), strength: record.value[2])
    }

    public var record: Record {
        var key = WireWriter(reserving: Int(Self.keyByteCount))
        key.integer(simHash)
        var value = WireWriter(reserving: Int(Self.valueByteCount))
        value.integer(sessions)
        value.integer(strength)
        return Record(key: key.bytes, value: value.bytes)
    }
}

/// `Protocol/ledger.md` §7.2, kind 2: a domain whose mailboxes were aimed at through SMTP honeypots.
public struct SmtpTargetSighting: Hashable, Sendable {
    public static let valueByteCount: UInt8 = 6

    public let day: Day
    public let domain: DomainName
    /// A weak figure, as reported by the honeypots; 0 means "present". Saturates.
    public let count: UInt32
    /// Different attackers that day. Saturates at 65,535.
    public let attackers: UInt16

    public init(day: Day, domain: DomainName, count: UInt32, attackers: UInt16) {
        self.day = day
        self.domain = domain
        self.count = count
        self.attackers = attackers
    }

    public init?(day: Day, record: Record) {
        guard let domain = DomainName(record.key), record.value.count == Int(Self.valueByteCount) else { return nil }
        var reader = WireReader(record.value)
        guard let count = try? reader.integer(UInt32.self), let attackers = try? reader.integer(UInt16.self) else { return nil }
        self.init(day: day, domain: domain, count: count, attackers: attackers)
    }

    public var record: Record {
        var value = WireWriter(reserving: Int(Self.valueByteCount))
        value.integer(count)
        value.integer(attackers)
        return Record(key: domain.bytes, value: value.bytes)
    }
}

extension StreamDescriptor {
    /// How long sightings are kept, in days.
    public static let standardRetentionDays: UInt16 = 90

    /// The descriptor of a stream this version publishes; `nil` for one it does not know.
    ///
    /// - Parameter shardKey: 16 random bytes, kept for the life of the stream.
    public static func standard(for stream: StreamID, shardKey: [UInt8]) -> StreamDescriptor? {
        switch stream {
        case .sessionSimHash1, .sessionSimHash2:
            StreamDescriptor(
                stream: stream, keyByteCount: SessionSimHashSighting.keyByteCount, valueByteCount: SessionSimHashSighting.valueByteCount,
                retentionDays: standardRetentionDays, shardKey: shardKey)
        case .smtpTarget1:
            StreamDescriptor(
                stream: stream, keyByteCount: 0, valueByteCount: SmtpTargetSighting.valueByteCount, retentionDays: standardRetentionDays,
                shardKey: shardKey)
        default: nil
        }
    }
}
