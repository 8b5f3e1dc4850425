import ArgumentParser
import Foundation
import NodeRuntime

struct AskCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ask", abstract: "Ask another operator's node. The question leaves this machine: that node learns what you ask.",
        discussion: """
            For nodes that hold no replica of their own; hearsay query asks your own replica and tells nobody. The answer is coarse on purpose: whether at least three \
            operators of different sponsor branches have seen it, in steps. The peer's operator must have switched answering on (hearsay answering on), and answers each operator \
            100 questions a day.
            """,
        subcommands: [SimHash.self, Domain.self])

    struct Options: ParsableArguments {
        @OptionGroup var home: HomeOptions

        @Option(help: "The node to ask: its key or the first digits, or those of its operator's key. There must be a session with it.")
        var peer: String

        @Flag(help: "Print one JSON object.")
        var json = false

        func ask(_ subject: String, _ request: (String) -> PeerRequest) throws {
            let peers = try home.status().peers.filter { $0.node.hasPrefix(peer.lowercased()) || $0.operator.hasPrefix(peer.lowercased()) }
            guard let chosen = peers.first(where: \.connected) ?? peers.first else {
                throw Failure("\(peer) names no node of this mesh", hint: "hearsay peers")
            }
            guard Set(peers.map(\.operator)).count == 1 else { throw Failure("\(peer) begins the keys of several", hint: "give more digits") }
            printError(
                "this question leaves your machine: node \(chosen.node.prefix(16)) of \(chosen.name) (\(chosen.operator.prefix(16))) learns that you ask for \(subject)"
            )
            let text = try home.ask(.askPeer(request(chosen.node))) ?? "{}"
            print(json ? text : try words(text, subject))
        }

        private func words(_ text: String, _ subject: String) throws -> String {
            let answer = try JSONDecoder().decode(PeerAnswerDocument.self, from: Data(text.utf8))
            guard answer.seen, let operators = answer.operators, let count = answer.count, let days = answer.within_days else {
                return "\(subject): fewer than three operators, or none"
            }
            let near = answer.within_bits.map { ", a code within \($0) bits," } ?? ""
            let what = answer.within_bits == nil ? "attacker-days" : "sessions"
            return "\(subject):\(near) seen by \(operators) operators, last within \(days) days, \(count) \(what)"
        }
    }

    struct SimHash: ParsableCommand {
        static let configuration = CommandConfiguration(commandName: "simhash", abstract: "Ask a peer for a typist's code.")

        @OptionGroup var options: Options

        @Argument(help: "A code, 16 hex digits.")
        var code: String

        @Option(help: "Which definition the code is of.")
        var schemaVersion = 2

        func run() throws { try options.ask("the code \(code)") { PeerRequest(node: $0, code: code, schemaVersion: schemaVersion) } }
    }

    struct Domain: ParsableCommand {
        static let configuration = CommandConfiguration(commandName: "domain", abstract: "Ask a peer for a domain.")

        @OptionGroup var options: Options

        @Argument(help: "Such as example.com.")
        var name: String

        func run() throws {
            let domain = try PublishedDomain.of(name)
            try options.ask("the domain \(domain)") { PeerRequest(node: $0, domain: domain) }
        }
    }
}

struct AnsweringCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "answering", abstract: "Switch on or off that questions of peers are answered, in aggregates. Off unless you switch it on.",
        discussion: "The node must be running. It stays as it is set after a restart.")

    enum Choice: String, ExpressibleByArgument, CaseIterable { case on, off }

    @OptionGroup var home: HomeOptions

    @Argument(help: "on or off.")
    var choice: Choice

    func run() throws {
        try home.ask(.answerPeers(choice == .on))
        print(
            choice == .on
                ? "questions of peers are answered: coarsely, only for what three operators of different branches have seen, 100 a day for each operator"
                : "questions of peers are refused")
    }
}
