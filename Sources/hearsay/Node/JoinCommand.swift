import ArgumentParser
import NodeRuntime
import Primitives

struct JoinCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "join", abstract: "Join the mesh of an invite; the inviting node must be running.")

    @OptionGroup var home: HomeOptions

    @Argument(help: "The line that hearsay invite has printed.")
    var token: String

    func run() async throws {
        let token = try InviteToken(token)
        let mesh = try await Founding.join(home.node, token: token)
        print("joined mesh \(mesh), sponsored by operator \(token.sponsor)")
        print("next: hearsay node")
    }
}
