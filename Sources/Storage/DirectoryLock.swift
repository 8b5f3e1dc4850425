import Descriptors
import Foundation

/// Why a node's directory could not be taken.
public enum DirectoryLockError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Another process runs this node. Two of them would sign two heads with one sequence number: evidence of equivocation.
    case heldByAnother(path: String)
    /// The disk or the system failed.
    case failed(FileFailure)

    public var description: String {
        switch self {
        case .heldByAnother(let path): "another process is running the node in \(path)"
        case .failed(let failure): failure.description
        }
    }
}

/// Held by the one process that runs a node directory, for as long as the value lives.
///
/// An advisory `flock` on the file `lock`: the kernel lets go of it when the process ends, however it ends.
public final class DirectoryLock: Sendable {
    private let descriptor: OwnedDescriptor

    /// Takes the lock or throws at once.
    public init(directory: String) throws(DirectoryLockError) {
        let path = directory + "/lock"
        descriptor = OwnedDescriptor(open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600))
        guard descriptor.isOpen else { throw .failed(.last("open", path: path)) }
        guard flock(descriptor.number, LOCK_EX | LOCK_NB) == 0 else {
            let code = errno
            throw code == EWOULDBLOCK ? .heldByAnother(path: directory) : .failed(FileFailure("lock", path: path, code: code))
        }
    }

    // Let go of, and not only closed: a child that is just being started may still hold a copy of the descriptor.
    deinit { flock(descriptor.number, LOCK_UN) }
}
