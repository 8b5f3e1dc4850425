import Foundation
import GRDB
import Ledger
import Outbox
import Primitives

/// What an operator takes back of its own released sightings.
public enum RetractionScope: Hashable, Sendable {
    /// A code, of whatever schema_version.
    case simHash(UInt64)
    /// A registrable domain, as it is published.
    case domain(DomainName)
    case day(Day)
    case everything
}

/// A scope with the last day it covers: what is seen after it is released as before.
struct RetractionRule: Hashable {
    /// `nil`: all.
    let kind: UInt16?
    /// `nil`: all of the kind.
    let schemaVersion: UInt16?
    let key: [UInt8]?
    let days: ClosedRange<Day>

    init(_ scope: RetractionScope, upTo last: Day) {
        let always = Day(number: 0)...last
        switch scope {
        case .simHash(let simHash):
            (kind, schemaVersion, key, days) = (StreamID.sessionSimHash1.kind, nil, ProfilesDatabase.bytes(of: simHash), always)
        case .domain(let domain): (kind, schemaVersion, key, days) = (StreamID.smtpTarget1.kind, StreamID.smtpTarget1.schemaVersion, domain.bytes, always)
        case .day(let day): (kind, schemaVersion, key, days) = (nil, nil, nil, day...day)
        case .everything: (kind, schemaVersion, key, days) = (nil, nil, nil, always)
        }
    }

    init?(_ row: Row) {
        let first = Day(number: row["first_day"]), last = Day(number: row["last_day"])
        guard first <= last else { return nil }
        kind = row["kind"]
        schemaVersion = row["schema_version"]
        key = (row["key"] as Data?).map { Array($0) }
        days = first...last
    }

    func covers(_ name: SightingName) -> Bool {
        days.contains(name.day) && (kind.map { $0 == name.stream.kind } ?? true) && (schemaVersion.map { $0 == name.stream.schemaVersion } ?? true)
            && (key.map { $0 == name.key } ?? true)
    }
}

/// Takes released sightings back (`Protocol/outbox.md` §5), and remembers it, so that they are not released again.
///
/// Noting comes first, writing second: whoever runs next writes what is noted and not written yet. So a collector that is at work with the outbox need
/// not be stopped.
public struct Retractor {
    let database: ProfilesDatabase
    let today: Day

    public init(database: ProfilesDatabase, today: Day) {
        self.database = database
        self.today = today
    }

    /// What a retraction has found.
    public struct Outcome: Hashable, Sendable {
        /// Names taken back, by stream.
        public var simHashes = 0
        public var domains = 0
        /// Sightings that waited for their release, and are not released.
        public var waiting = 0
    }

    /// Notes a retraction of what the outbox says, and of all that was noted as released or is due to be.
    ///
    /// - Parameter released: all that the outbox says, in its order.
    public func note(_ scope: RetractionScope, released: [SightingChange], at now: Int64) throws -> Outcome {
        var standing: Set<SightingName> = []
        for change in released {
            switch change {
            case .stated(let sighting): standing.insert(sighting.name)
            case .retracted(let name): standing.remove(name)
            }
        }
        return try database.write("note a retraction") { database in
            let reach = RetractionRule(scope, upTo: Day(number: .max))
            // One from where the day has begun already, or whose clock is fast, may have been released.
            let lastReleased = standing.filter(reach.covers).map(\.day).max() ?? today
            let rule = RetractionRule(scope, upTo: max(today, min(lastReleased, today.advanced(by: 1))))
            try database.execute(
                sql: "INSERT INTO retraction_rule (kind, schema_version, key, first_day, last_day) VALUES (?, ?, ?, ?, ?)",
                arguments: [
                    rule.kind, rule.schemaVersion, rule.key.map { Data($0) }, rule.days.lowerBound.number, rule.days.upperBound.number,
                ])
            var names = standing.filter(rule.covers)
            for name in names { try Self.retract(name, in: database) }
            let applied = try Self.apply([rule], at: now, in: database)
            names.formUnion(applied.retracted)
            let simHashes = names.filter { $0.stream.kind == StreamID.sessionSimHash1.kind }.count
            return Outcome(simHashes: simHashes, domains: names.count - simHashes, waiting: applied.dropped)
        }
    }

