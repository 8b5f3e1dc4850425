import ArgumentParser
import Collecting
import Foundation
import LocalCluster
import NodeRuntime
import Outbox
import Storage
import Watching

/// A mistake at the command line, said in our own words.
struct Failure: Error {
    let message: String
    let hint: String?

    init(_ message: String, hint: String? = nil) {
        self.message = message
        self.hint = hint
    }

    /// Prints what is wrong and what would work, and ends the program: 1, or 64 for a command line that is not understood.
    static func exit(with error: any Error) -> Never {
        if error is ExitCode || error is CleanExit || isUsage(error) { Hearsay.exit(withError: error) }
        let (message, hint) = words(for: error)
        printError("error: \(message)")
        if let hint { printError("hint: \(hint)") }
        Foundation.exit(1)
    }

    private static func isUsage(_ error: any Error) -> Bool { Hearsay.exitCode(for: error) == .validationFailure || Hearsay.exitCode(for: error) == .success }

    private static func words(for error: any Error) -> (String, String?) {
        switch error {
        case let failure as Failure: (failure.message, failure.hint)
        case let error as NodeStartError: (error.description, error.hint)
        case let error as FoundingError: (error.description, error.hint)
        case let error as JoinError: (error.description, error.hint)
        case let error as KeyFileError: (error.description, error.hint)
        case let error as NodeDirectoryError: (error.description, error.hint)
        case let error as ClusterError: (error.description, error.hint)
        case let error as InviteTokenError: (error.description, "ask the operator who invited you to send the token again")
        case let error as DirectoryLockError: (error.description, "hearsay status, or hearsay stop")
        case let error as SourceError: (error.description, error.hint)
        case let error as PolicyError: (error.description, error.hint)
        case let error as OutboxError: (error.description, error.hint)
        case let error as WebhookError: (error.description, error.hint)
        case let error as ControlClientError: (error.description, "start it: hearsay node")
        default: ("\(error)", nil)
        }
    }
}

func printError(_ line: String) { FileHandle.standardError.write(Data((line + "\n").utf8)) }
