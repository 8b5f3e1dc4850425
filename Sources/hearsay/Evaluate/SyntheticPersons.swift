import Evaluation
import Foundation
import Synchronization

/// Makes synthetic sessions, on all cores; kept are their codes, or recordings in a folder.
struct SyntheticPersons {
    private let collection: SyntheticCollection

    init(_ collection: SyntheticCollection) { self.collection = collection }

    func make() -> MeasuredCollection {
        let results = Mutex([[SessionCodes]](repeating: [], count: collection.personCount))
        DispatchQueue.concurrentPerform(iterations: collection.personCount) { person in
            let sessions = (0..<collection.sessionCount).map { SessionCodes(collection.session($0, of: person)) }
            results.withLock { $0[person] = sessions }
        }
        var measured = MeasuredCollection()
        measured.personCount = collection.personCount
        for (person, sessions) in results.withLock({ $0 }).enumerated() {
            for session in sessions { measured.add(session, person: person) }
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
