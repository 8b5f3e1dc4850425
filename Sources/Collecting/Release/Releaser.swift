import Foundation
import GRDB
import Keystrokes
import Ledger
import Outbox
import Primitives

/// Lets sightings out: through the gates, after their delay, into the outbox.
///
/// What is in the outbox is absolute, so a crash between appending and noting it only makes an entry stand there twice.
struct Releaser {
    let database: ProfilesDatabase
    let gate: ReleaseGate

    struct Outcome {
        var rejections: [Rejection: Int] = [:]
        var released = 0
        var waiting = 0
        /// When the next one is due.
        var nextDue: Int64?
    }

    /// - Parameter random: draws each sighting's delay, once.
    func run(_ outbox: OutboxWriter, at now: Int64, using random: inout some RandomNumberGenerator) throws -> Outcome {
        var outcome = Outcome()
        let retractor = Retractor(database: database, today: gate.today)
        let rules = try retractor.rules()
        let passed = try sessions(&outcome) + targets(&outcome)
        let wanted = passed.filter { sighting in !rules.contains { $0.covers(sighting.name) } }
        if wanted.count < passed.count { outcome.rejections[.retracted, default: 0] += passed.count - wanted.count }
        // In this order: what this forgets of a lost outbox must pass again before it is written again.
        try retractor.write(to: outbox, at: now)
        try withdraw(allBut: wanted)
        try schedule(wanted, at: now, using: &random)
        try release(into: outbox, at: now, &outcome)
        return outcome
    }

    /// Sessions that pass, as sightings by (schema_version, day, code).
    private func sessions(_ outcome: inout Outcome) throws -> [Sighting] {
        var codes = SessionCodes()
        var rejections: [Rejection: Int] = [:]
        // What is not shared at all is said once for each session, not once for each version.
        let asksForVersion1 = !gate.policy.sessionSimHash.isShared || gate.policy.sessionSimHash.shares(SessionProfile.schemaVersion)
        let asksForVersion2 = gate.policy.sessionSimHash.shares(Fingerprint2.schemaVersion)
        try database.read("read sessions") { database in
            let rows = try Row.fetchCursor(
                database,
                sql: """
                    SELECT one.code AS simhash, s.started_at, s.typed_keys, s.digraphs, s.samples, two.sid IS NOT NULL AS has_recording,
                        two.code AS fingerprint, two.strength AS class, two.kept_pairs
                    FROM session_source s LEFT JOIN session_code one ON one.sid = s.sid AND one.schema_version = \(SessionProfile.schemaVersion)
                        LEFT JOIN session_code two ON two.sid = s.sid AND two.schema_version = \(Fingerprint2.schemaVersion)
                    """)
            while let row = try rows.next() {
                let day = (row["started_at"] as Int64?).map { Timestamp(milliseconds: UInt64(max(0, $0))).day }
                if asksForVersion1 {
                    let facts = ReleaseGate.SessionFacts(
                        simHash: SessionCode.number(row["simhash"]), day: day, typedKeys: row["typed_keys"], digraphs: row["digraphs"], samples: row["samples"])
                    codes.take(gate.judge(facts), of: SessionProfile.schemaVersion, &rejections)
                }
                if asksForVersion2 {
                    let facts = ReleaseGate.FingerprintFacts(
                        code: SessionCode.number(row["fingerprint"]), keptPairs: row["kept_pairs"], lengthClass: row["class"],
                        hasRecording: row["has_recording"], day: day)
                    codes.take(gate.judge(facts), of: Fingerprint2.schemaVersion, &rejections)
                }
            }
        }
        outcome.rejections.merge(rejections) { $0 + $1 }
        return codes.sightings
    }

    /// The codes that pass, counted by day.
    private struct SessionCodes {
        struct Key: Hashable {
            let version: Int
            let day: Day
            let simHash: UInt64
        }
        private var groups: [Key: (sessions: Int, strength: UInt8)] = [:]

