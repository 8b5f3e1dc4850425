import Evaluation
import Foundation
import Keystrokes
import Synchronization

/// Makes synthetic sessions, on all cores; kept are their codes, or recordings in a folder.
struct SyntheticPersons {
    private let collection: SyntheticCollection

    init(_ collection: SyntheticCollection) { self.collection = collection }

    func make() -> MeasuredCollection {
        struct Codes {
            var version1: UInt64?
            var sampleCount = 0
            var version2: Fingerprint2?
        }
        let results = Mutex([[Codes]](repeating: [], count: collection.personCount))
        DispatchQueue.concurrentPerform(iterations: collection.personCount) { person in
            let codes = (0..<collection.sessionCount).map { session in
                let (profile, fingerprint) = collection.session(session, of: person).codes()
                return Codes(version1: profile.digraphSimHash, sampleCount: profile.digraphSampleCount, version2: fingerprint)
            }
            results.withLock { $0[person] = codes }
        }
        var measured = MeasuredCollection()
        measured.personCount = collection.personCount
        for (person, sessions) in results.withLock({ $0 }).enumerated() {
            for codes in sessions {
                measured.sessionCount += 1
                measured.add(codes.version1, pairCount: codes.sampleCount, schemaVersion: SessionProfile.schemaVersion, person: person)
                measured.add(codes.version2?.code, pairCount: codes.version2?.keptPairCount, schemaVersion: Fingerprint2.schemaVersion, person: person)
            }
        }
        return measured
    }

    /// Writes DIR/person-0001/session-001.cast and so on. The folder must not exist yet.
    func write(to directory: String) throws {
        let failure = Mutex<String?>(nil)
        do {
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
        } catch { throw Failure("cannot make the folder \(directory): \(error.localizedDescription)", hint: "name one that does not exist yet") }
        DispatchQueue.concurrentPerform(iterations: collection.personCount) { person in
            guard failure.withLock({ $0 == nil }) else { return }
            let folder = directory + String(format: "/person-%04d", person + 1)
            do {
                try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
                for session in 0..<collection.sessionCount {
                    let path = folder + String(format: "/session-%03d.cast", session + 1)
                    // A day each, so that no two headers are alike.
                    let start = 1_700_000_000 + 86_400 * session + person
                    try Data(collection.session(session, of: person).asciicast(startedAt: start)).write(to: URL(fileURLWithPath: path))
                }
            } catch { failure.withLock { $0 = "cannot write \(folder): \(error.localizedDescription)" } }
        }
        if let failure = failure.withLock({ $0 }) { throw Failure(failure) }
    }
}
