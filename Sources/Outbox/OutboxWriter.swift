import Descriptors
import Foundation
import Ledger
import Primitives

/// The collector's end of the outbox: appends sightings, one writer at a time.
///
/// The directory is 0750 and the file 0640: a node that runs as another user of the group can read and never write.
public final class OutboxWriter {
    public let path: String
    /// Names the file: another one holds nothing of what was appended to this.
    public private(set) var fileID: [UInt8] = []
    /// How long the file is, whole entries only. Less than it was after an `append` means that the disk has lost some.
    public private(set) var byteCount: UInt64 = 0
    private var version = OutboxFile.version
    private let file: OwnedDescriptor
    private let lock: OwnedDescriptor
    private var descriptor: Int32 { file.number }

    /// Opens the outbox, making it if there is none, and cuts off an entry that an earlier writer did not finish.
    ///
    /// Throws `inUse`, `notAnOutbox`, `damaged` or `failed`.
    public init(directory: String) throws(OutboxError) {
        path = directory + "/" + OutboxFile.name
        if mkdir(directory, 0o750) != 0, errno != EEXIST { throw .failed(action: "create", path: directory, code: errno) }
        let lockPath = directory + "/" + OutboxFile.lockName
        lock = OwnedDescriptor(open(lockPath, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600))
        guard lock.isOpen else { throw .failed(action: "open", path: lockPath, code: errno) }
        guard flock(lock.number, LOCK_EX | LOCK_NB) == 0 else { throw .inUse(path: directory) }
        file = OwnedDescriptor(open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o640))
        guard file.isOpen else { throw .failed(action: "open", path: path, code: errno) }
        try prepare()
    }

    // Let go of, and not only closed: a child that is just being started may still hold a copy of the descriptor.
    deinit { flock(lock.number, LOCK_UN) }

    /// Appends the sightings and syncs: when this returns they are on the disk. When it throws, none of them counts.
    public func append(_ sightings: [Sighting]) throws(OutboxError) { try append(sightings.map { .stated($0) }) }

    /// Appends what is stated and what is retracted, in this order, and syncs: when this returns it is on the disk. When it throws, none of it counts.
    public func append(_ changes: [SightingChange]) throws(OutboxError) {
        guard !changes.isEmpty else { return }
        if changes.contains(where: { if case .retracted = $0 { true } else { false } }) { try announceRetractions() }
        let end = lseek(descriptor, 0, SEEK_END)
        guard end >= 0 else { throw .failed(action: "seek in", path: path, code: errno) }
        do throws(OutboxError) {
            var chunk: [UInt8] = []
            for change in changes {
                chunk += OutboxFile.entry(of: change)
                if chunk.count >= OutboxFile.readByteCount {
                    try write(chunk)
                    chunk = []
                }
            }
            try write(chunk)
            guard fsync(descriptor) == 0 else { throw .failed(action: "sync", path: path, code: errno) }
            byteCount = UInt64(max(0, lseek(descriptor, 0, SEEK_CUR)))
        } catch {
            ftruncate(descriptor, end)
            throw error
        }
    }

    /// Raises the header's version, once in the life of a file and synced before the first retraction is behind it.
    private func announceRetractions() throws(OutboxError) {
        guard version < OutboxFile.retractingVersion else { return }
        let bytes = [UInt8(OutboxFile.retractingVersion >> 8), UInt8(truncatingIfNeeded: OutboxFile.retractingVersion)]
        let written = bytes.withUnsafeBytes { pwrite(descriptor, $0.baseAddress, $0.count, off_t(OutboxFile.versionOffset)) }
        guard written == bytes.count, fsync(descriptor) == 0 else { throw .failed(action: "write", path: path, code: errno) }
        version = OutboxFile.retractingVersion
    }

    private func prepare() throws(OutboxError) {
        let size = lseek(descriptor, 0, SEEK_END)
        guard size >= 0 else { throw .failed(action: "seek in", path: path, code: errno) }
        if size < OutboxFile.headerByteCount {
            // New, or its first writer died in the header: nothing can have been in it.
            guard ftruncate(descriptor, 0) == 0, lseek(descriptor, 0, SEEK_SET) == 0 else { throw .failed(action: "empty", path: path, code: errno) }
            fchmod(descriptor, 0o640)
            var random = SystemRandomNumberGenerator()
            fileID = random.bytes(count: OutboxFile.fileIDByteCount)
            try write(OutboxFile.header(fileID: fileID))
            guard fsync(descriptor) == 0 else { throw .failed(action: "sync", path: path, code: errno) }
            byteCount = UInt64(OutboxFile.headerByteCount)
            return try syncDirectory()
        }
        let whole = try OutboxReader.scan(descriptor, path: path, from: 0, limit: .max, taking: { _ in })
        let header = try OutboxReader.bytes(descriptor, path: path, at: 0, count: OutboxFile.headerByteCount)
        guard let known = OutboxFile.header(header) else { throw .notAnOutbox(path: path) }
        (fileID, byteCount, version) = (known.fileID, whole.end, known.version)
        guard whole.end < UInt64(size) else { return }
        guard ftruncate(descriptor, off_t(whole.end)) == 0 else { throw .failed(action: "cut", path: path, code: errno) }
    }

    /// A new file is only on the disk when its name is.
    private func syncDirectory() throws(OutboxError) {
        let directory = String(path.dropLast(OutboxFile.name.count + 1))
        let handle = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard handle >= 0 else { throw .failed(action: "open", path: directory, code: errno) }
        defer { close(handle) }
        guard fsync(handle) == 0 else { throw .failed(action: "sync", path: directory, code: errno) }
    }

    private func write(_ bytes: [UInt8]) throws(OutboxError) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let step = rest.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
            if step < 0, errno == EINTR { continue }
            guard step > 0 else { throw .failed(action: "write", path: path, code: errno) }
            rest = rest.dropFirst(step)
        }
    }
}

func message(ofError code: Int32) -> String { String(cString: strerror(code)) }
