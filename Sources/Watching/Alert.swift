import Foundation
import Primitives

/// What the operator is told: which watch, what was seen, how near, of how many operators (`Protocol/alerts.md` §1).
public struct Alert: Codable, Hashable, Sendable {
    /// What was watched.
    public struct Subject: Codable, Hashable, Sendable {
        public var id: Int64
        public var label: String
        /// `simhash`, `domain` or `own-sessions`.
        public var kind: String
        public var code: String?
        public var length_class: Int?
        public var domain: String?
        public var schema_version: Int
        public var within: Int?
    }

    /// One operator's day.
    public struct Sighting: Codable, Hashable, Sendable {
        public var code: String?
        public var domain: String?
        /// In bits, from the code watched.
        public var distance: Int?
        public var decibans: Double?
        /// What the distance says.
        public var words: String?
        /// So many operators have seen it that it tells little: a tool, or a provider.
        public var noise: Bool
        /// 64 hex digits.
        public var `operator`: String
        public var day: String
        public var sessions: Int?
        public var reported_count: Int?
        public var attackers: Int?
        /// Our own session and what we know of it: told on the operator's side only.
        public var own_session: String?
        public var own_attacker: String?
        public var own_code: String?

        public init(operator: String, day: String, noise: Bool) {
            self.operator = `operator`
            self.day = day
            self.noise = noise
        }
    }

    public struct Operator: Codable, Hashable, Sendable {
        /// 64 hex digits.
        public var key: String
        /// As it calls itself.
        public var name: String?
    }

    /// What all others have reported of a domain so far, sightings told before included.
    public struct Figures: Codable, Hashable, Sendable {
        public var days: Int
        public var reported_count: Int
        public var attacker_days: Int

        public init(days: Int, reported_count: Int, attacker_days: Int) {
            self.days = days
            self.reported_count = reported_count
            self.attacker_days = attacker_days
        }
    }

    /// 32 hex digits, new for each alert: the same alert twice has the same.
    public var alert: String
    public var created_at_ms: UInt64
    /// Made up, to try the way.
    public var test: Bool
    public var watch: Subject
    /// Other operators who have seen it so far, sightings told before included.
    public var operators: Int
    /// Those of the sightings below.
    public var operator_names: [Operator]
    /// All that is new is noise.
    public var noise: Bool
    public var domain_figures: Figures?
    /// What is new, the nearest first.
    public var sightings: [Sighting]
    /// New sightings that are not named.
    public var more: Int

    /// - Parameters:
    ///   - fresh: what is new, in order.
    ///   - operators: all who have seen it.
    ///   - names: what operators call themselves, by key.
    public init(
        id: String, _ watch: Watch, fresh: [Finding], operators: Int, figures: Figures? = nil, names: [String: String], at now: Timestamp,
        isTest: Bool = false
    ) {
        alert = id
        created_at_ms = now.milliseconds
        test = isTest
        self.watch = Subject(watch)
        self.operators = operators
        let shown = fresh.prefix(WatchLimits.sightingsPerAlert)
        var keys: [String] = []
        for finding in shown where !keys.contains(finding.origin) { keys.append(finding.origin) }
        operator_names = keys.prefix(WatchLimits.operatorsPerAlert).map { Operator(key: $0, name: names[$0]) }
        noise = fresh.allSatisfy(\.sighting.noise)
        domain_figures = figures
        sightings = shown.map(\.sighting)
        more = fresh.count - shown.count
    }

    /// The same without anything that names a session of ours, its code or its attacker.
    public var withoutIdentities: Alert {
        var bare = self
        for place in bare.sightings.indices {
            bare.sightings[place].own_session = nil
            bare.sightings[place].own_attacker = nil
            bare.sightings[place].own_code = nil
        }
        return bare
    }

    /// One JSON object without line breaks; the same alert gives the same text.
    public var text: String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard let data = try? encoder.encode(self) else { preconditionFailure("an alert is always encodable") }
        return String(decoding: data, as: UTF8.self)
    }

    public init?(text: String) {
        guard let alert = try? JSONDecoder().decode(Alert.self, from: Data(text.utf8)) else { return nil }
        self = alert
    }
}

extension Alert.Subject {
    init(_ watch: Watch) {
        self.init(id: watch.number, label: watch.label, kind: watch.kindName, schema_version: watch.schemaVersion)
        switch watch.subject {
        case .code(let code, let lengthClass): (self.code, length_class, within) = (code, lengthClass, watch.within)
        case .domain(let domain): self.domain = domain
        case .ownSessions: within = watch.within
        }
    }
}

extension Alert {
    /// One made up, with invented names, to try a sink with.
    public static func example(id: String, at now: Timestamp) -> Alert {
        let code = "69fadb7ce0a96d0e"
        let watch = Watch(.code(code, lengthClass: 1), label: "a test of hearsay watch test", schemaVersion: 2, within: 10)
        let origin = String(repeating: "22", count: 32)
        var sighting = Sighting(operator: origin, day: "\(now.day)", noise: false)
        (sighting.code, sighting.distance, sighting.decibans, sighting.sessions) = ("69fadb7ce0a96d0f", 1, 15, 1)
        sighting.words = "made up: nobody has seen this"
        let finding = Finding(key: code, origin: origin, day: now.day, sighting: sighting)
        return Alert(id: id, watch, fresh: [finding], operators: 1, names: [origin: "An operator that does not exist"], at: now, isTest: true)
    }
}
