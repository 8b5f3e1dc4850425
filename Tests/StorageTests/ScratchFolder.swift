import Foundation

/// A folder of a test's own, gone when the test is.
final class ScratchFolder: Sendable {
    let root: String

    init() {
        root = FileManager.default.temporaryDirectory.appendingPathComponent("hearsay-\(UUID().uuidString)").path
        try? FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: root) }

    func path(_ name: String) -> String { root + "/" + name }

    func names() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: root).sorted() }

    func mode(of name: String) throws -> UInt32 {
        let attributes = try FileManager.default.attributesOfItem(atPath: path(name))
        return (attributes[.posixPermissions] as? NSNumber)?.uint32Value ?? 0
    }

    func write(_ content: [UInt8], to name: String, mode: UInt32) throws {
        try Data(content).write(to: URL(fileURLWithPath: path(name)))
        try FileManager.default.setAttributes([.posixPermissions: NSNumber(value: mode)], ofItemAtPath: path(name))
    }

    /// Names of the files in which these bytes lie somewhere.
    func files(containing bytes: [UInt8]) throws -> [String] {
        try names().filter { name in try Data(contentsOf: URL(fileURLWithPath: path(name))).range(of: Data(bytes)) != nil }
    }
}
