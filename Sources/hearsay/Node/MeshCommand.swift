import ArgumentParser
import Foundation
import NodeRuntime
import Storage

struct MeshCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mesh", abstract: "Found a mesh, or show who has admitted whom.", subcommands: [Create.self, Tree.self])

    struct Create: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Found a mesh with this operator as its first member.",
            discussion: "The root key is made in node/mesh-root.key. It is needed again only to revoke: take it away and keep it safe.")

        @OptionGroup var home: HomeOptions

        func run() throws {
            let mesh = try Founding.createMesh(home.node)
            print("mesh \(mesh)")
            print("its root key is \(home.node.keyPath(.meshRoot)): take it away and keep it safe")
            print("next: hearsay node, then hearsay invite for every other operator")
        }
    }

    struct Tree: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show who has admitted whom.",
            discussion: "Revoking an operator also ends the membership of those below it that nobody else has admitted.")

        @OptionGroup var home: HomeOptions

        @Flag(help: "Print one JSON object.")
        var json = false

        func run() throws {
            let tree = SponsorTree(try JSONDecoder().decode(StatusDocument.self, from: Data((try home.ask(.status) ?? "{}").utf8)))
            print(json ? tree.json : tree.text)
        }
    }
}
