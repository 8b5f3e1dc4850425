import Foundation

/// Writes small files so that a crash leaves either the old file or the whole new one, never a part.
///
/// The content goes to a neighbour with a temporary name, is synced, takes the final name, and then the directory is synced: two
/// `fsync` calls, some milliseconds on a disk.
enum DurableFile {
    /// Writes `count` bytes from `content` under `path` with exactly `mode`, whatever the process's umask.
    ///
    /// - Parameter replacing: whether a file that is there already is replaced; otherwise that is an error (`EEXIST`) and it stays as it is.
    static func write(_ content: UnsafePointer<UInt8>, count: Int, to path: String, mode: mode_t, replacing: Bool) throws(FileFailure) {
        let temporary = path + ".new"
        unlink(temporary)  // Left over from a crash: it never became the file.
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode)
        guard descriptor >= 0 else { throw .last("create", path: temporary) }
        do throws(FileFailure) {
            defer { close(descriptor) }
            guard fchmod(descriptor, mode) == 0 else { throw .last("set the mode of", path: temporary) }
            try writeAll(content, count: count, to: descriptor, path: temporary)
            guard fsync(descriptor) == 0 else { throw .last("sync", path: temporary) }
        } catch {
            unlink(temporary)
            throw error
        }
        if replacing {
            guard rename(temporary, path) == 0 else { throw .last("replace", path: path) }
        } else {
            // link refuses an existing name, where rename would silently replace it.
            let linked = link(temporary, path)
            let code = errno
            unlink(temporary)
            guard linked == 0 else { throw FileFailure("create", path: path, code: code) }
        }
        try syncDirectory(of: path)
    }

    static func write(_ content: [UInt8], to path: String, mode: mode_t, replacing: Bool) throws(FileFailure) {
        let outcome: Result<Void, FileFailure> = content.withUnsafeBufferPointer { buffer in
            guard let start = buffer.baseAddress else { return .failure(FileFailure("write nothing to", path: path, code: EINVAL)) }
            do throws(FileFailure) {
                return .success(try write(start, count: buffer.count, to: path, mode: mode, replacing: replacing))
            } catch { return .failure(error) }
        }
        try outcome.get()
    }

    /// The whole file, refused (`EFBIG`) if it is longer than `limit` bytes.
    static func read(_ path: String, limit: Int) throws(FileFailure) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .last("open", path: path) }
        defer { close(descriptor) }
        var content = [UInt8](repeating: 0, count: limit + 1)
        var filled = 0
        while filled < content.count {
            let count = content.withUnsafeMutableBytes { Foundation.read(descriptor, $0.baseAddress! + filled, $0.count - filled) }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw .last("read", path: path) }
            if count == 0 { return Array(content.prefix(filled)) }
            filled += count
        }
        throw FileFailure("read", path: path, code: EFBIG)
    }

    static func syncDirectory(of path: String) throws(FileFailure) {
        let parent = parentDirectory(of: path)
        let descriptor = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .last("open", path: parent) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw .last("sync", path: parent) }
    }

    static func parentDirectory(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    private static func writeAll(_ content: UnsafePointer<UInt8>, count: Int, to descriptor: Int32, path: String) throws(FileFailure) {
        var written = 0
        while written < count {
            let step = Foundation.write(descriptor, content + written, count - written)
            if step < 0, errno == EINTR { continue }
            guard step > 0 else { throw .last("write", path: path) }
            written += step
        }
    }
}
