import Foundation
import LocalCluster

/// Real nodes for one measurement, in a folder of its own: ended and deleted when that is over, however it ends.
enum ScratchCluster {
    /// - Parameters:
    ///   - name: stands before what goes wrong.
    ///   - body: is given the nodes, none of which is up yet, and a folder for what else it needs.
    static func run(_ name: String, _ body: (inout LocalCluster, _ folder: String) async throws -> Void) async {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("hearsay-bench-\(UUID().uuidString)").path
        let program = URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath().deletingLastPathComponent()
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
            var cluster = try LocalCluster(creating: folder + "/cluster", executable: program.appendingPathComponent("hearsay").path)
            do { try await body(&cluster, folder) } catch { print("\(name): \(error)") }
            try await cluster.down()
        } catch { print("\(name): \(error)") }
        try? FileManager.default.removeItem(atPath: folder)
    }
}
