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

    mutating func add(_ session: SourceSession, person: Int) {
        sessionCount += 1
        add(session.simHash, pairCount: session.digraphSampleCount, schemaVersion: SessionProfile.schemaVersion, person: person)
        add(session.fingerprint?.code, pairCount: session.fingerprint?.keptPairCount, schemaVersion: Fingerprint2.schemaVersion, person: person)
    }

    /// A code of 0 is no signal.
    mutating func add(_ code: UInt64?, pairCount: Int?, schemaVersion: Int, person: Int) {
        guard let code, code != 0 else {
            codelessCounts[schemaVersion, default: 0] += 1
            return
        }
        let lengthClass = pairCount.flatMap { LengthClass(pairCount: $0) }
        specimens[schemaVersion, default: []].append(Specimen(person: person, code: code, lengthClass: lengthClass))
    }
}
