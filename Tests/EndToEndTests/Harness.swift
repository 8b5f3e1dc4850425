import Foundation
import LocalCluster
import NodeRuntime
import Primitives
import Testing

/// Real nodes in a scratch folder, ended and deleted when the body returns.
struct Harness {
    var cluster: LocalCluster
    let root: String

    static var executable: String {
        URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath().deletingLastPathComponent().appendingPathComponent("hearsay").path
    }

    static func run(nodes count: Int, arguments: [String] = [], _ body: (inout Harness) async throws -> Void) async throws {
        let root = FileManager.default.temporaryDirectory.appendingPathComponent("hearsay-e2e-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        var cluster = try LocalCluster(creating: root, executable: executable)
        cluster.nodeArguments = arguments
        var harness = Harness(cluster: cluster, root: root)
        var failure: (any Error)?
        do {
            try await harness.cluster.up(count: count)
            try await harness.cluster.waitUntilConverged(within: .seconds(60))
            try await body(&harness)
        } catch { failure = error }
        try await harness.cluster.down()
        try? FileManager.default.removeItem(atPath: root)
        if let failure { throw failure }
    }

    func home(_ index: Int) -> String { cluster.members[index].home }

    struct Output {
        let status: Int32
        let text: String
        let errors: String
    }

    /// Runs a hearsay command to its end.
    @discardableResult
    func hearsay(_ arguments: String...) throws -> Output { try Self.hearsay(arguments) }

    static func hearsay(_ arguments: [String]) throws -> Output {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: executable)
        process.arguments = arguments
        let (output, errors) = (Pipe(), Pipe())
        process.standardOutput = output
        process.standardError = errors
        process.standardInput = FileHandle.nullDevice
        try process.run()
        let text = output.fileHandleForReading.readDataToEndOfFile()
        let errorText = errors.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return Output(status: process.terminationStatus, text: String(decoding: text, as: UTF8.self), errors: String(decoding: errorText, as: UTF8.self))
    }

    /// Switches everything on at an operator, as in a laboratory.
    func useLabPolicy(_ index: Int) throws { try hearsay("policy", "init", "--lab", "--home", home(index)) }

    /// Sightings of one member that another holds.
    static func sightings(of origin: String, in status: StatusDocument?) -> UInt64 { status?.origins.first { $0.operator == origin }?.sightings ?? 0 }

    func origin(_ index: Int) throws -> String { try #require(cluster.status()[index].status).operator }

    /// Recordings of three operators' honeypots, of two days ago, as Scripts/run shows them.
    func makeSamples() throws -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../../Scripts/make-samples").standardizedFileURL.path
        process.arguments = ["python3", script, root + "/samples"]
        try process.run()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        return root + "/samples"
    }
}

/// A day that is not too old to be shared: the day before yesterday.
enum Recent {
    static let day = SystemClock.timestamp.day.advanced(by: -2)
    /// Seconds since 1970 at its beginning.
    static let start = Int(day.number) * 86_400
}

/// Lines of a DECNET mail honeypot's log.
enum MailLog {
    static func line(second: Int, source: String, recipient: String) -> String {
        String(
            format: "<134>1 \(Recent.day)T%02d:%02d:%02d.000000+00:00 canary-mail-01 smtp - rcpt_to [relay@55555 src=\"\(source)\" value=\"<\(recipient)>\"]\n",
            second / 3_600, second / 60 % 60, second % 60)
    }
}
