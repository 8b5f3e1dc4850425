import ArgumentParser
import NodeRuntime
import Primitives

struct InviteCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "invite", abstract: "Make an invite for one operator: one line to send it over a private channel.",
        discussion: "You become its sponsor, visible to all members, and may revoke it later.")

    @OptionGroup var home: HomeOptions

    @Option(help: "A note for yourself: whom it is for.")
    var label = ""

    @Option(help: "Hours until it ends, at most 168.")
    var hours = 48

    func run() throws {
        guard (1...168).contains(hours) else { throw Failure("an invite is valid for 1 to 168 hours, not \(hours)", hint: "--hours 48") }
        let token = try Founding.invite(home.node, label: label, lifetime: .seconds(Int64(hours) * 3_600))
        print(token.text)
        printError("good for one operator until \(token.notAfter.day), \(hours) hours from now; it holds a secret")
    }
}
