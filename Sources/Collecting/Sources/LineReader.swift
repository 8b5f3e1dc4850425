import Foundation

/// Reads a file line by line, whatever bytes it holds; keeps one chunk and one line in memory.
final class LineReader {
    /// Longer lines are passed over and reported.
    static let lineLimit = 4 << 20
    private static let chunkByteCount = 1 << 18

    let path: String
    let byteCount: Int64
    private let descriptor: Int32
    private var buffer: [UInt8] = []
    private var start = 0
    /// Where `buffer[start]` lies in the file.
    private(set) var offset: Int64
    private var isAtEnd = false

    /// One line without its end.
    struct Line {
        let offset: Int64
        let bytes: ArraySlice<UInt8>
        /// The file ends without a line end here: it is being written, or was cut.
        let isTorn: Bool
        /// The line was longer than the limit; `bytes` is empty.
        let isTooLong: Bool
    }

    init(path: String, from offset: Int64 = 0) throws {
        self.path = path
        (descriptor, byteCount) = try PlainFile.open(path)
        self.offset = offset <= byteCount ? offset : 0  // Shorter than before: it was emptied and begun anew.
        lseek(descriptor, off_t(self.offset), SEEK_SET)
    }

    deinit { close(descriptor) }

    /// The next line; `nil` at the end.
    func next() throws -> Line? {
        var searched = start
        var skipped: Int64 = 0
        while true {
            if let end = buffer[searched...].firstIndex(of: 0x0A) {
                let line = Line(offset: offset - skipped, bytes: skipped > 0 ? [] : buffer[start..<end], isTorn: false, isTooLong: skipped > 0)
                offset += Int64(end + 1 - start)
                start = end + 1
                return line
            }
            if isAtEnd {
                guard start < buffer.count || skipped > 0 else { return nil }
                let line = Line(offset: offset - skipped, bytes: skipped > 0 ? [] : buffer[start...], isTorn: true, isTooLong: skipped > 0)
                offset += Int64(buffer.count - start)
                start = buffer.count
                return line
            }
            if buffer.count - start > Self.lineLimit {
                skipped += Int64(buffer.count - start)
                offset += Int64(buffer.count - start)
                start = buffer.count
            }
            searched = try fill()
        }
    }

    /// Reads another chunk behind what is there; gives where it begins.
    private func fill() throws -> Int {
        buffer.removeFirst(start)
        start = 0
        let old = buffer.count
        buffer.append(contentsOf: repeatElement(0, count: Self.chunkByteCount))
        let count = try PlainFile.read(descriptor, into: &buffer, from: old, path: path)
        buffer.removeLast(Self.chunkByteCount - count)
        if count == 0 { isAtEnd = true }
        return old
    }
}

/// Opens what sources name, and nothing but plain files: a pipe would wait for ever, and a device would have effects.
enum PlainFile {
    /// - Parameter followsLinks: false for names that come out of a log, which must not lead out of the folder they are looked for in.
    static func open(_ path: String, followsLinks: Bool = true) throws(SourceError) -> (descriptor: Int32, byteCount: Int64) {
        let descriptor = Foundation.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | (followsLinks ? 0 : O_NOFOLLOW))
        guard descriptor >= 0 else { throw .unreadable(path: path, reason: String(cString: strerror(errno))) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            close(descriptor)
            throw .unreadable(path: path, reason: "not a plain file")
        }
        return (descriptor, Int64(status.st_size))
    }

    /// Fills `buffer` from `start` on, as far as one reading goes; 0 at the end.
    static func read(_ descriptor: Int32, into buffer: inout [UInt8], from start: Int = 0, path: String) throws(SourceError) -> Int {
        while true {
            let count = buffer.withUnsafeMutableBytes { bytes in
                let rest = UnsafeMutableRawBufferPointer(rebasing: bytes[start...])
                return Foundation.read(descriptor, rest.baseAddress, rest.count)
            }
            if count >= 0 { return count }
            guard errno == EINTR else { throw .unreadable(path: path, reason: String(cString: strerror(errno))) }
        }
    }
}

/// Why a source cannot be read at all. What is wrong inside one is a `SourceProblem` instead.
public enum SourceError: Error, Sendable, Equatable, CustomStringConvertible {
    case unreadable(path: String, reason: String)
    /// Not a recording, log or database of a kind that is known.
    case unrecognised(path: String)
    /// A folder in which nothing is known.
    case nothingFound(path: String)

    public var description: String {
        switch self {
        case .unreadable(let path, let reason): "cannot read \(path): \(reason)"
        case .unrecognised(let path): "\(path) is no DECNET database, session shard or log, Cowrie log or asciicast"
        case .nothingFound(let path): "there is nothing to collect in \(path)"
        }
    }

    public var hint: String? {
        switch self {
        case .unreadable: nil
        case .unrecognised, .nothingFound: "give a decnet.db, an artifacts folder, a decnet.log, a cowrie.json or a .cast with input events"
        }
    }
}
