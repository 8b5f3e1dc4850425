import ArgumentParser
import Foundation
import LocalCluster

struct ClusterCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cluster", abstract: "Run several operators' nodes on this machine, to try things out.",
        subcommands: [Up.self, Status.self, Down.self])

    struct Options: ParsableArguments {
        @Option(help: "The directory of the cluster.")
        var data = "hearsay-cluster"

        var directory: String { URL(fileURLWithPath: data).standardizedFileURL.path }
        var executable: String { Bundle.main.executablePath ?? CommandLine.arguments[0] }
    }

    struct Up: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Make and start a cluster.")

        @OptionGroup var options: Options

        @Option(name: .shortAndLong, help: "How many operators, each with one node.")
        var n = 3

        func run() async throws {
            var cluster = try LocalCluster(creating: options.directory, executable: options.executable)
            let start = ContinuousClock.now
            try await cluster.up(count: n)
            try await cluster.waitUntilConverged(within: .seconds(60))
            print(
                "\(n) nodes up and following each other after \((ContinuousClock.now - start).formatted(.units(allowed: [.seconds], fractionalPart: .show(length: 1))))"
            )
            for member in cluster.members { print("\(member.name)  127.0.0.1:\(member.port)  --home \(member.home)") }
        }
    }

    struct Status: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show the nodes of a cluster.")

        @OptionGroup var options: Options

        func run() async throws {
            let cluster = try LocalCluster(opening: options.directory, executable: options.executable)
            var table = TextTable(["node", "process", "port", "head", "own sightings", "sessions", "follows", "replica sightings"])
            for (member, status) in cluster.status() {
                table.add([
                    member.name, status == nil ? "down" : "\(member.process)", "\(member.port)", status?.head ?? "-", status.map { "\($0.sightings)" } ?? "-",
                    status.map { "\($0.sessions)" } ?? "-", status.map { "\($0.origins.count { $0.adopted != nil })" } ?? "-",
                    status.map { "\($0.origins.reduce(0) { $0 + $1.sightings })" } ?? "-",
                ])
            }
            print(table.text)
        }
    }

    struct Down: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Stop all nodes of a cluster. Its files stay.")

        @OptionGroup var options: Options

        @Flag(help: "Delete its files too.")
        var delete = false

        func run() async throws {
            var cluster = try LocalCluster(opening: options.directory, executable: options.executable)
            let members = cluster.members
            try await cluster.down()
            if delete { for member in members { try FileManager.default.removeItem(atPath: member.home) } }
            print("\(members.count) nodes stopped")
        }
    }
}
