import ArgumentParser
import Foundation
import NodeRuntime
import Storage

/// Where everything of one operator lives.
struct HomeOptions: ParsableArguments {
    @Option(name: .long, help: "The directory that holds node, collector and outbox (default: HEARSAY_HOME, or ~/.hearsay).")
    var home: String?

    var directory: String {
        if let home { return absolute(home) }
        if let home = ProcessInfo.processInfo.environment["HEARSAY_HOME"], !home.isEmpty { return absolute(home) }
        return NSHomeDirectory() + "/.hearsay"
    }

    var node: NodeDirectory { NodeDirectory(path: directory + "/node") }
    var collectorDirectory: String { directory + "/collector" }
    var outboxDirectory: String { directory + "/outbox" }

    /// Asks the running node, and gives its answer's document.
    @discardableResult
    func ask(_ request: ControlRequest) throws -> String? {
        switch try ControlClient.ask(request, socket: node.controlSocketPath) {
        case .document(let text): return text
        case .done: return nil
        case .failure(let error, let hint): throw Failure(error, hint: hint)
        }
    }

    private func absolute(_ path: String) -> String { URL(fileURLWithPath: path).standardizedFileURL.path }
}
