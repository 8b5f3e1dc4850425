import Foundation
import Ledger
import Primitives

/// The node's end of the outbox: needs nothing but permission to read.
public struct OutboxReader: Sendable {
    public let path: String

    public init(directory: String) { path = directory + "/" + OutboxFile.name }

    /// What a call to `read` has found.
    public struct Reading: Hashable, Sendable {
        /// Oldest first: the later word on a name counts.
        public let changes: [SightingChange]
        /// Where to go on from; `nil` if there is no outbox.
        public let position: OutboxPosition?

        /// What was stated, also what a later change has retracted again.
        public var sightings: [Sighting] { changes.compactMap { if case .stated(let sighting) = $0 { sighting } else { nil } } }
    }

    /// What has been appended after a position, at most `limit` entries; nothing if there is no outbox yet.
    ///
    /// - Parameter position: `nil` reads from the beginning; so does one of another file.
    ///
    /// Throws `notAnOutbox`, `damaged` or `failed`. An unfinished last entry is left for the next time.
    public func read(after position: OutboxPosition?, limit: Int) throws(OutboxError) -> Reading {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else {
            if errno == ENOENT { return Reading(changes: [], position: nil) }
            throw .failed(action: "open", path: path, code: errno)
        }
        defer { close(descriptor) }
        let header = try Self.bytes(descriptor, path: path, at: 0, count: OutboxFile.headerByteCount)
        guard header.count == OutboxFile.headerByteCount else { return Reading(changes: [], position: nil) }  // Being made just now.
        guard let (fileID, _) = OutboxFile.header(header) else { throw .notAnOutbox(path: path) }
        // A file shorter than what was read of it has lost its end in a crash: what is read twice does no harm.
        let size = lseek(descriptor, 0, SEEK_END)
        guard size >= 0 else { throw .failed(action: "seek in", path: path, code: errno) }
        let start = position.flatMap { $0.fileID == fileID && $0.offset <= UInt64(size) ? $0.offset : nil } ?? 0
        var changes: [SightingChange] = []
        let end = try Self.scan(descriptor, path: path, from: start, limit: limit) { changes.append($0) }.end
        return Reading(changes: changes, position: OutboxPosition(fileID: fileID, offset: end))
    }

    /// Reads whole entries from an offset (0: the first), at most `limit`; the end is the byte after the last of them.
    static func scan(
        _ descriptor: Int32, path: String, from start: UInt64, limit: Int, taking take: (SightingChange) -> Void
    ) throws(OutboxError) -> (count: Int, end: UInt64) {
        // Read each time: the version may have risen since, and it rises before the first retraction is written.
        guard let (_, version) = OutboxFile.header(try bytes(descriptor, path: path, at: 0, count: OutboxFile.headerByteCount)) else {
            throw .notAnOutbox(path: path)
        }
        var offset = max(start, UInt64(OutboxFile.headerByteCount))
        var count = 0
        while count < limit {
            let chunk = try bytes(descriptor, path: path, at: offset, count: OutboxFile.readByteCount)
            var place = 0
            scanning: while count < limit {
                switch OutboxFile.item(in: chunk, at: place, version: version) {
                case .change(let change, let end):
                    take(change)
                    count += 1
                    place = end
                case .torn: break scanning
                case .damaged: throw .damaged(path: path, offset: offset + UInt64(place))
                }
            }
            offset += UInt64(place)
            if place == 0 || chunk.count < OutboxFile.readByteCount { break }
        }
        return (count, offset)
    }

    static func bytes(_ descriptor: Int32, path: String, at offset: UInt64, count: Int) throws(OutboxError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var filled = 0
        while filled < count {
            let step = bytes.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress! + filled, count - filled, off_t(clamping: offset) + off_t(filled)) }
            if step < 0, errno == EINTR { continue }
            guard step >= 0 else { throw .failed(action: "read", path: path, code: errno) }
            if step == 0 { break }
            filled += step
        }
        return Array(bytes.prefix(filled))
    }
}
