import Keystrokes
import Ledger
import Primitives

/// Why something that was seen does not leave. Counted, and shown to the operator.
public enum Rejection: String, Sendable, Hashable, CaseIterable, Comparable {
    case sessionsNotShared = "session SimHashes are not shared (policy)"
    case noRecording = "no recording of the session: a database row has no code of schema_version 2"
    case noOutput = "the recording holds no output: what was typed hidden cannot be told, so there is no code of schema_version 2"
    case tooFewPairs = "too few pairs of keys for a code of schema_version 2"
    case tooLowClass = "too short a typing for a code of schema_version 2 to leave"
    case noSimHash = "too few digraphs for a SimHash"
    case dayUnknown = "the session's day is not known"
    case tooOld = "longer ago than sightings are kept"
    case inFuture = "dated in the future"
    case tooFewKeys = "too few typed keys"
    case tooFewDigraphs = "too few different digraphs"
    case lengthUnknown = "the source does not tell how long the session was"
    case targetsNotShared = "SMTP targets are not shared (policy)"
    case noDomain = "not a domain name that could be a victim's"
    case publicSuffix = "a public suffix, nobody's domain"
    case ownDomain = "one of our own domains"
    case noiseDomain = "a domain that everybody's mail goes to"
    case retracted = "retracted by the operator"
    case belowThreshold = "too few attackers and too low a count"

    public static func < (left: Rejection, right: Rejection) -> Bool { left.rawValue < right.rawValue }
}

/// Decides what may leave (`Protocol/outbox.md` §3). Pure: the same facts and policy give the same answer.
struct ReleaseGate {
    let policy: Policy
    /// The day on which is judged.
    let today: Day

    /// What is known of a session for schema_version 1.
    struct SessionFacts {
        var simHash: UInt64?
        var day: Day?
        var typedKeys: Int?
        var digraphs: Int?
        var samples: Int?
    }

    /// What is known of a session for schema_version 2.
    struct FingerprintFacts {
        var code: UInt64?
        /// `nil` without a recording that can be filtered.
        var keptPairs: Int?
        var lengthClass: UInt8?
        var hasRecording = true
        var day: Day?
    }

    /// The day, the code of schema_version 2 and its length class that may leave.
    func judge(_ session: FingerprintFacts) -> Result<(day: Day, simHash: UInt64, strength: UInt8), RejectionError> {
        let rules = policy.sessionSimHash
        guard rules.shares(Fingerprint2.schemaVersion) else { return .failure(.init(.sessionsNotShared)) }
        guard session.hasRecording else { return .failure(.init(.noRecording)) }
        guard session.keptPairs != nil else { return .failure(.init(.noOutput)) }
        guard let code = session.code, let lengthClass = session.lengthClass, code != 0 else { return .failure(.init(.tooFewPairs)) }
        guard lengthClass >= rules.minimumClass else { return .failure(.init(.tooLowClass)) }
        guard let day = session.day else { return .failure(.init(.dayUnknown)) }
        if let reason = judge(day: day) { return .failure(.init(reason)) }
        return .success((day, code, lengthClass))
    }

    /// The day, the SimHash of schema_version 1 and the strength that may leave.
    func judge(_ session: SessionFacts) -> Result<(day: Day, simHash: UInt64, strength: UInt8), RejectionError> {
        let rules = policy.sessionSimHash
        guard rules.shares(SessionProfile.schemaVersion) else { return .failure(.init(.sessionsNotShared)) }
        guard let simHash = session.simHash, simHash != 0 else { return .failure(.init(.noSimHash)) }
        guard let day = session.day else { return .failure(.init(.dayUnknown)) }
        if let reason = judge(day: day) { return .failure(.init(reason)) }
        if let typedKeys = session.typedKeys, typedKeys < rules.minimumTypedKeys { return .failure(.init(.tooFewKeys)) }
        if let digraphs = session.digraphs, digraphs < rules.minimumDigraphs { return .failure(.init(.tooFewDigraphs)) }
        guard session.typedKeys != nil && session.digraphs != nil || rules.trustsUnmeasured else { return .failure(.init(.lengthUnknown)) }
        let samples = session.samples ?? 0
        return .success((day, simHash, samples > 0 ? UInt8(Int.bitWidth - 1 - samples.leadingZeroBitCount) : 0))
    }

    /// Why a day is not shared; `nil` if it is.
    func judge(day: Day) -> Rejection? {
        if day.advanced(by: Int(StreamDescriptor.standardRetentionDays)) < today { return .tooOld }
        return day > today.advanced(by: 1) ? .inFuture : nil  // One day of grace for clocks and zones.
    }

    /// The form in which a domain may leave, whatever its counts.
    func judge(domain text: String) -> Result<DomainName, RejectionError> {
        let rules = policy.smtpTarget
        guard rules.isShared else { return .failure(.init(.targetsNotShared)) }
        guard let domain = DomainNormalizer.domain(text) else { return .failure(.init(.noDomain)) }
        guard let registrable = DomainNormalizer.registrable(domain) else { return .failure(.init(.publicSuffix)) }
        let isOwn = rules.ownDomains.contains { own in
            own == registrable.text || own.hasSuffix("." + registrable.text) || domain.text == own || domain.text.hasSuffix("." + own)
        }
        guard !isOwn else { return .failure(.init(.ownDomain)) }
        guard !rules.noiseDomains.contains(registrable.text), !rules.noiseDomains.contains(domain.text) else { return .failure(.init(.noiseDomain)) }
        return .success(registrable)
    }

    /// Whether a day of a domain may leave with these counts.
    func isEnough(attackers: Int, count: Int64) -> Bool {
        attackers >= policy.smtpTarget.minimumAttackers || count >= Int64(policy.smtpTarget.minimumCount)
    }
}

struct RejectionError: Error {
    let reason: Rejection
    init(_ reason: Rejection) { self.reason = reason }
}
