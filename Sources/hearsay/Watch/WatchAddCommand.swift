import ArgumentParser
import Primitives
import Similarity
import Watching

struct WatchAddCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "add", abstract: "Watch something. What others have seen of it already is told first.",
        subcommands: [SimHash.self, Domain.self, OwnSessions.self])

    struct Options: ParsableArguments {
        @OptionGroup var home: HomeOptions

        @Option(help: "What alerts call it.")
        var label: String?

        @Option(help: "Alert only when so many other operators have seen it.")
        var minOperators = 1

        func add(_ subject: Watch.Subject, schemaVersion: Int = 1, within: Int = 0, minimumDecibans: Double? = nil) throws {
            guard (1...10_000).contains(minOperators) else { throw Failure("a number of operators is 1 or more", hint: "--min-operators 2") }
            var watch = Watch(
                subject, label: "", schemaVersion: schemaVersion, within: within, minimumDecibans: minimumDecibans, minimumOperators: minOperators)
            watch.label = label ?? watch.subjectText
            let isLine = !watch.label.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x7F }
            guard isLine, watch.label.utf8.count <= WatchLimits.labelByteCount else {
                throw Failure("a label is one line of at most \(WatchLimits.labelByteCount) bytes")
            }
            let number = try WatchStore(directory: home.watcherDirectory).add(watch)
            print("watch \(number): \(watch.subjectText); hearsay watch run tells what is seen")
        }
    }

    struct CodeOptions: ParsableArguments {
        @Option(help: "Which definition codes are of.")
        var schemaVersion = 2

        @Option(help: "How many bits away a code may be (default: 10 of version 2, 8 of version 1).")
        var within: Int?

        @Option(help: "Pass over codes that say less, in decibans; version 2 only.")
        var minDecibans: Double?

        func bits() throws -> Int {
            guard let version = UInt16(exactly: schemaVersion), [1, 2].contains(version) else {
                throw Failure("codes have schema_version 1 or 2", hint: "--schema-version 2")
            }
            guard minDecibans == nil || version == 2 else { throw Failure("codes of schema_version 1 have no decibans", hint: "leave out --min-decibans") }
            let habits = StreamHabits.of(StreamID(kind: StreamID.sessionSimHash1.kind, schemaVersion: version))
            // Beyond it nearly all that is found are strangers: every adoption would bring an alert.
            let widest = Int(habits.widestRadius ?? 16)
            let bits = within ?? Int(habits.radius)
            guard (0...widest).contains(bits) else { throw Failure("a watch looks at most \(widest) bits far", hint: "--within \(habits.radius)") }
            return bits
        }
    }

    struct SimHash: ParsableCommand {
        static let configuration = CommandConfiguration(commandName: "simhash", abstract: "Watch for codes near this one.")

        @OptionGroup var options: Options
        @OptionGroup var codes: CodeOptions

        @Argument(help: "A code, 16 hex digits, as hearsay profile shows it.")
        var code: String

        @Option(name: .customLong("class"), help: "The length class of the typing, 0 to 3 (without it: the shortest).")
        var lengthClass: Int?

        func run() throws {
            guard let bytes = Hex.decode(code), bytes.count == 8, bytes.contains(where: { $0 != 0 }) else {
                throw Failure("a SimHash has 16 hex digits, not all zeros", hint: "hearsay watch add simhash 0123456789abcdef")
            }
            guard lengthClass.map({ (0...3).contains($0) }) ?? true else {
                throw Failure("a length class is a number from 0 to 3", hint: "hearsay profile shows that of a recording")
            }
            try options.add(
                .code(Hex.encode(bytes), lengthClass: lengthClass), schemaVersion: codes.schemaVersion, within: codes.bits(),
                minimumDecibans: codes.minDecibans)
        }
    }

    struct Domain: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "domain", abstract: "Watch for this domain being targeted.",
            discussion: "Takes a domain or an address, and watches the registrable domain, as it is published.")

        @OptionGroup var options: Options

        @Argument(help: "Such as example.com.")
        var name: String

        func run() throws { try options.add(.domain(try PublishedDomain.of(name))) }
    }

    struct OwnSessions: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "own-sessions", abstract: "Watch for codes near those of your own sessions, also of sessions that are still to be collected.",
            discussion: """
                Reads collector/profiles.db; the node is asked with the codes and their length classes alone. Alerts name your own session and its attacker; \
                a webhook leaves both out, unless hearsay watch run is given --webhook-identities. Watched are the \(WatchLimits.ownSessions) newest sessions.
                """)

        @OptionGroup var options: Options
        @OptionGroup var codes: CodeOptions

        func run() throws {
            try options.add(.ownSessions, schemaVersion: codes.schemaVersion, within: codes.bits(), minimumDecibans: codes.minDecibans)
        }
    }
}
