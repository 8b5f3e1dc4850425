import Foundation
import Keystrokes
import Primitives
import TOMLKit

/// Why a policy file is not taken.
public enum PolicyError: Error, Sendable, Equatable, CustomStringConvertible {
    case unreadable(path: String, reason: String)
    case malformed(path: String, reason: String)
    case unknownKey(path: String, key: String)
    case badValue(path: String, key: String, expected: String)
    case alreadyThere(path: String)

    public var description: String {
        switch self {
        case .unreadable(let path, let reason): "cannot read \(path): \(reason)"
        case .malformed(let path, let reason): "\(path) is not TOML: \(reason)"
        case .unknownKey(let path, let key): "\(path) has an unknown key \(key)"
        case .badValue(let path, let key, let expected): "\(path): \(key) must be \(expected)"
        case .alreadyThere(let path): "there is a policy in \(path) already"
        }
    }

    public var hint: String? {
        switch self {
        case .unreadable: "hearsay policy init"
        case .alreadyThere: "edit it, or move it away first"
        default: "hearsay policy show prints every key with its meaning"
        }
    }
}

/// What an operator lets out, and when. Nothing, until it is chosen.
public struct Policy: Hashable, Sendable {
    public struct SessionSimHash: Hashable, Sendable {
        /// Those there are.
        static let knownVersions = [SessionProfile.schemaVersion, Fingerprint2.schemaVersion]

        public var isShared = false
        /// The schema_versions that leave when codes are shared.
        public var versions: Set<Int> = [Fingerprint2.schemaVersion]
        /// Of schema_version 2: shorter typing makes a code that tells too little to be worth telling (`Protocol/fingerprint-2.md` §7).
        public var minimumClass: UInt8 = 1
        /// Of schema_version 1: below these a SimHash betrays what was typed rather than how.
        public var minimumTypedKeys = 200
        public var minimumDigraphs = 30
        /// Of schema_version 1: also sessions whose source does not tell how long they were.
        public var trustsUnmeasured = false

        /// Whether codes of a schema_version leave.
        public func shares(_ version: Int) -> Bool { isShared && versions.contains(version) }
    }

    public struct SmtpTarget: Hashable, Sendable {
        public var isShared = false
        /// A day of a domain is released from so many attackers on, or from such a count on.
        public var minimumAttackers = 2
        public var minimumCount = 3
        /// Never released: the operator's own, and their parents and children.
        public var ownDomains: Set<String> = []
        public var noiseDomains: Set<String> = Noise.mailProviders
    }

    public var sessionSimHash = SessionSimHash()
    public var smtpTarget = SmtpTarget()
    /// A sighting waits so long, drawn evenly, so that its time of release tells nothing about the attack's.
    public var delay: ClosedRange<Duration> = .seconds(6 * 3_600)...(.seconds(24 * 3_600))

    public init() {}

    /// For trying things out: everything is shared at once, at far lower thresholds. Never for real attackers.
    public static var lab: Policy {
        var policy = Policy()
        policy.sessionSimHash.isShared = true
        policy.sessionSimHash.versions = [SessionProfile.schemaVersion, Fingerprint2.schemaVersion]
        policy.sessionSimHash.minimumTypedKeys = 40
        policy.sessionSimHash.minimumDigraphs = 20
        policy.smtpTarget.isShared = true
        policy.smtpTarget.minimumAttackers = 1
        policy.smtpTarget.minimumCount = 1
        policy.delay = .zero ... .zero
        return policy
    }