        mutating func take(
            _ judged: Result<(day: Day, simHash: UInt64, strength: UInt8), RejectionError>, of version: Int, _ rejections: inout [Rejection: Int]
        ) {
            switch judged {
            case .success(let passed):
                let key = Key(version: version, day: passed.day, simHash: passed.simHash)
                let old = groups[key] ?? (0, 0)
                groups[key] = (old.sessions + 1, max(old.strength, passed.strength))
            case .failure(let error): rejections[error.reason, default: 0] += 1
            }
        }

        /// In no order: what is planned is put into one.
        var sightings: [Sighting] {
            groups.compactMap { key, group in
                SessionSimHashSighting(day: key.day, simHash: key.simHash, sessions: UInt16(clamping: group.sessions), strength: group.strength)
                    .map { key.version == SessionProfile.schemaVersion ? .sessionSimHash($0) : .sessionSimHash2($0) }
            }
        }
    }

    /// Targets that pass, as sightings by (day, registrable domain).
    private func targets(_ outcome: inout Outcome) throws -> [Sighting] {
        struct Key: Hashable {
            let day: Day
            let domain: DomainName
        }
        var groups: [Key: (count: Int64, attackers: Set<String>)] = [:]
        var judged: [String: Result<DomainName, RejectionError>] = [:]
        var rejections: [Rejection: Int] = [:]
        try database.read("read targets") { database in
            let rows = try Row.fetchCursor(database, sql: "SELECT day, domain, attacker_uuid, count FROM target_day")
            while let row = try rows.next() {
                if let reason = gate.judge(day: Day(number: row["day"])) {
                    rejections[gate.policy.smtpTarget.isShared ? reason : .targetsNotShared, default: 0] += 1
                    continue
                }
                let text: String = row["domain"]
                if judged[text] == nil { judged[text] = gate.judge(domain: text) }
                switch judged[text] {
                case .success(let domain)?:
                    let key = Key(day: Day(number: row["day"]), domain: domain)
                    groups[key, default: (0, [])].count += row["count"] as Int64
                    groups[key, default: (0, [])].attackers.insert(row["attacker_uuid"])
                case .failure(let error)?: rejections[error.reason, default: 0] += 1
                case nil: break
                }
            }
        }
        outcome.rejections.merge(rejections) { $0 + $1 }
        return groups.compactMap { key, group in
            guard gate.isEnough(attackers: group.attackers.count, count: group.count) else {
                outcome.rejections[.belowThreshold, default: 0] += 1
                return nil
            }
            return .smtpTarget(
                SmtpTargetSighting(day: key.day, domain: key.domain, count: UInt32(clamping: group.count), attackers: UInt16(clamping: group.attackers.count)))
        }
    }

    /// Draws a delay for what is new or has changed since it was released; what waits already goes on waiting with its newer figures.
    private func schedule(_ sightings: [Sighting], at now: Int64, using random: inout some RandomNumberGenerator) throws {
        // In a fixed order, so that a seed gives the same delays.
        let ordered = sightings.map { ($0, $0.record) }.sorted { left, right in
            (left.0.stream, left.0.day) != (right.0.stream, right.0.day) ? (left.0.stream, left.0.day) < (right.0.stream, right.0.day) : left.1 < right.1
        }
        var generator = random
        let delay = gate.policy.delay
        generator = try database.write("plan releases") { database in
            var generator = generator
            for (sighting, record) in ordered {
                let key: StatementArguments = [sighting.stream.kind, sighting.stream.schemaVersion, sighting.day.number, Data(record.key)]
                let old = try Row.fetchOne(
                    database, sql: "SELECT value, released_value FROM release WHERE kind = ? AND schema_version = ? AND day = ? AND key = ?", arguments: key)
                let value = Data(record.value)
                if let old {
                    guard old["value"] as Data != value else { continue }
                    let wasReleased = (old["released_value"] as Data?) == (old["value"] as Data)
                    try database.execute(
                        sql: "UPDATE release SET value = ? WHERE kind = ? AND schema_version = ? AND day = ? AND key = ?",
                        arguments: [value] + key)
                    guard wasReleased else { continue }
                    try database.execute(
                        sql: "UPDATE release SET due_at = ? WHERE kind = ? AND schema_version = ? AND day = ? AND key = ?",
                        arguments: [now + draw(delay, &generator)] + key)
                } else {
                    try database.execute(
                        sql: "INSERT INTO release (kind, schema_version, day, key, value, due_at) VALUES (?, ?, ?, ?, ?, ?)",
                        arguments: key + [value, now + draw(delay, &generator)])
                }
            }
            return generator
        }
        random = generator
    }

