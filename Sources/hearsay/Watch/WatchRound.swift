import Collecting
import Foundation
import NodeRuntime
import Primitives
import Watching

/// Asks the node about what is watched, and hands what it says to the store, which decides what is new.
struct WatchRound {
    /// Codes in one question.
    private static let codesPerQuestion = 64
    /// Findings for own sessions that are gathered before they are told: more make more than one alert.
    private static let findingsPerTelling = 10_000

    let home: HomeOptions
    let store: WatchStore
    let sinks: Sinks
    /// Own sessions, by schema_version, that have been asked for since everything was.
    private var askedSessions: [Int: Set<String>] = [:]
    /// What profiles.db looked like when it was last read.
    private var profilesStamp: [String] = []
    private var random = SystemRandomNumberGenerator()

    init(home: HomeOptions, store: WatchStore, sinks: Sinks) {
        self.home = home
        self.store = store
        self.sinks = sinks
    }

    /// Asks everything about these watches.
    mutating func ask(_ watches: [Watch]) throws {
        for watch in watches {
            switch watch.subject {
            case .code(let code, let lengthClass):
                let asked = [AskedCode(code: code, lengthClass: lengthClass)]
                try tell(watch, NodeReply.groups(typist: try answer(watch, asked), asked: asked))
            case .domain(let domain): try tell(watch, [NodeReply.group(domain: try home.ask(.domain(DomainRequest(domain))) ?? "")])
            case .ownSessions:
                let all = try ownSessions(of: watch.schemaVersion)
                try ask(watch, all)
                askedSessions[watch.schemaVersion] = Set(all.map(Self.name))
            }
        }
    }

    /// Asks for sessions that were collected meanwhile; costs a look at two files if there are none.
    mutating func askForNewSessions(_ watches: [Watch]) throws {
        let stamp = self.stamp()
        guard stamp != profilesStamp else { return }
        var asked: [Int: [AskedCode]] = [:]
        for watch in watches where watch.subject == .ownSessions {
            let all = try asked[watch.schemaVersion] ?? ownSessions(of: watch.schemaVersion)
            asked[watch.schemaVersion] = all
            let known = askedSessions[watch.schemaVersion] ?? []
            try ask(watch, all.filter { !known.contains(Self.name($0)) })
        }
        for (version, all) in asked { askedSessions[version] = Set(all.map(Self.name)) }
        profilesStamp = stamp
    }

    private mutating func ask(_ watch: Watch, _ sessions: [AskedCode]) throws {
        var gathered: [FindingGroup] = []
        for start in stride(from: 0, to: sessions.count, by: Self.codesPerQuestion) {
            let asked = Array(sessions[start..<min(sessions.count, start + Self.codesPerQuestion)])
            gathered += try NodeReply.groups(typist: try answer(watch, asked), asked: asked).filter { !$0.findings.isEmpty }
            guard gathered.reduce(0, { $0 + $1.findings.count }) >= Self.findingsPerTelling else { continue }
            try tell(watch, gathered)
            gathered = []
        }
        try tell(watch, gathered)
    }

    private func answer(_ watch: Watch, _ asked: [AskedCode]) throws -> String {
        // Codes and length classes: nothing else of a session goes to the node.
        var request = TypistRequest(asked.map { .init(code: $0.code, lengthClass: $0.lengthClass) }, schemaVersion: watch.schemaVersion)
        request.radius = watch.within
        return try home.ask(.typist(request)) ?? ""
    }

    private mutating func tell(_ watch: Watch, _ groups: [FindingGroup]) throws {
        guard groups.contains(where: { !$0.findings.isEmpty }) else { return }
        _ = try store.tell(watch, groups, names: try names(), sinks: sinks, at: SystemClock.timestamp, using: &random)
    }

    /// What operators call themselves.
    private func names() throws -> [String: String] {
        let status = try JSONDecoder().decode(StatusDocument.self, from: Data((try home.ask(.status) ?? "{}").utf8))
        return Dictionary(status.origins.map { ($0.operator, $0.name) }, uniquingKeysWith: { first, _ in first })
    }

    private func ownSessions(of version: Int) throws -> [AskedCode] {
        guard FileManager.default.fileExists(atPath: home.collectorDirectory + "/profiles.db") else { return [] }
        return try ProfilesDatabase(directory: home.collectorDirectory).sessions(withCodeOf: version, limit: WatchLimits.ownSessions).compactMap { session in
            guard let code = session.code(of: version), let number = code.code else { return nil }
            return AskedCode(
                code: PublishedCode.text(number), lengthClass: code.lengthClass.map { Int($0) }, session: session.sid, attacker: session.attackerUUID)
        }
    }

    private static func name(_ asked: AskedCode) -> String { "\(asked.session ?? "")/\(asked.code)" }

    /// Size and time of the database and of its log; reading it changes neither.
    private func stamp() -> [String] {
        ["/profiles.db", "/profiles.db-wal"].map { name in
            var status = stat()
            guard stat(home.collectorDirectory + name, &status) == 0 else { return "" }
            return "\(status.st_ino) \(status.st_size) \(status.st_mtim.tv_sec) \(status.st_mtim.tv_nsec)"
        }
    }
}
