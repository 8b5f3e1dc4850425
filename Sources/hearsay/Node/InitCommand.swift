import ArgumentParser
import Foundation
import NodeRuntime
import Storage

struct InitCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init", abstract: "Make a new operator with one node: keys, settings, directories.",
        discussion: "Keep a copy of node/identity.key in a safe place: it is the operator.")

    @OptionGroup var home: HomeOptions

    @Option(help: "How you call yourself in the mesh; every member sees it.")
    var name: String

    @Option(help: "The numeric address and port to listen at.")
    var listen = "0.0.0.0:7946"

    @Option(help: "Where other nodes reach you: HOST:PORT or HOST:TCP/UDP; may be given several times. Leave it out behind a NAT: the node then only dials.")
    var advertise: [String] = []

    @Option(help: "The identity key file of an operator that exists already and has lost its node. Then: hearsay join TOKEN, hearsay node, hearsay recover.")
    var identity: String?

    func run() throws {
        guard let colon = listen.lastIndex(of: ":"), let port = UInt16(listen[listen.index(after: colon)...]) else {
            throw Failure("\(listen) is no address to listen at", hint: "--listen 0.0.0.0:7946")
        }
        let host = listen[..<colon].trimmingCharacters(in: ["[", "]"])
        let settings = NodeSettings(
            displayName: name, bindAddress: host, tcpPort: port, udpPort: port, advertised: advertise, outboxDirectory: home.outboxDirectory)
        let origin = try Founding.create(home.node, settings: settings, identityKeyPath: identity)
        print("operator \(origin)")
        print("keys and settings in \(home.node.path); keep a copy of \(home.node.keyPath(.identity)) in a safe place")
        print(identity == nil ? "next: hearsay mesh create, or hearsay join TOKEN" : "next: hearsay join TOKEN, hearsay node, hearsay recover")
    }
}