    /// Moves what the rules cover from the releases to the retractions; what merely waits is dropped.
    private static func apply(_ rules: [RetractionRule], at now: Int64, in database: Database) throws -> (retracted: [SightingName], dropped: Int) {
        guard !rules.isEmpty else { return ([], 0) }
        var (retracted, dropped): ([SightingName], Int) = ([], 0)
        for row in try Row.fetchAll(database, sql: "SELECT kind, schema_version, day, key, released_value, due_at FROM release") {
            guard let name = name(in: row), rules.contains(where: { $0.covers(name) }) else { continue }
            // One that is due may have been written, and the note of it lost.
            if (row["released_value"] as Data?) != nil || (row["due_at"] as Int64) <= now {
                try retract(name, in: database)
                retracted.append(name)
            } else {
                dropped += 1
            }
            try database.execute(
                sql: "DELETE FROM release WHERE kind = ? AND schema_version = ? AND day = ? AND key = ?", arguments: arguments(of: name))
        }
        return (retracted, dropped)
    }

    private static func retract(_ name: SightingName, in database: Database) throws {
        // Also one that was written before: it may have been stated again since.
        try database.execute(
            sql: "INSERT OR REPLACE INTO retraction (kind, schema_version, day, key, is_written) VALUES (?, ?, ?, ?, 0)", arguments: arguments(of: name))
    }

    /// Writes what is noted and not written yet. Retractions of days that nobody keeps any more are forgotten, and so are their rules.
    ///
    /// Looks first whether this is the outbox we wrote to: another one has none of the releases and retractions.
    ///
    /// - Returns: how many were written.
    @discardableResult public func write(to outbox: OutboxWriter, at now: Int64) throws -> Int {
        let firstKept = today.advanced(by: -Int(StreamDescriptor.standardRetentionDays))
        let names = try database.write("collect retractions") { database in
            try ProfilesDatabase.forgetLostReleases(outbox, in: database)
            try database.execute(sql: "DELETE FROM retraction WHERE day < ?", arguments: [firstKept.number])
            try database.execute(sql: "DELETE FROM retraction_rule WHERE last_day < ?", arguments: [firstKept.number])
            // A collector that was at work while the rule was noted may have released one more.
            _ = try Self.apply(try Self.rules(in: database), at: now, in: database)
            let unwritten = "SELECT kind, schema_version, day, key FROM retraction WHERE NOT is_written ORDER BY kind, schema_version, day, key"
            return try Row.fetchAll(database, sql: unwritten).compactMap(Self.name)
        }
        guard !names.isEmpty else { return 0 }
        try outbox.append(names.map { .retracted($0) })
        try database.write("note written retractions") { database in
            for name in names {
                try database.execute(
                    sql: "UPDATE retraction SET is_written = 1 WHERE kind = ? AND schema_version = ? AND day = ? AND key = ?",
                    arguments: Self.arguments(of: name))
            }
            try ProfilesDatabase.note(outbox, in: database)
        }
        return names.count
    }

    /// Retractions that are noted and not in the outbox yet.
    public func unwrittenCount() throws -> Int {
        try database.read("count retractions") { try Int.fetchOne($0, sql: "SELECT count(*) FROM retraction WHERE NOT is_written") ?? 0 }
    }

    /// All rules that still cover something.
    func rules() throws -> [RetractionRule] { try database.read("read retractions") { try Self.rules(in: $0) } }

    private static func rules(in database: Database) throws -> [RetractionRule] {
        try Row.fetchAll(database, sql: "SELECT kind, schema_version, key, first_day, last_day FROM retraction_rule").compactMap { RetractionRule($0) }
    }

    private static func name(in row: Row) -> SightingName? {
        let stream = StreamID(kind: row["kind"], schemaVersion: row["schema_version"])
        return SightingName(stream: stream, day: Day(number: row["day"]), key: Array(row["key"] as Data))
    }

    private static func arguments(of name: SightingName) -> StatementArguments {
        [name.stream.kind, name.stream.schemaVersion, name.day.number, Data(name.key)]
    }
}

extension ProfilesDatabase {
    /// Remembers how the outbox stands after an append.
    static func note(_ outbox: OutboxWriter, in database: Database) throws {
        try database.execute(
            sql: "INSERT OR REPLACE INTO outbox_mark (id, file_id, byte_count) VALUES (1, ?, ?)",
            arguments: [Data(outbox.fileID), Int64(clamping: outbox.byteCount)])
    }

    /// Another outbox than the one we wrote to, or one that has lost its end, gets everything that still passes anew: values are absolute.
    static func forgetLostReleases(_ outbox: OutboxWriter, in database: Database) throws {
        guard let mark = try Row.fetchOne(database, sql: "SELECT file_id, byte_count FROM outbox_mark") else { return }
        let isKnown = mark["file_id"] as Data == Data(outbox.fileID) && outbox.byteCount >= UInt64(clamping: mark["byte_count"] as Int64)
        if !isKnown { try database.execute(sql: "UPDATE release SET released_value = NULL; UPDATE retraction SET is_written = 0") }
    }
}
