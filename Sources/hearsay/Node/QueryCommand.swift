import ArgumentParser
import Foundation
import NodeRuntime

struct QueryCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "query", abstract: "Ask whether anybody has seen a typist or a domain. No packet is sent: the answer comes from the node's own replica.",
        subcommands: [SimHash.self, Domain.self, Domains.self])

    struct Options: ParsableArguments {
        @OptionGroup var home: HomeOptions

        @Flag(help: "Print one JSON object.")
        var json = false

        @Flag(help: "Read the node's files; it need not be running.")
        var local = false
    }

    struct SimHash: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "simhash", abstract: "Has anyone seen this typist?",
            discussion: """
                Shows the nearest codes, with what their nearness says: of schema_version 2 the 20 nearest within 16 bits, with decibans and odds; of version 1 the 10 \
                nearest, a weak hint. hearsay lookup asks from a recording or a session, and joins your own.
                """)

        @OptionGroup var options: Options
        @OptionGroup var typist: TypistOptions
        @OptionGroup var proof: ProofOption

        @Argument(help: "A code, 16 hex digits, as hearsay profile shows it.")
        var code: String

        @Option(help: "Which definition the code is of.")
        var schemaVersion = 2

        @Option(name: .customLong("class"), help: "The length class of the typing, 0 to 3 (without it: the shortest).")
        var lengthClass: Int?

        func run() throws {
            let request = try typist.request([TypistRequest.Session(code: code, lengthClass: lengthClass)], schemaVersion: schemaVersion)
            let text: String
            if options.local {
                text = try document(Questions.typist(request, in: LocalAnswers.index(of: options.home.node)))
            } else {
                text = try options.home.ask(.typist(request)) ?? "{}"
            }
            print(options.json ? text : try TypistText.text(text))
            try proof.write(JSONDecoder().decode(TypistDocument.self, from: Data(text.utf8)).proofTargets, from: options.home)
        }
    }

    struct Domain: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "domain", abstract: "Has anyone seen this domain targeted?",
            discussion: "Takes a domain or an address, and asks for the registrable domain, as it is published.")

        @OptionGroup var options: Options
        @OptionGroup var proof: ProofOption

        @Argument(help: "Such as example.com.")
        var name: String

        @Option(help: "From which share of all operators on it tells nothing that they have seen it, 0 to 1.")
        var noiseShare: Double?

        func run() throws {
            var request = DomainRequest(try PublishedDomain.of(name))
            request.noisePerMille = try TypistOptions.perMille(noiseShare)
            let text: String
            if options.local {
                text = try document(Questions.domain(request, in: LocalAnswers.index(of: options.home.node)))
            } else {
                text = try options.home.ask(.domain(request)) ?? "{}"
            }
            print(options.json ? text : try DomainText.text(text))
            try proof.write(JSONDecoder().decode(DomainDocument.self, from: Data(text.utf8)).proofTargets, from: options.home)
        }
    }
}

extension QueryCommand {
    struct Domains: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "domains", abstract: "Which domains are targeted most, or were last?",
            discussion: """
                Lists domains by the operators who have seen them aimed at, ourselves included, by their days, or the newest first. Published are registrable \
                domains: --under org.uk shows those of that suffix, --under example.com that one alone.
                """)

        @OptionGroup var options: Options

        @Option(help: "Only this domain and what is below it.")
        var under: String?

        @Option(help: "What comes first: operators, days or newest.")
        var by = "operators"

        @Option(help: "How many, 1 to 1000.")
        var limit = 20

        @Option(help: "From which share of all operators on it tells nothing that they have seen it, 0 to 1.")
        var noiseShare: Double?

        func run() throws {
            var request = DomainsRequest(under: try under.map(PublishedDomain.parent), order: by, limit: limit)
            request.noisePerMille = try TypistOptions.perMille(noiseShare)
            let text: String
            if options.local {
                text = try document(Questions.domains(request, in: LocalAnswers.index(of: options.home.node)))
            } else {
                text = try options.home.ask(.domains(request)) ?? "{}"
            }
            print(options.json ? text : try DomainRankingText.text(text))
        }
    }
}

private func document(_ answer: ControlAnswer) throws -> String {
    switch answer {
    case .document(let text): return text
    case .done: return "{}"
    case .failure(let error, let hint): throw Failure(error, hint: hint)
    }
}
