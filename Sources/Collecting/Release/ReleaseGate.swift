import Ledger
import Primitives

/// Why something that was seen does not leave. Counted, and shown to the operator.
public enum Rejection: String, Sendable, Hashable, CaseIterable, Comparable {
    case sessionsNotShared = "session SimHashes are not shared (policy)"
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

    struct SessionFacts {
        var simHash: UInt64?
        var day: Day?
        var typedKeys: Int?
        var digraphs: Int?
        var samples: Int?
    }

    /// The day, the SimHash and the strength that may leave.
    func judge(_ session: SessionFacts) -> Result<(day: Day, simHash: UInt64, strength: UInt8), RejectionError> {
        let rules = policy.sessionSimHash
        guard rules.isShared else { return .failure(.init(.sessionsNotShared)) }
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