    /// Reads a policy file; every key may be left out. Throws `PolicyError` naming the key that is wrong.
    public init(reading path: String) throws(PolicyError) {
        self.init()
        let text: String
        do { text = try String(contentsOfFile: path, encoding: .utf8) } catch { throw .unreadable(path: path, reason: "no such file, or not text") }
        let table: TOMLTable
        do { table = try TOMLTable(string: text) } catch { throw .malformed(path: path, reason: "\(error)") }
        for section in table.keys.sorted() {
            guard let keys = Self.known[section] else { throw .unknownKey(path: path, key: section) }
            guard let content = table[section]?.table else { throw .badValue(path: path, key: section, expected: "a section [\(section)]") }
            for key in content.keys.sorted() where !keys.contains(key) { throw .unknownKey(path: path, key: "\(section).\(key)") }
        }
        func boolean(_ section: String, _ key: String, _ fallback: Bool) throws(PolicyError) -> Bool {
            guard let value = table[section]?.table?[key] else { return fallback }
            guard let value = value.bool else { throw .badValue(path: path, key: "\(section).\(key)", expected: "true or false") }
            return value
        }
        func number(_ section: String, _ key: String, _ fallback: Int) throws(PolicyError) -> Int {
            guard let value = table[section]?.table?[key] else { return fallback }
            guard let value = value.int, (0...1_000_000).contains(value) else {
                throw .badValue(path: path, key: "\(section).\(key)", expected: "a whole number from 0 to 1000000")
            }
            return value
        }
        func hours(_ key: String, _ fallback: Duration) throws(PolicyError) -> Duration {
            guard let value = table["release"]?.table?[key] else { return fallback }
            guard let value = value.double ?? value.int.map({ Double($0) }), (0...720).contains(value) else {
                throw .badValue(path: path, key: "release.\(key)", expected: "hours from 0 to 720")
            }
            return .milliseconds(Int64(value * 3_600_000))
        }
        func versions(_ fallback: Set<Int>) throws(PolicyError) -> Set<Int> {
            guard let value = table["session_simhash"]?.table?["schema_versions"] else { return fallback }
            let expected = "a list of schema_versions, [2], [1] or [1, 2]"
            guard let list = value.array else { throw .badValue(path: path, key: "session_simhash.schema_versions", expected: expected) }
            var versions: Set<Int> = []
            for index in 0..<list.count {
                guard let version = list[index].int, SessionSimHash.knownVersions.contains(version) else {
                    throw .badValue(path: path, key: "session_simhash.schema_versions", expected: expected)
                }
                versions.insert(version)
            }
            return versions
        }
        func lengthClass(_ fallback: UInt8) throws(PolicyError) -> UInt8 {
            let value = try number("session_simhash", "minimum_class", Int(fallback))
            guard (1...3).contains(value) else { throw .badValue(path: path, key: "session_simhash.minimum_class", expected: "a length class from 1 to 3") }
            return UInt8(value)
        }
        func domains(_ key: String, _ fallback: Set<String>) throws(PolicyError) -> Set<String> {
            guard let value = table["smtp_target"]?.table?[key] else { return fallback }
            guard let list = value.array else { throw .badValue(path: path, key: "smtp_target.\(key)", expected: "a list of domains") }
            var domains: Set<String> = []
            for index in 0..<list.count {
                guard let domain = list[index].string.flatMap({ DomainNormalizer.domain($0) }) else {
                    throw .badValue(path: path, key: "smtp_target.\(key)", expected: "a list of domains such as \"example.com\"")
                }
                domains.insert(domain.text)
            }
            return domains
        }
        sessionSimHash.isShared = try boolean("session_simhash", "share", sessionSimHash.isShared)
        sessionSimHash.versions = try versions(sessionSimHash.versions)
        sessionSimHash.minimumClass = try lengthClass(sessionSimHash.minimumClass)
        sessionSimHash.minimumTypedKeys = try number("session_simhash", "minimum_typed_keys", sessionSimHash.minimumTypedKeys)
        sessionSimHash.minimumDigraphs = try number("session_simhash", "minimum_digraphs", sessionSimHash.minimumDigraphs)
        sessionSimHash.trustsUnmeasured = try boolean("session_simhash", "trust_unmeasured", sessionSimHash.trustsUnmeasured)
        smtpTarget.isShared = try boolean("smtp_target", "share", smtpTarget.isShared)
        smtpTarget.minimumAttackers = try number("smtp_target", "minimum_attackers", smtpTarget.minimumAttackers)
        smtpTarget.minimumCount = try number("smtp_target", "minimum_count", smtpTarget.minimumCount)
        smtpTarget.ownDomains = try domains("own_domains", [])
        if try !boolean("smtp_target", "drop_mail_providers", true) { smtpTarget.noiseDomains = [] }
        smtpTarget.noiseDomains.formUnion(try domains("noise_domains", []))
        let shortest = try hours("minimum_delay_hours", delay.lowerBound)
        let longest = try hours("maximum_delay_hours", max(shortest, delay.upperBound))
        guard shortest <= longest else { throw .badValue(path: path, key: "release.maximum_delay_hours", expected: "not less than minimum_delay_hours") }
        delay = shortest...longest
    }

