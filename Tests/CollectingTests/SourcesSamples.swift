import Foundation
import GRDB
import Testing

@testable import Collecting

/// The samples beside the tests.
enum Samples {
    static let formats = path("formats")
    static let databases = ["seed-old", "seed-new", "seed-fresh", "release-1.0.0"]

    static func path(_ name: String) -> String { Bundle.module.resourcePath! + "/Resources/" + name }

    static func bytes(_ name: String) throws -> [UInt8] { Array(try Data(contentsOf: URL(fileURLWithPath: path(name)))) }

    static func expected() throws -> [String: [String: Any]] {
        try #require(try JSONSerialization.jsonObject(with: Data(try bytes("formats/expected.json"))) as? [String: [String: Any]])
    }

    /// A database file made of a dump.
    static func database(_ name: String, in folder: ScratchFolder) throws -> String {
        let path = folder.path + "/\(name).db"
        let queue = try DatabaseQueue(path: path)
        let dump = String(decoding: try bytes("decnet/\(name).sql"), as: UTF8.self)
        // Rows may name others that were left out of the dump.
        try queue.writeWithoutTransaction { database in
            try database.execute(sql: "PRAGMA foreign_keys = OFF")
            try database.execute(sql: "BEGIN; \(dump) COMMIT")
        }
        try queue.close()
        return path
    }
}

/// A folder that goes when its test ends.
final class ScratchFolder {
    let path = NSTemporaryDirectory() + "/sources-\(UUID().uuidString)"

    init() throws { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Writes a file, making its folders; gives its path.
    @discardableResult func write(_ bytes: some Sequence<UInt8>, to name: String) throws -> String {
        let file = path + "/" + name
        try FileManager.default.createDirectory(atPath: (file as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
        try Data(bytes).write(to: URL(fileURLWithPath: file))
        return file
    }

    @discardableResult func write(_ text: String, to name: String) throws -> String { try write(text.utf8, to: name) }

    var names: [String] { ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted() }
}

/// Everything that reading gave, sorted by kind.
struct Collected {
    var sessions: [String: SourceSession] = [:]
    var sessionCount = 0
    var targets: [SourceSmtpTarget] = []
    var attackers: [SourceAttacker] = []
    var problems: [SourceProblem] = []
    var positions: [SourcePosition] = []
    var finished: [FileState] = []
    var lastProgress: SourceProgress?

    /// - Parameter earlier: what an earlier reading left: files that are finished, and positions.
    init(_ paths: String..., after earlier: Collected? = nil) throws {
        var collected = Collected()
        try SourceSet(paths).read(
            position: { key in earlier?.positions.last { $0.fileKey == key }?.offset ?? 0 },
            isUnchanged: { earlier?.finished.contains($0) == true },
            { item in
                switch item {
                case .session(let session):
                    collected.sessions[session.sid] = session
                    collected.sessionCount += 1
                case .smtpTarget(let target): collected.targets.append(target)
                case .attacker(let attacker): collected.attackers.append(attacker)
                case .problem(let problem): collected.problems.append(problem)
                case .position(let position): collected.positions.append(position)
                case .progress(let progress): collected.lastProgress = progress
                }
            }, finished: { collected.finished.append($0) })
        self = collected
    }

    private init() {}
}

/// Random numbers that are the same again for the same seed (SplitMix64).
struct SeededDice: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
        return value ^ value >> 31
    }
}

/// Fails with every column in which a profile is not what the sample's file says.
func expectProfile(of session: SourceSession, toBe expected: [String: Any], _ name: String) throws {
    let profile = try #require(session.profile, "\(name)")
    for (column, value) in expected {
        switch (profile.value(of: column), value) {
        case (.null, is NSNull): break
        case (.blob(let bytes), let text as String): #expect(bytes.map { String(format: "%02x", $0) }.joined() == text, "\(name) \(column)")
        case (.text(let text), let list as [Any]):
            let own = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [Any], "\(name) \(column)")
            #expect(own as NSArray == list as NSArray, "\(name) \(column)")
        case (.real(let number), let other as NSNumber): #expect(number == other.doubleValue, "\(name) \(column)")
        case (.integer(let number), let other as NSNumber): #expect(number == other.int64Value, "\(name) \(column)")
        case (let own, let other): Issue.record("\(name) \(column): \(own) is not \(other)")
        }
    }
}
