import ArgumentParser
import Foundation

/// The program: one file per subcommand.
@main struct Hearsay: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hearsay",
        abstract: "Tells other honeypot operators what you have seen, and never who it was.",
        discussion: """
            A collector reads your honeypots' recordings and keeps what they say about attackers to itself; a node, a separate process, exchanges \
            identity-free sightings with the other operators of a mesh. Everything lives under one home directory: --home, HEARSAY_HOME or ~/.hearsay.
            """,
        subcommands: [
            CollectCommand.self, RetractCommand.self, ProfileCommand.self, SeenCommand.self, PolicyCommand.self,
            InitCommand.self, MeshCommand.self, InviteCommand.self, JoinCommand.self, NodeCommand.self, StatusCommand.self, PeersCommand.self,
            RevokeCommand.self,
            GenerationCommand.self, RecoverCommand.self, EvidenceCommand.self, VerifyCommand.self,
            QueryCommand.self, LookupCommand.self, SimilarCommand.self, WatchCommand.self, AskCommand.self, AnsweringCommand.self, ClusterCommand.self,
            SimulateCommand.self, EvaluateCommand.self,
        ])

    static func main() async {
        do {
            var command = try parseAsRoot()
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch {
            Failure.exit(with: error)
        }
    }
}