    private static let known: [String: Set<String>] = [
        "session_simhash": ["share", "schema_versions", "minimum_class", "minimum_typed_keys", "minimum_digraphs", "trust_unmeasured"],
        "smtp_target": ["share", "minimum_attackers", "minimum_count", "own_domains", "noise_domains", "drop_mail_providers"],
        "release": ["minimum_delay_hours", "maximum_delay_hours"],
    ]

    /// The policy as a file, every key with its meaning.
    public var fileText: String {
        func hours(_ duration: Duration) -> String { "\(Double(duration.components.seconds) / 3_600)" }
        return """
            # What this operator shares with the mesh. Nothing leaves unless it is switched on here.

            [session_simhash]
            # Keystroke SimHashes of attackers' shell sessions, with the day and the number of sessions.
            share = \(sessionSimHash.isShared)
            # Which codes leave. 2 needs a recording with its output, and tells how somebody types; 1 is DECNET's, and tells what was typed as well.
            schema_versions = [\(sessionSimHash.versions.sorted().map { "\($0)" }.joined(separator: ", "))]
            # Version 2: the shortest typing that leaves, by pairs of keys: 1 from 150, 2 from 400, 3 from 1,000.
            minimum_class = \(sessionSimHash.minimumClass)
            # Version 1: shorter sessions betray what was typed rather than how: they never leave.
            minimum_typed_keys = \(sessionSimHash.minimumTypedKeys)
            minimum_digraphs = \(sessionSimHash.minimumDigraphs)
            # Version 1: whether sessions count whose source does not tell how long they were (rows of a DECNET database without recording).
            trust_unmeasured = \(sessionSimHash.trustsUnmeasured)

            [smtp_target]
            # Registrable domains whose mailboxes were aimed at, with the day, a reported count and the number of attackers.
            share = \(smtpTarget.isShared)
            # A day of a domain leaves only from so many attackers on, or from such a reported count on.
            minimum_attackers = \(smtpTarget.minimumAttackers)
            minimum_count = \(smtpTarget.minimumCount)
            # Never shared: your own domains, and more that tell nothing.
            own_domains = []
            noise_domains = []
            # Big mail providers tell nothing about a victim.
            drop_mail_providers = true

            [release]
            # Each sighting waits a time drawn evenly between these, so that its release tells nothing about the hour of the attack.
            minimum_delay_hours = \(hours(delay.lowerBound))
            maximum_delay_hours = \(hours(delay.upperBound))

            """
    }
}

/// Domains that everybody's mail goes to.
enum Noise {
    static let mailProviders: Set<String> = [
        "163.com", "126.com", "aol.com", "att.net", "bigpond.com", "bluewin.ch", "bol.com.br", "btinternet.com", "comcast.net", "cox.net", "earthlink.net",
        "fastmail.com", "foxmail.com", "free.fr", "gmail.com", "gmx.at", "gmx.ch", "gmx.com", "gmx.de", "gmx.net", "googlemail.com", "hotmail.co.uk",
        "hotmail.com", "hotmail.de", "hotmail.fr", "hotmail.it", "icloud.com", "laposte.net", "libero.it", "live.com", "mail.com", "mail.ru", "me.com",
        "msn.com",
        "naver.com", "orange.fr", "outlook.com", "outlook.de", "posteo.de", "proton.me", "protonmail.com", "qq.com", "rambler.ru", "rocketmail.com",
        "sbcglobal.net", "seznam.cz", "sina.com", "t-online.de", "terra.com.br", "tutanota.com", "uol.com.br", "verizon.net", "virgilio.it", "wanadoo.fr",
        "web.de", "wp.pl", "yahoo.co.jp", "yahoo.co.uk", "yahoo.com", "yahoo.com.br", "yahoo.de", "yahoo.fr", "yandex.com", "yandex.ru", "ymail.com",
        "zoho.com",
    ]
}
