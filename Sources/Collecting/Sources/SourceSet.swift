import Cryptography
import Foundation
import Primitives

/// All that a run reads: files and folders, told apart by what is in them.
///
/// Logs come before the recordings they tell of. What is unchanged since an earlier run, by size and time of change, is passed over.
public struct SourceSet {
    /// Files of one folder that are looked at.
    static let fileLimit = 1_000_000
    /// What of a file's beginning tells its kind and names it.
    private static let beginningByteCount = 1 << 16
    /// Lines of a file's beginning that are looked at: the first may be damaged, or cut where a log was rotated.
    private static let beginningLineCount = 32

    public enum Kind: Hashable, Sendable { case decnetDatabase, decnetShard, decnetLog, cowrieLog, asciicast }

    public struct File: Hashable, Sendable {
        public let path: String
        public let kind: Kind
    }

    public let files: [File]
    /// Files of folders that could not be looked at.
    private let problems: [SourceProblem]

    /// Looks at every path; folders with all that is below them. Throws `SourceError` for a path that holds nothing known.
    public init(_ paths: [String]) throws(SourceError) {
        var files: [File] = []
        var problems: [SourceProblem] = []
        for path in paths {
            var isFolder: ObjCBool = false
            guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
                throw .unreadable(path: path, reason: "no such file or folder")
            }
            guard isFolder.boolValue else {
                guard let kind = try Self.kind(of: path) else { throw .unrecognised(path: path) }
                files.append(File(path: path, kind: kind))
                continue
            }
            let found = try Self.files(below: path, &problems)
            guard !found.isEmpty else { throw .nothingFound(path: path) }
            files += found
        }
        // Databases and logs first: they say whose the recordings are.
        let order: [Kind] = [.decnetDatabase, .decnetLog, .decnetShard, .cowrieLog, .asciicast]
        var seen: Set<String> = []
        self.problems = problems
        self.files = order.flatMap { kind in files.filter { $0.kind == kind && seen.insert($0.path).inserted } }
    }

    /// Bytes of all files together.
    public var byteCount: Int64 { files.reduce(0) { $0 + Self.size($1.path) } }

    /// Gives everything there is, file by file.
    ///
    /// - Parameters:
    ///   - position: how far a growing file was read earlier.
    ///   - isUnchanged: whether a file, in this state, was read to its end earlier.
    ///   - finished: a file, in this state, has been read to its end.
    public func read(
        position: (String) throws -> Int64, isUnchanged: (FileState) throws -> Bool, _ emit: (SourceItem) throws -> Void, finished: (FileState) throws -> Void
    ) throws {
        for problem in problems { try emit(.problem(problem)) }
        var facts: [String: SessionFacts] = [:]
        for file in files where file.kind == .decnetLog {
            do {
                facts.merge(try DecnetLogReader(path: file.path).sessionFacts { try emit(.problem($0)) }) { _, new in new }
            } catch let error as SourceError { try emit(.problem(SourceProblem(file: file.path, offset: nil, reason: error.description))) }
        }
        let factStamps = Self.stamps(of: facts)
        var done: Int64 = 0
        let total = byteCount
        for file in files {
            var state = FileState(file.path)
            // A session may be told of after its recording was read: then its shard is read again.
            if file.kind == .decnetShard { state?.stamp += Self.stamp(of: file.path, in: factStamps) }
            defer { done += Self.size(file.path) }
            if let state, try isUnchanged(state) { continue }
            let base = done
            let emitting: (SourceItem) throws -> Void = { item in
                guard case .progress(let progress) = item else { return try emit(item) }
                try emit(.progress(SourceProgress(doneByteCount: base + progress.doneByteCount, totalByteCount: total)))
            }
            do {
                try read(file, facts: facts, position: position, emitting)
            } catch let error as SourceError {
                try emit(.problem(SourceProblem(file: file.path, offset: nil, reason: error.description)))
                continue
            }
            if let state { try finished(state) }
            try emit(.progress(SourceProgress(doneByteCount: done + Self.size(file.path), totalByteCount: total)))
        }
    }

    private func read(
        _ file: File, facts: [String: SessionFacts], position: (String) throws -> Int64, _ emit: (SourceItem) throws -> Void
    ) throws {
        switch file.kind {
        case .decnetDatabase: try DecnetDatabaseReader(path: file.path).read(emit)
        case .decnetShard: try ShardReader(path: file.path, facts: facts).read(emit)
        case .decnetLog:
            let key = try Self.fileKey(file.path)
            try DecnetLogReader(path: file.path).readTargets(from: try position(key), fileKey: key, emit)
        case .cowrieLog:
            let folder = (file.path as NSString).deletingLastPathComponent
            // Beside the log, or where Cowrie puts them: var/log/cowrie and var/lib/cowrie.
            let folders = [folder + "/tty", folder, folder + "/../tty", folder + "/../../lib/cowrie/tty"]
            try CowrieReader(path: file.path, ttylogFolders: folders).read(emit)
        case .asciicast: try AsciicastReader(path: file.path).read(emit)
        }
    }

    // MARK: Telling kinds apart

    /// By the first bytes, not by the name; `nil` for an unknown kind.
    static func kind(of path: String) throws(SourceError) -> Kind? {
        let beginning = try Self.beginning(of: path)
        if beginning.starts(with: Array("SQLite format 3\u{0}".utf8)) { return .decnetDatabase }
        let lines = beginning.split(separator: 0x0A, maxSplits: beginningLineCount)
        if let first = lines.first, AsciicastReader.Header(first) != nil { return .asciicast }
        for line in lines.prefix(beginningLineCount) {
            if line.starts(with: Array("{\"sid\":".utf8)) { return .decnetShard }
            if line.first == UInt8(ascii: "{"), String(decoding: line, as: UTF8.self).contains("\"eventid\"") { return .cowrieLog }
            if SyslogRecord(line) != nil { return .decnetLog }
        }
        return nil
    }

    private static func files(below folder: String, _ problems: inout [SourceProblem]) throws(SourceError) -> [File] {
        // Symbolic links are not followed: a recording must not lead out of the folder it was given in.
        guard let names = FileManager.default.enumerator(atPath: folder) else { throw .unreadable(path: folder, reason: "cannot be listed") }
        var paths: [String] = []
        for case let name as String in names where names.fileAttributes?[.type] as? FileAttributeType == .typeRegular {
            guard paths.count < fileLimit else { throw .unreadable(path: folder, reason: "over \(fileLimit) files") }
            paths.append(folder + "/" + name)
        }
        var files: [File] = []
        for path in paths.sorted() where isCandidate(path) {
            // One file without permission does not keep the others from being read.
            do { if let kind = try kind(of: path) { files.append(File(path: path, kind: kind)) } } catch {
                problems.append(SourceProblem(file: path, offset: nil, reason: error.description))
            }
        }
        return files
    }

    /// In a folder, names narrow the search: ttylogs and write-ahead logs are not looked at by themselves.
    private static func isCandidate(_ path: String) -> Bool {
        let name = (path as NSString).lastPathComponent
        return [".jsonl", ".json", ".log", ".cast", ".db", ".sqlite"].contains { name.hasSuffix($0) } || name.hasPrefix("cowrie.json")
            || name.hasPrefix("decnet.log")
    }

    private static func beginning(of path: String) throws(SourceError) -> ArraySlice<UInt8> {
        let descriptor = try PlainFile.open(path).descriptor
        defer { close(descriptor) }
        return try PlainFile.read(descriptor, upTo: beginningByteCount, path: path)[...]
    }

    // MARK: Telling whether what is known of a shard's sessions has changed

    /// What logs say, summed up by the day on which the sessions began; those without a day under -1.
    private static func stamps(of facts: [String: SessionFacts]) -> [Int64: String] {
        Dictionary(grouping: facts, by: { $0.value.startedAt.map { $0 / 86_400_000 } ?? -1 }).mapValues { group in
            let lines = group.map { "\($0.key) \($0.value)" }.sorted()
            return Hex.encode(BLAKE2b.hash(Array(lines.joined(separator: "\n").utf8)).bytes.prefix(8))
        }
    }

    /// Of the days around the one in a shard's name, as a session stays in the shard of the day it began; of all days if the name has none.
    private static func stamp(of path: String, in stamps: [Int64: String]) -> String {
        let name = (path as NSString).lastPathComponent
        guard let day = SourceTime.milliseconds(name.dropFirst("sessions-".count).prefix(10) + "T00:00:00").map({ $0 / 86_400_000 }) else {
            return stamps.sorted { $0.key < $1.key }.reduce(" facts") { "\($0) \($1.value)" }
        }
        return [-1, day - 1, day, day + 1].reduce(" facts") { $0 + " " + (stamps[$1] ?? "-") }
    }

    /// The hash of a file's first line: the same wherever the file is moved or copied.
    private static func fileKey(_ path: String) throws(SourceError) -> String {
        Hex.encode(BLAKE2b.hash(Array(try beginning(of: path).prefix { $0 != 0x0A })).bytes.prefix(16))
    }

    static func size(_ path: String) -> Int64 {
        var status = stat()
        return stat(path, &status) == 0 ? Int64(status.st_size) : 0
    }
}

/// A file as it was when it was read: enough to see whether it has changed.
public struct FileState: Hashable, Sendable {
    public let path: String
    /// Size and time of change of the file, and of a database's log beside it.
    public internal(set) var stamp: String

    init?(_ path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        var stamp = "\(status.st_size) \(status.st_mtim.tv_sec).\(status.st_mtim.tv_nsec)"
        if stat(path + "-wal", &status) == 0 { stamp += " \(status.st_size) \(status.st_mtim.tv_sec).\(status.st_mtim.tv_nsec)" }
        self.path = path
        self.stamp = stamp
    }
}
