import ArgumentParser
import Collecting
import Foundation
import NodeRuntime
import Outbox
import Primitives

struct RetractCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "retract", abstract: "Take back sightings of ours that were released.",
        discussion: """
            The next head leaves them out, and every node that follows it deletes them. They are not released again, nor is what else this covers up to and \
            including today. What is seen from tomorrow on is released as before: to end that too, change the policy.
            """)

    @OptionGroup var home: HomeOptions

    @Option(help: ArgumentHelp("One SimHash, 16 hex digits, of every day.", valueName: "hex"))
    var simhash: String?

    @Option(help: ArgumentHelp("One registrable domain, of every day.", valueName: "name"))
    var domain: String?

    @Option(help: ArgumentHelp("Everything of one UTC day.", valueName: "YYYY-MM-DD"))
    var day: String?

    @Flag(help: "Everything.")
    var all = false

    @Flag(help: "Show who has deleted what was retracted.")
    var status = false

    @Flag(help: "Print one JSON object.")
    var json = false

    func validate() throws {
        let chosen = [simhash != nil, domain != nil, day != nil, all, status].filter { $0 }.count
        guard chosen == 1 else { throw ValidationError("choose one of --simhash, --domain, --day, --all and --status") }
    }

    func run() throws {
        if status { return try showStatus() }
        let scope = try scope()
        guard FileManager.default.fileExists(atPath: home.collectorDirectory + "/profiles.db") else {
            throw Failure("there is no profiles.db in \(home.collectorDirectory)", hint: "hearsay collect SOURCE")
        }
        let now = SystemClock.timestamp
        let retractor = Retractor(database: try ProfilesDatabase(directory: home.collectorDirectory), today: now.day)
        let released = try OutboxReader(directory: home.outboxDirectory).read(after: nil, limit: .max).changes
        let outcome = try retractor.note(scope, released: released, at: Int64(now.milliseconds))
        let isWritten = try write(retractor, at: Int64(now.milliseconds))
        // Being told saves the node half a second; without a node it is done at its next start.
        let isAbsorbed = isWritten && (try? home.ask(.absorb)) != nil
        if json {
            let counts = "\"domains\":\(outcome.domains),\"simhashes\":\(outcome.simHashes),\"waiting_dropped\":\(outcome.waiting)"
            return print("{\(counts),\"written\":\(isWritten),\"node_told\":\(isAbsorbed)}")
        }
        print("retracted  \(outcome.simHashes) SimHash and \(outcome.domains) domain sightings; \(outcome.waiting) that waited are not released")
        if !isWritten { printError("hint: the collector that is at work writes it to the outbox at its next look") }
        if outcome.simHashes + outcome.domains > 0 { printError("hint: hearsay retract --status shows who has deleted them") }
    }

    private func scope() throws -> RetractionScope {
        if let simhash {
            guard let bytes = Hex.decode(simhash), bytes.count == 8, bytes.contains(where: { $0 != 0 }) else {
                throw Failure("a SimHash has 16 hex digits, not all of them 0", hint: "hearsay retract --simhash 0123456789abcdef")
            }
            return .simHash(bytes.reduce(0) { $0 << 8 | UInt64($1) })
        }
        if let domain {
            let published = try PublishedDomain.of(domain)
            guard let name = DomainName(Array(published.utf8)) else { throw Failure("\(domain) is no domain that could be published") }
            return .domain(name)
        }
        if let day {
            guard let day = Day(day) else { throw Failure("\(day) is no day", hint: "hearsay retract --day 2026-01-31") }
            return .day(day)
        }
        return .everything
    }

    /// Whether it is in the outbox now; a collector at work holds the outbox, and does it itself.
    private func write(_ retractor: Retractor, at now: Int64) throws -> Bool {
        let outbox: OutboxWriter
        do throws(OutboxError) {
            outbox = try OutboxWriter(directory: home.outboxDirectory)
        } catch {
            if case .inUse = error { return false }
            throw error
        }
        try retractor.write(to: outbox, at: now)
        return true
    }

    private func showStatus() throws {
        // First what is in the outbox: the answer shall be about all of it.
        try home.ask(.absorb)
        let text = try home.ask(.status) ?? "{}"
        let status = try JSONDecoder().decode(StatusDocument.self, from: Data(text.utf8))
        var report = RetractionReport(status)
        if try unwrittenCount() > 0 { report.wait() }
        if json { return print(try report.json()) }
        print(report.text)
    }

    /// What a collector at work has still to write.
    private func unwrittenCount() throws -> Int {
        guard FileManager.default.fileExists(atPath: home.collectorDirectory + "/profiles.db") else { return 0 }
        return try Retractor(database: try ProfilesDatabase(directory: home.collectorDirectory), today: SystemClock.timestamp.day).unwrittenCount()
    }
}

/// Who has deleted what was retracted, as far as our node has been told.
struct RetractionReport: Encodable {
    struct Operator: Encodable {
        var `operator`: String
        var name: String
        /// Told of a head without what was retracted.
        var confirmed: Bool
        /// The newest head of ours that each of its nodes has told of.
        var holds_our_head: [String?]
    }

    /// `none`, `waiting`, or the first head without what was retracted.
    var retracted_by_head: String
    var operators: [Operator]

    init(_ status: StatusDocument) {
        retracted_by_head = status.retracted_by_head ?? "none"
        operators = status.origins.filter { $0.standing == "member" }.map { origin in
            Operator(
                operator: origin.operator, name: origin.name, confirmed: origin.has_retracted ?? false,
                holds_our_head: status.peers.filter { $0.operator == origin.operator }.map(\.holds_our_head))
        }
    }

    /// Something is retracted that our own node does not know of yet: nobody else can have deleted it.
    mutating func wait() {
        retracted_by_head = "waiting"
        for index in operators.indices { operators[index].confirmed = false }
    }

    func json() throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(self), as: UTF8.self)
    }

    var text: String {
        switch retracted_by_head {
        case "none": return "nothing was retracted"
        case "waiting": return "our node has not published a head without what was retracted yet"
        default: break
        }
        var table = TextTable(["operator", "name", "holds our head", "has deleted what was retracted"])
        for entry in operators {
            let held = entry.holds_our_head.map { $0 ?? "-" }.joined(separator: ", ")
            table.add([String(entry.operator.prefix(16)), entry.name, held.isEmpty ? "-" : held, entry.confirmed ? "yes" : "not confirmed"])
        }
        let confirmed = operators.filter(\.confirmed).count
        return """
            since our head \(retracted_by_head) nothing retracted is published; \(confirmed) of \(operators.count) operators have confirmed it
            \(table.text)
            """
    }
}
