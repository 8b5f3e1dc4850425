import Foundation

/// The disk or the system failed: what was being done, to which file, and the system's reason.
public struct FileFailure: Error, Hashable, Sendable, CustomStringConvertible {
    /// What was being done, as a verb and its object: "write the key file".
    public let action: String
    public let path: String
    /// The `errno` of the call that failed.
    public let code: Int32

    public init(_ action: String, path: String, code: Int32) {
        self.action = action
        self.path = path
        self.code = code
    }

    /// The failure of the call that has just returned: reads `errno`.
    static func last(_ action: String, path: String) -> FileFailure { FileFailure(action, path: path, code: errno) }

    public var description: String { "cannot \(action) \(path): \(String(cString: strerror(code)))" }
}

/// A path as one word of a shell command, for the hints that go with errors.
func shellWord(_ path: String) -> String {
    let plain = path.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        case UInt8(ascii: "/"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "~"): true
        default: false
        }
    }
    return plain && !path.isEmpty ? path : "'" + path.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
}

/// A mode as people write it: `0644`.
func octal(_ mode: UInt32) -> String {
    let digits = String(mode & 0o7777, radix: 8)
    return String(repeating: "0", count: max(0, 4 - digits.count)) + digits
}