    /// Takes back what waits and would not pass any more: the policy, or what is known, has changed since it was planned.
    ///
    /// What is in the outbox already stays there: only the operator takes that back (`Retractor`).
    private func withdraw(allBut wanted: [Sighting]) throws {
        struct Key: Hashable {
            let stream: StreamID
            let day: Day
            let key: [UInt8]
        }
        let kept = Set(wanted.map { Key(stream: $0.stream, day: $0.day, key: $0.record.key) })
        try database.write("take back releases") { database in
            let waiting = try Row.fetchAll(
                database, sql: "SELECT kind, schema_version, day, key, released_value FROM release WHERE released_value IS NULL OR released_value <> value")
            for row in waiting {
                let key = Key(
                    stream: StreamID(kind: row["kind"], schemaVersion: row["schema_version"]), day: Day(number: row["day"]), key: Array(row["key"] as Data))
                guard !kept.contains(key) else { continue }
                let sql =
                    (row["released_value"] as Data?) == nil
                    ? "DELETE FROM release WHERE kind = ? AND schema_version = ? AND day = ? AND key = ?"
                    : "UPDATE release SET value = released_value WHERE kind = ? AND schema_version = ? AND day = ? AND key = ?"
                try database.execute(sql: sql, arguments: [key.stream.kind, key.stream.schemaVersion, key.day.number, Data(key.key)])
            }
        }
    }

    private func draw(_ delay: ClosedRange<Duration>, _ random: inout some RandomNumberGenerator) -> Int64 {
        (delay.lowerBound + random.duration(upTo: delay.upperBound - delay.lowerBound)).clampedMilliseconds
    }

    private func release(into outbox: OutboxWriter, at now: Int64, _ outcome: inout Outcome) throws {
        let due = try database.read("read releases") { database in
            try Row.fetchAll(
                database,
                sql: """
                    SELECT kind, schema_version, day, key, value FROM release
                    WHERE due_at <= ? AND (released_value IS NULL OR released_value <> value) ORDER BY kind, schema_version, day, key
                    """, arguments: [now])
        }
        // What a policy has switched off meanwhile stays where it is.
        let sightings = due.compactMap { row -> Sighting? in
            let stream = StreamID(kind: row["kind"], schemaVersion: row["schema_version"])
            let isShared =
                stream.kind == StreamID.sessionSimHash1.kind
                ? gate.policy.sessionSimHash.shares(Int(stream.schemaVersion)) : gate.policy.smtpTarget.isShared
            guard isShared else { return nil }
            return Sighting(
                stream: stream, day: Day(number: row["day"]), record: Ledger.Record(key: Array(row["key"] as Data), value: Array(row["value"] as Data)))
        }
        try outbox.append(sightings)
        try database.write("note releases") { database in
            for sighting in sightings {
                let record = sighting.record
                try database.execute(
                    sql: "UPDATE release SET released_value = ? WHERE kind = ? AND schema_version = ? AND day = ? AND key = ?",
                    arguments: [Data(record.value), sighting.stream.kind, sighting.stream.schemaVersion, sighting.day.number, Data(record.key)])
            }
            try ProfilesDatabase.note(outbox, in: database)
        }
        outcome.released = sightings.count
        (outcome.waiting, outcome.nextDue) = try database.read("count releases") { database in
            let row = try Row.fetchOne(
                database,
                sql: "SELECT COUNT(*) AS n, MIN(due_at) AS next FROM release WHERE due_at > ? AND (released_value IS NULL OR released_value <> value)",
                arguments: [now])
            return (row?["n"] ?? 0, row?["next"])
        }
    }
}
