import ArgumentParser
import Foundation
import NodeRuntime
import Primitives
import Watching

struct WatchTestCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "test", abstract: "Send a made-up alert once, to see that it arrives.",
        discussion: "The alert says that it is a test. Nothing is kept, and a webhook is tried once. Needs no node.")

    @OptionGroup var home: HomeOptions
    @OptionGroup var options: SinkOptions

    func run() async throws {
        var random = SystemRandomNumberGenerator()
        let now = SystemClock.timestamp
        let alert = Alert.example(id: Hex.encode(random.bytes(count: 16)), at: now)
        if options.sinks.contains(.output) { try options.output(alert) }
        if let file = options.alertFile {
            try file.append(alert)
            printError("appended to \(file.path)")
        }
        guard let courier = try options.courier(WatchStore(directory: home.watcherDirectory)) else { return }
        let outcome = await courier.post(alert, at: now)
        switch RetrySchedule.decision(after: outcome, attempts: 0, queuedAt: now, at: now, using: &random) {
        case .delivered: printError("the receiver has taken alert \(alert.alert)")
        case .again(_, let reason): throw Failure(reason, hint: "hearsay watch run would try again")
        case .failed(let reason): throw Failure(reason, hint: "hearsay watch run would not try again")
        }
    }
}
