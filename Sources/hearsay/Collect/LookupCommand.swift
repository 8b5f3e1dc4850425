import ArgumentParser
import Collecting
import Foundation
import Keystrokes
import NodeRuntime

struct LookupCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lookup", abstract: "Has anyone seen the typist of this session, recording or attacker? With your own sessions beside the answer.",
        discussion: """
            The codes are computed or read here. The node is asked over its control socket with the codes and their length classes and nothing else, and answers from \
            its replica: no packet is sent. Your own sessions and attackers are joined here. Version 2 is asked where there is a recording with its output, else version 1, \
            which is weak.
            """)

    @OptionGroup var home: HomeOptions
    @OptionGroup var typist: TypistOptions

    @Option(help: ArgumentHelp("A session that was collected.", valueName: "sid"))
    var session: String?

    @Option(help: ArgumentHelp("A recording of one session; it is not kept.", valueName: "file"))
    var recording: String?

    @Option(help: ArgumentHelp("All sessions of an attacker together.", valueName: "uuid"))
    var attacker: String?

    @Flag(help: "Print one JSON object.")
    var json = false

    /// Sessions asked about together; the longest are taken.
    private static let sessionLimit = 64
    /// Own sessions named beside the answer.
    private static let ownLimit = 20

    func validate() throws {
        guard [session, recording, attacker].compactMap({ $0 }).count == 1 else { throw ValidationError("choose one of --session, --recording and --attacker") }
    }

    func run() throws {
        let database = try ownSessions()
        let asked = try sessions(in: database)
        let version = asked.contains { $0.code(of: Fingerprint2.schemaVersion) != nil } ? Fingerprint2.schemaVersion : SessionProfile.schemaVersion
        let usable = asked.compactMap { session in session.code(of: version).map { (session, $0) } }
            .sorted { ($1.1.keptPairs ?? 0, $0.0.sid) < ($0.1.keptPairs ?? 0, $1.0.sid) }.prefix(Self.sessionLimit)
        let codes = usable.compactMap(\.1.code)
        guard !codes.isEmpty else {
            throw Failure(
                "too little was typed for a code", hint: "version 2 needs 40 pairs of keys and a recording with its output, version 1 8 different pairs")
        }
        let request = try typist.request(
            usable.map { TypistRequest.Session(code: PublishedCode.text($0.1.code ?? 0), lengthClass: $0.1.lengthClass.map { Int($0) }) },
            schemaVersion: version)
        let answer = try home.ask(.typist(request)) ?? "{}"
        let names = Set(asked.map(\.sid))
        // Within what version 2 is cut at, or the radius that version 1 goes by.
        let bits = version == Fingerprint2.schemaVersion ? 16 : 8
        let near =
            try database?.sessions(near: codes, of: version, within: bits, limit: Self.ownLimit + names.count)
            .filter { !names.contains($0.session.sid) }.prefix(Self.ownLimit) ?? []
        if json { return print(try Self.object(answer, usable.map(\.0), Array(near))) }
        try show(answer, usable.map(\.0), Array(near), asked.count, version)
    }

    private func ownSessions() throws -> ProfilesDatabase? {
        guard FileManager.default.fileExists(atPath: home.collectorDirectory + "/profiles.db") else {
            guard recording != nil else { throw Failure("there is no profiles.db in \(home.collectorDirectory)", hint: "hearsay collect SOURCE") }
            return nil
        }
        return try ProfilesDatabase(directory: home.collectorDirectory)
    }

    private func sessions(in database: ProfilesDatabase?) throws -> [OwnSession] {
        if let session {
            guard let found = try database?.session(session) else {
                throw Failure("session \(session) was never collected here", hint: "hearsay collect SOURCE")
            }
            return [found]
        }
        if let attacker {
            let found = try database?.sessions(ofAttacker: attacker) ?? []
            guard !found.isEmpty else { throw Failure("no session of attacker \(attacker) was collected here", hint: "hearsay collect SOURCE") }
            return found
        }
        var found: [OwnSession] = []
        var problems: [String] = []
        try SourceSet([recording ?? ""]).read(
            position: { _ in 0 }, isUnchanged: { _ in false },
            { item in
                switch item {
                case .session(let session): found.append(OwnSession(session))
                case .problem(let problem): problems.append("\(problem)")
                case .smtpTarget, .attacker, .progress, .position: break
                }
            },
            finished: { _ in })
        for problem in problems.prefix(10) { printError("skipped: \(problem)") }
        guard let first = found.first else { throw Failure("\(recording ?? "") holds no session", hint: "hearsay profile shows what a file holds") }
        guard found.count == 1 else {
            throw Failure(
                "\(recording ?? "") holds \(found.count) sessions, which may be of as many persons",
                hint: "hearsay collect it, then hearsay lookup --session \(first.sid)")
        }
        return found
    }

    private func show(_ answer: String, _ asked: [OwnSession], _ near: [(session: OwnSession, distance: Int)], _ all: Int, _ version: Int) throws {
        for session in asked {
            let code = session.code(of: version)
            let lengthClass = code?.lengthClass.map { ", length class \($0)" } ?? ""
            print("\(session.sid): code \(PublishedCode.text(code?.code ?? 0)) of schema_version \(version)\(lengthClass)\(Self.whose(session))")
        }
        if all > asked.count { print("\(all - asked.count) more have no code of schema_version \(version), or are beyond the \(Self.sessionLimit) longest") }
        print(try TypistText.text(answer))
        guard !near.isEmpty else { return print("none of our own other sessions is as near") }
        print("our own other sessions that are near:")
        var table = TextTable(["bits", "session", "day", "service", "attacker", "address"])
        for (session, distance) in near {
            table.add([
                "\(distance)", session.sid, session.day.map { "\($0)" } ?? "-", session.service ?? "-", session.attackerUUID ?? "-",
                session.attackerAddress ?? "-",
            ])
        }
        print(table.text)
    }

    private static func whose(_ session: OwnSession) -> String {
        let parts = [session.day.map { "\($0)" }, session.attackerUUID.map { "attacker \($0)" }].compactMap { $0 }
        return parts.isEmpty ? "" : " (\(parts.joined(separator: ", ")))"
    }

    private static func object(_ answer: String, _ asked: [OwnSession], _ near: [(session: OwnSession, distance: Int)]) throws -> String {
        let document = LookupDocument(
            asked: asked.map { LookupDocument.Own($0, distance: nil) }, own_sessions: near.map { LookupDocument.Own($0.session, distance: $0.distance) })
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let own = String(decoding: try encoder.encode(document), as: UTF8.self)
        // Both are objects: the node's answer stays as it came.
        return "{\"answer\":\(answer),\(own.dropFirst())"
    }
}

/// What the operator's own side adds to a node's answer.
struct LookupDocument: Encodable {
    struct Own: Encodable {
        var sid: String
        var day: String?
        var service: String?
        var attacker: String?
        var address: String?
        var distance: Int?

        init(_ session: OwnSession, distance: Int?) {
            sid = session.sid
            day = session.day.map { "\($0)" }
            service = session.service
            attacker = session.attackerUUID
            address = session.attackerAddress
            self.distance = distance
        }
    }
    var asked: [Own]
    var own_sessions: [Own]
}
