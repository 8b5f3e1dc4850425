import ArgumentParser
import Foundation
import Ledger
import NodeRuntime

struct GenerationCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "generation", abstract: "Replace the key that signs what you publish, or end your feed.", subcommands: [New.self])

    /// Why, in the words of the command line.
    enum Reason: String, ExpressibleByArgument, CaseIterable {
        case rotation, compromise, endOfFeed = "end-of-feed", afterEquivocation = "after-equivocation", lostState = "lost-state"

        var certified: GenerationCertificate.Reason {
            switch self {
            case .rotation: .rotation
            case .compromise: .compromise
            case .endOfFeed: .endOfFeed
            case .afterEquivocation: .afterEquivocation
            case .lostState: .lostState
            }
        }
    }

    struct New: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Open a new generation: a new signing key. The node must be running and hold the identity key.",
            discussion: """
                Whatever the old key has signed after this node's own last head no longer counts anywhere, so a thief's heads are void. Other operators download \
                nothing again. Reasons: rotation; compromise (the signing key may be in other hands); after-equivocation (two machines have signed); end-of-feed (nothing more will \
                come; what was published stays until its retention ends, unless you retract it); lost-state (go on from this disk, whatever others hold: to get back what they \
                hold, use hearsay recover instead).
                """)

        @OptionGroup var home: HomeOptions

        @Option(help: "Why: rotation, compromise, after-equivocation, end-of-feed or lost-state.")
        var reason: Reason

        func run() throws {
            let before = try home.status()
            try home.ask(.openGeneration(reason: reason.certified.rawValue))
            let after = try home.waitForGeneration(after: before)
            if reason == .endOfFeed {
                print("the feed has ended: other operators are told that nothing more will come")
            } else {
                print("generation \(after.generation.map(String.init) ?? "?") is open; it goes on from \(before.head.map { "head \($0)" } ?? "nothing")")
            }
        }
    }
}

struct RecoverCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "recover", abstract: "Get your own published sightings back from the other operators, and go on publishing.",
        discussion: """
            For a node whose disk was lost, or was restored from a backup, and which therefore signs nothing any more. It asks the others for the newest head of yours, fetches \
            what that says, puts on top what this disk and the outbox know better, and opens a new generation. Others download nothing again. After a lost disk: hearsay init \
            --identity FILE, hearsay join TOKEN with a fresh invite, hearsay node, and then this. If two machines have run with one key, stop one of them first.
            """)

    @OptionGroup var home: HomeOptions

    func run() throws {
        let before = try home.status()
        try home.ask(.recover)
        let after = try home.waitForGeneration(after: before)
        print("recovered: generation \(after.generation.map(String.init) ?? "?") is open, with \(after.sightings) sightings")
    }
}

extension HomeOptions {
    /// How long a new generation is waited for before the command gives up watching; the node goes on.
    private static let patience: TimeInterval = 120

    func status() throws -> StatusDocument { try JSONDecoder().decode(StatusDocument.self, from: Data((try ask(.status) ?? "{}").utf8)) }

    /// Watches the node until a new generation is open and its first head is out, or the feed has ended, and says what it is waiting for.
    fileprivate func waitForGeneration(after before: StatusDocument) throws -> StatusDocument {
        let end = Date().addingTimeInterval(Self.patience)
        var told = ""
        while Date() < end {
            let status = try status()
            if let generation = status.generation, generation != before.generation, status.head?.hasPrefix("\(generation)/") == true { return status }
            if status.hasEndedFeed { return status }
            if status.signing != told, status.signing != before.signing {
                told = status.signing
                printError("\(told) …")
            }
            usleep(100_000)  // The node's core answers when asked; it has nothing to wake a command with.
        }
        throw Failure(
            "the new generation is not open yet: \(told.isEmpty ? before.signing : told)",
            hint: "the node goes on trying; hearsay status shows how far it is, and its log why")
    }
}
