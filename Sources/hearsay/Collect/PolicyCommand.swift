import ArgumentParser
import Collecting
import Foundation

struct PolicyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "policy", abstract: "Choose what leaves the collector.", subcommands: [Init.self, Show.self])

    struct Init: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Write a policy file to edit: nothing shared, every key with its meaning.")

        @OptionGroup var home: HomeOptions

        @Flag(help: "Everything shared at once at low thresholds: for trying things out, never for real attackers.")
        var lab = false

        func run() throws {
            let path = home.collectorDirectory + "/policy.toml"
            guard !FileManager.default.fileExists(atPath: path) else { throw PolicyError.alreadyThere(path: path) }
            try FileManager.default.createDirectory(
                atPath: home.collectorDirectory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
            try (lab ? Policy.lab : Policy()).fileText.write(toFile: path, atomically: true, encoding: .utf8)
            print("\(path): \(lab ? "a laboratory's policy: everything is shared at once" : "nothing is shared until you change it")")
        }
    }

    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show the policy in force, every key with its meaning.")

        @OptionGroup var home: HomeOptions

        func run() throws {
            let path = home.collectorDirectory + "/policy.toml"
            print(FileManager.default.fileExists(atPath: path) ? try Policy(reading: path).fileText : Policy().fileText, terminator: "")
        }
    }
}
