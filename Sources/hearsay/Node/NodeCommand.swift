import ArgumentParser
import Dispatch
import Foundation
import Logging
import NodeRuntime
import Similarity

struct NodeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "node", abstract: "Run the node in the foreground, until it is told to stop.",
        discussion: "Stops on SIGINT, SIGTERM and hearsay node --stop. Logs to standard error.")

    @OptionGroup var home: HomeOptions

    @Option(help: "How much to log: trace, debug, info, notice, warning, error or critical.")
    var log = "info"

    @Flag(help: "Stop the node that is running here.")
    var stop = false

    @Option(help: .hidden)
    var capture: String?

    /// The share of datagrams that are thrown away instead of sent.
    @Option(help: .hidden)
    var loss = 0.0

    /// As a node of an earlier version: `KIND.SCHEMA_VERSION`, with commas between.
    @Option(help: .hidden)
    var searchable: String?

    func run() async throws {
        if stop {
            try home.ask(.stop)
            return
        }
        guard (0...1).contains(loss) else { throw Failure("\(loss) is no share of datagrams", hint: "--loss 0.2") }
        guard let level = Logger.Level(rawValue: log) else { throw Failure("\(log) is no log level", hint: "--log info") }
        let known = SightingIndex.knownStreams
        let streams = searchable.map { text in known.filter { text.split(separator: ",").contains(Substring("\($0)")) } } ?? known
        LoggingSystem.bootstrap(StreamLogHandler.standardError(label:))
        var logger = Logger(label: "hearsay")
        logger.logLevel = level
        let daemon = try await NodeDaemon.start(home.node, logger: logger, searchable: streams, datagramLoss: loss, capturePath: capture)
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await Signals.first(of: [SIGINT, SIGTERM]) }
            group.addTask { await daemon.waitForStopRequest() }
            await group.next()
            group.cancelAll()
        }
        logger.notice("stopping")
        await daemon.stop()
        // Waiting tasks of the other kind end with the process.
        Foundation.exit(0)
    }
}

/// Waits for signals instead of dying of them.
enum Signals {
    static func first(of numbers: [Int32]) async {
        let (arrivals, continuation) = AsyncStream.makeStream(of: Void.self)
        let sources = numbers.map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler { continuation.yield() }
            source.resume()
            return source
        }
        for await _ in arrivals { break }
        for source in sources { source.cancel() }
    }
}
