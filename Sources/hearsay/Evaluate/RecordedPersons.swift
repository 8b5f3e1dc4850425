import Collecting
import Evaluation
import Foundation
import Synchronization

/// A folder with a folder for each person: reads all recordings, several persons at a time.
struct RecordedPersons {
    private let directory: String
    /// In the order of their names; only their numbers leave this type.
    private let names: [String]

    /// Throws if there is nobody in the folder.
    init(in directory: String) throws {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: directory, isDirectory: &isFolder) else { throw Failure("there is no \(directory)", hint: Self.hint) }
        guard isFolder.boolValue else { throw Failure("\(directory) is no folder", hint: Self.hint) }
        let entries: [String]
        do { entries = try FileManager.default.contentsOfDirectory(atPath: directory).filter { !$0.hasPrefix(".") }.sorted() } catch {
            throw Failure("cannot read \(directory): \(error.localizedDescription)")
        }
        var names: [String] = []
        for entry in entries {
            guard FileManager.default.fileExists(atPath: directory + "/" + entry, isDirectory: &isFolder), isFolder.boolValue else {
                printError("skipped: \(directory)/\(entry): in no person's folder")
                continue
            }
            names.append(entry)
        }
        guard names.count >= SpecimenSet.smallestPersonCount else {
            throw Failure("\(directory) holds \(names.count == 1 ? "one person's folder" : "no person's folder")", hint: Self.hint)
        }
        self.directory = directory
        self.names = names
    }

    private static let hint = "hearsay evaluate DIR, with DIR/<person>/<recording> for each person"

    private struct Person: Sendable {
        /// Problems that are named; more are counted. A damaged recording has one in every line.
        static let namedProblemLimit = 100

        var sessions: [(sid: String, codes: SessionCodes)] = []
        var problems: [String] = []
        var problemCount = 0
        var byteCount: Int64 = 0

        mutating func add(_ problem: String) {
            if problemCount < Self.namedProblemLimit { problems.append(problem) }
            problemCount += 1
        }
    }

    /// Reads everything there is. What cannot be read is named on standard error and counted, and the rest goes on.
    func read() -> MeasuredCollection {
        let start = ContinuousClock.now
        struct Results {
            var persons: [Person]
            var doneCount = 0
            let progress = ProgressLine()
        }
        let results = Mutex(Results(persons: Array(repeating: Person(), count: names.count)))
        DispatchQueue.concurrentPerform(iterations: names.count) { place in
            var person = Person()
            let folder = directory + "/" + names[place]
            do {
                let set = try SourceSet([folder])
                person.byteCount = set.byteCount
                for stranger in Self.strangers(in: folder, besides: set) { person.add(stranger) }
                try set.read(
                    position: { _ in 0 }, isUnchanged: { _ in false },
                    { item in
                        switch item {
                        case .session(let session): person.sessions.append((session.sid, SessionCodes(session)))
                        case .problem(let problem): person.add("\(problem)")
                        case .smtpTarget, .attacker, .progress, .position: break
                        }
                    },
                    finished: { _ in })
            } catch { person.add("\(error)") }
            results.withLock { results in
                results.persons[place] = person
                results.doneCount += 1
                results.progress.show(share: Double(results.doneCount) / Double(names.count)) { "\(results.doneCount) of \(names.count) persons" }
            }
        }
        let persons = results.withLock { results in
            results.progress.finish()
            return results.persons
        }
        return merged(persons, time: ContinuousClock.now - start)
    }

    /// One after the other, so that the same folder gives the same figures.
    private func merged(_ persons: [Person], time: Duration) -> MeasuredCollection {
        var collection = MeasuredCollection()
        var owners: [String: Int] = [:]
        collection.personCount = persons.count
        collection.readingTime = time
        for (place, person) in persons.enumerated() {
            collection.byteCount += person.byteCount
            for problem in person.problems { printError("skipped: \(problem)") }
            let unnamedCount = person.problemCount - person.problems.count
            if unnamedCount > 0 { printError("skipped: \(unnamedCount) more in \(directory)/\(names[place])") }
            collection.problemCount += person.problemCount
            for session in person.sessions {
                guard let owner = owners.updateValue(place, forKey: session.sid) else {
                    collection.add(session.codes, person: place)
                    continue
                }
                owners[session.sid] = owner
                // A recording beside its copy would be a person who types the same to the microsecond.
                collection.duplicateCount += 1
                let other = owner == place ? "" : "; it counts for \(names[owner]), who has it too"
                printError("skipped: \(directory)/\(names[place]): session \(session.sid) a second time\(other)")
            }
        }
        return collection
    }

    /// Files that look like recordings by their names, and are none.
    private static func strangers(in folder: String, besides set: SourceSet) -> [String] {
        let known = Set(set.files.map(\.path))
        guard let names = FileManager.default.enumerator(atPath: folder) else { return [] }
        return names.compactMap { $0 as? String }.filter { name in
            [".cast", ".jsonl", ".json", ".log", ".db", ".sqlite"].contains { name.hasSuffix($0) } && !known.contains(folder + "/" + name)
        }.sorted().map { "\(folder)/\($0): no recording of a kind that is known" }
    }
}
