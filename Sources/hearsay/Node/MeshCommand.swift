import ArgumentParser
import NodeRuntime
import Storage

struct MeshCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "mesh", abstract: "Found a mesh.", subcommands: [Create.self])

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
}
