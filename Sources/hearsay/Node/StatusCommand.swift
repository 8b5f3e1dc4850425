import ArgumentParser
import Foundation
import NodeRuntime

struct StatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "status", abstract: "Show what the running node is doing.")

    @OptionGroup var home: HomeOptions

    @Flag(help: "Print one JSON object.")
    var json = false

    func run() throws {
        let text = try home.ask(.status) ?? "{}"
        if json { return print(text) }
        let status = try JSONDecoder().decode(StatusDocument.self, from: Data(text.utf8))
        print("operator   \(status.operator)")
        print("node       \(status.node)")
        print("mesh       \(status.mesh)")
        print("published  \(status.head.map { "head \($0), \(status.sightings) sightings" } ?? "nothing yet")")
        print("signing    \(status.generation.map { "in generation \($0)" } ?? status.signing)")
        if status.signing.hasPrefix("halted"), !status.hasEndedFeed {
            print("           hearsay recover gets back what others hold of yours, and opens a new generation")
        }
        print("sessions   \(status.sessions)")
        let followed = status.origins.filter { $0.adopted != nil }
        print("replica    \(followed.count) of \(status.origins.count) other operators, \(followed.reduce(0) { $0 + $1.sightings }) sightings")
    }
}

struct RevokeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "revoke", abstract: "End the membership of an operator that you have admitted, for ever.",
        discussion: "Also ends that of operators whose only sponsor it is. With the mesh's root key in the node directory: any operator.")

    @OptionGroup var home: HomeOptions

    @Argument(help: "The operator's key, 64 hex digits, as in hearsay peers --json.")
    var `operator`: String

    @Option(help: "0 unspecified, 1 left, 2 key compromise, 3 misbehaviour.")
    var reason: UInt8 = 0

    func run() throws {
        try home.ask(.revoke(origin: self.operator, reason: reason))
        print("revocation asked for; hearsay peers shows it")
    }
}
