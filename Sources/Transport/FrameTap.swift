import Descriptors
import Foundation
import Synchronization
import WireFormat

/// Sees every plaintext frame and datagram of a node, sent and received: for tests that prove what does not leave.
public protocol FrameTap: Sendable {
    func saw(_ direction: TapDirection, _ kind: TapKind, _ bytes: [UInt8])
}

public enum TapDirection: UInt8, Sendable { case sent = 1, received = 2 }

public enum TapKind: UInt8, Sendable { case frame = 1, datagram = 2 }

/// Writes what it sees to a file of mode 0600: per item `length u32 | direction u8 | kind u8 | bytes`, length counting what follows it.
///
/// A capture holds everything a node says in the clear: it is for tests, and whoever switches it on says so loudly. Written at once and not synced.
public final class CaptureFile: FrameTap {
    private let descriptor: OwnedDescriptor
    /// The `errno` of the first write that failed; the capture ends there.
    private let failure = Mutex<Int32?>(nil)

    /// Makes the file, or empties it.
    public init(path: String) throws(CaptureFileError) {
        descriptor = OwnedDescriptor(open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600))
        guard descriptor.isOpen else { throw CaptureFileError(path: path, code: errno) }
        guard fchmod(descriptor.number, 0o600) == 0 else { throw CaptureFileError(path: path, code: errno) }
    }

    public func saw(_ direction: TapDirection, _ kind: TapKind, _ bytes: [UInt8]) {
        var writer = WireWriter(reserving: 6 + bytes.count)
        writer.count(bytes.count + 2, as: UInt32.self)
        writer.integer(direction.rawValue)
        writer.integer(kind.rawValue)
        writer.bytes(bytes)
        failure.withLock { failure in
            var remaining = writer.bytes[...]
            while failure == nil, !remaining.isEmpty {
                let step = remaining.withUnsafeBytes { write(descriptor.number, $0.baseAddress, $0.count) }
                if step > 0 { remaining = remaining.dropFirst(step) } else if errno != EINTR { failure = errno }
            }
        }
    }

    /// Reads a capture back; stops before an item that is cut off.
    public static func items(in content: [UInt8]) -> [(direction: TapDirection, kind: TapKind, bytes: [UInt8])] {
        var reader = WireReader(content)
        var items: [(direction: TapDirection, kind: TapKind, bytes: [UInt8])] = []
        while let item = try? reader.prefixed(by: UInt32.self, limit: content.count, field: .size) {
            guard item.count >= 2, let direction = TapDirection(rawValue: item[0]), let kind = TapKind(rawValue: item[1]) else { break }
            items.append((direction, kind, Array(item.dropFirst(2))))
        }
        return items
    }
}

/// The capture file could not be made.
public struct CaptureFileError: Error, Hashable, Sendable, CustomStringConvertible {
    public let path: String
    public let code: Int32

    public var description: String { "cannot write the capture \(path): \(String(cString: strerror(code)))" }
}
