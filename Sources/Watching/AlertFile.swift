import Foundation
import Primitives

/// The file of alerts could not be written.
public struct AlertFileError: Error, Hashable, Sendable, CustomStringConvertible {
    public let path: String
    public let cause: String
    public var description: String { "cannot write alerts to \(path): \(cause)" }
}

/// Appends alerts to a file, a JSON object a line, each on the disk when the call returns.
///
/// Made for one alert after another, each until it is in: one that a crash has left whole is not written again, and one that it has left in part is replaced.
public struct AlertFile: Sendable {
    public let path: String

    public init(path: String) { self.path = path }

    public func append(_ alert: Alert) throws(AlertFileError) {
        // What it tells is for nobody but the owner.
        let descriptor = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw failure() }
        defer { close(descriptor) }
        var line = Array(alert.text.utf8) + [UInt8(ascii: "\n")]
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw failure() }
        if status.st_mode & S_IFMT == S_IFREG, status.st_size > 0 {
            let tail = try end(of: descriptor, fileByteCount: Int(status.st_size), count: line.count)
            if tail == line { return }
            let torn = tail.suffix(tail.count - (tail.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0))
            if line.starts(with: torn) {
                guard torn.isEmpty || ftruncate(descriptor, status.st_size - off_t(torn.count)) == 0 else { throw failure() }
            } else {
                // Somebody else's: it stays, and ends here.
                line.insert(UInt8(ascii: "\n"), at: 0)
            }
        }
        try write(line, to: descriptor)
        guard fsync(descriptor) == 0 || errno == EINVAL else { throw failure() }  // EINVAL: a pipe or a terminal.
    }

    private func write(_ line: [UInt8], to descriptor: Int32) throws(AlertFileError) {
        var written = 0
        while written < line.count {
            let step = line.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress! + written, $0.count - written) }
            if step < 0, errno == EINTR { continue }
            guard step > 0 else { throw failure() }
            written += step
        }
    }

    /// The last bytes of the file, so many or as many as there are.
    private func end(of descriptor: Int32, fileByteCount: Int, count wanted: Int) throws(AlertFileError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: min(fileByteCount, wanted))
        let start = fileByteCount - bytes.count
        var filled = 0
        while filled < bytes.count {
            let step = bytes.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress! + filled, $0.count - filled, off_t(start + filled)) }
            if step < 0, errno == EINTR { continue }
            guard step >= 0 else { throw failure() }
            if step == 0 { break }
            filled += step
        }
        return Array(bytes.prefix(filled))
    }

    private func failure() -> AlertFileError { AlertFileError(path: path, cause: String(cString: strerror(errno))) }
}
