import Collecting
import Evaluation
import Keystrokes

/// The codes of many sessions by person, and what became of the sessions that have none.
struct MeasuredCollection {
    var personCount = 0
    var sessionCount = 0
    /// By schema_version.
    var specimens: [Int: [Specimen]] = [:]
    /// Sessions without a code, by schema_version: too short, or nothing was printed, or no recording.
    var codelessCounts: [Int: Int] = [SessionProfile.schemaVersion: 0, Fingerprint2.schemaVersion: 0]
    /// Files and records that could not be read.
    var problemCount = 0
    /// Sessions found a second time.
    var duplicateCount = 0
    var byteCount: Int64 = 0
    var readingTime: Duration = .zero

    mutating func add(_ session: SessionCodes, person: Int) {
        sessionCount += 1
        for (schemaVersion, code, pairCount) in session.codes {
            // A code of 0 is no signal.
            guard let code, code != 0 else {
                codelessCounts[schemaVersion, default: 0] += 1
                continue
            }
            let lengthClass = pairCount.flatMap { LengthClass(pairCount: $0) }
            specimens[schemaVersion, default: []].append(Specimen(person: person, code: code, lengthClass: lengthClass))
        }
    }
}

/// What is kept of a session while others are read: its codes, and how many pairs of keys each was made of.
struct SessionCodes: Sendable {
    let codes: [(schemaVersion: Int, code: UInt64?, pairCount: Int?)]

    init(_ session: SourceSession) {
        codes = [
            (SessionProfile.schemaVersion, session.simHash, session.digraphSampleCount),
            (Fingerprint2.schemaVersion, session.fingerprint?.code, session.fingerprint?.keptPairCount),
        ]
    }

    init(_ session: SyntheticSession) {
        let (profile, fingerprint) = session.codes()
        codes = [
            (SessionProfile.schemaVersion, profile.digraphSimHash, profile.digraphSampleCount),
            (Fingerprint2.schemaVersion, fingerprint?.code, fingerprint?.keptPairCount),
        ]
    }
}
