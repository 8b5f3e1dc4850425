import ArgumentParser
import Foundation
import Ledger
import NodeRuntime
import Storage

struct EvidenceCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evidence", abstract: "Show and check the proofs that operators have told different things to different people.",
        discussion: "Works without the node running. A proof needs nothing but itself to be checked: show it to anybody.",
        subcommands: [List.self, Export.self, Verify.self],
        defaultSubcommand: List.self)

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the proofs this node holds, each checked again.")

        @OptionGroup var home: HomeOptions

        func run() throws {
            let evidence = try LocalAnswers.evidence(in: home.node)
            guard !evidence.isEmpty else { return print("no operator has been caught contradicting itself") }
            for piece in evidence { print(EvidenceText.lines(for: piece).joined(separator: "\n")) }
            printError("while its generation is in quarantine nothing of such an operator is taken or answered, until it opens a new one")
        }
    }

    struct Export: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Write a proof to a file that anybody can verify.")

        @OptionGroup var home: HomeOptions

        @Argument(help: "The operator's key, or its first digits.")
        var `operator`: String

        @Argument(help: "The file to write.")
        var file: String

        func run() throws {
            let found = try LocalAnswers.evidence(in: home.node).filter { "\($0.origin)".hasPrefix(self.operator.lowercased()) }
            guard let piece = found.last else { throw Failure("there is no evidence against \(self.operator)", hint: "hearsay evidence") }
            guard found.allSatisfy({ $0.origin == piece.origin }) else {
                throw Failure("\(self.operator) begins the keys of several operators", hint: "give more digits")
            }
            do { try Data(piece.bytes).write(to: URL(fileURLWithPath: file)) } catch { throw Failure("cannot write \(file): \(error.localizedDescription)") }
            print("\(piece.bytes.count) bytes; check with hearsay evidence verify \(file)")
        }
    }

    struct Verify: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Check a proof in a file. Needs no node.")

        @Argument(help: "The file that hearsay evidence export has written.")
        var file: String

        func run() throws {
            guard let data = FileManager.default.contents(atPath: file) else { throw Failure("cannot read \(file)") }
            let unchecked: UncheckedEvidence
            do { unchecked = try UncheckedEvidence(decoding: Array(data)) } catch { throw Failure("\(file) is no evidence: \(error)") }
            guard let evidence = Evidence(unchecked) else {
                throw Failure("\(file) proves nothing: a signature does not fit, or what it shows is no contradiction")
            }
            print(EvidenceText.lines(for: evidence).joined(separator: "\n"))
            print("the proof holds")
        }
    }
}

/// Evidence in words.
enum EvidenceText {
    static func lines(for evidence: Evidence) -> [String] {
        var lines = ["operator \(evidence.origin), generation \(evidence.generation)"]
        switch evidence.contradiction {
        case .samePosition(let first, let second):
            lines.append("  has signed two heads with number \(first.body.position)")
            lines += [first, second].map { "    \($0.hash): \($0.body.sightingCount) sightings, issued \($0.body.issuedAt)" }
        case .forkedHistory(let earlier, let later, _):
            lines.append("  has signed head \(earlier.body.position) and denies it in the history of head \(later.body.position)")
            lines += [earlier, later].map { "    \($0.hash): \($0.body.sightingCount) sightings, issued \($0.body.issuedAt)" }
        case .twoCertificates(let first, let second):
            lines.append("  has opened this generation twice, with two keys")
            lines += [first, second].map { "    \($0.hash): signing key \($0.body.signingKey)" }
        }
        return lines
    }
}
