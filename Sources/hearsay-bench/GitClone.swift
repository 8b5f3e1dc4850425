import Foundation
import Ledger
import Primitives

/// The same sightings as one file per bucket in a git repository, to be cloned through git's own protocol between two of its processes.
struct GitClone {
    static let path = "/usr/bin/git"
    static var isHere: Bool { FileManager.default.isExecutableFile(atPath: path) }

    let fileCount: Int
    let byteCount: Int
    private let repository: String
    private let scratch: String

    /// Builds buckets as an origin would, and commits them.
    init(of sightings: [Sighting], scratch: String) throws {
        self.scratch = scratch
        repository = scratch + "/repository"
        try FileManager.default.createDirectory(atPath: repository, withIntermediateDirectories: true)
        var random = SeededGenerator(seed: 11)
        var (files, bytes) = (0, 0)
        let descriptor = StreamDescriptor.standard(for: .sessionSimHash1, shardKey: random.bytes(count: 16))
        let days = Dictionary(grouping: sightings, by: \.day)
        for day in days.keys.sorted() {
            guard let descriptor, let records = days[day]?.map(\.record).sorted() else { continue }
            for bucket in Bucket.buckets(of: records, at: day, descriptor: descriptor, using: &random) {
                try Data(bucket.bytes).write(to: URL(fileURLWithPath: repository + "/\(day)-\(bucket.entry.shard)"))
                files += 1
                bytes += bucket.bytes.count
            }
        }
        (fileCount, byteCount) = (files, bytes)
        guard Self.isHere else { return }
        try Self.git(["init", "--quiet"], in: repository)
        try Self.git(["add", "."], in: repository)
        try Self.git(["-c", "user.name=bench", "-c", "user.email=bench@localhost", "commit", "--quiet", "-m", "buckets"], in: repository)
    }

    /// Clones once, work tree and all.
    func time(_ round: Int) throws -> Duration {
        try ContinuousClock().measure { try Self.git(["clone", "--quiet", "file://" + repository, scratch + "/clone-\(round)"], in: scratch) }
    }

    private static func git(_ arguments: [String], in directory: String) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = arguments
        process.currentDirectoryURL = URL(fileURLWithPath: directory)
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw CocoaError(.executableLoad) }
    }
}
