import Foundation
import GRDB
import Testing

@testable import Collecting

/// The samples beside the tests.
enum Samples {
    static let formats = path("formats")
    static let databases = ["seed-old", "seed-new", "seed-fresh", "release-1.0.0"]

    static func path(_ name: String) -> String {
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Resources/" + name).path
    }

    static func bytes(_ name: String) throws -> [UInt8] { Array(try Data(contentsOf: URL(fileURLWithPath: path(name)))) }

    static func expected() throws -> [String: [String: JSON]] {
        try JSONDecoder().decode([String: [String: JSON]].self, from: Data(try bytes("formats/expected.json")))
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

/// Any JSON value, its numbers to the last bit (`JSONSerialization` rounds them).
enum JSON: Equatable, Decodable {
    case null, bool(Bool), number(Double), text(String), list([JSON]), object([String: JSON])

    init(from decoder: any Decoder) throws {
        let value = try decoder.singleValueContainer()
        if value.decodeNil() {
            self = .null
        } else if let bool = try? value.decode(Bool.self) {
            self = .bool(bool)
        } else if let number = try? value.decode(Double.self) {
            self = .number(number)
        } else if let text = try? value.decode(String.self) {
            self = .text(text)
        } else if let list = try? value.decode([JSON].self) {
            self = .list(list)
        } else {
            self = .object(try value.decode([String: JSON].self))
        }
    }

    var text: String? { if case .text(let text) = self { text } else { nil } }
    var object: [String: JSON]? { if case .object(let object) = self { object } else { nil } }
}

/// Fails with every column in which a profile is not what the sample's file says.
func expectProfile(of session: SourceSession, toBe expected: [String: JSON], _ name: String) throws {
    let profile = try #require(session.profile, "\(name)")
    for (column, value) in expected {
        switch (profile.value(of: column), value) {
        case (.null, .null): break
        case (.blob(let bytes), .text(let text)): #expect(bytes.map { String(format: "%02x", $0) }.joined() == text, "\(name) \(column)")
        case (.text(let text), .list): #expect(try JSONDecoder().decode(JSON.self, from: Data(text.utf8)) == value, "\(name) \(column)")
        // Sums are exact where the samples were made, and of rounded numbers here.
        case (.real(let number), .number(let other)) where ["kd_iki_mean", "kd_iki_stdev"].contains(column):
            #expect(abs(number - other) <= other * 1e-12, "\(name) \(column)")
        case (.real(let number), .number(let other)): #expect(number == other, "\(name) \(column)")
        case (.integer(let number), .number(let other)): #expect(Double(number) == other, "\(name) \(column)")
        case (let own, let other): Issue.record("\(name) \(column): \(own) is not \(other)")
        }
    }
}
