import Cryptography
import Foundation

/// What a key is for. Written into its file, so that one key is never taken for another.
public enum KeyPurpose: String, Sendable, CaseIterable {
    /// The operator itself: signs certificates, may be kept offline.
    case identity
    /// The node: signs its peer record.
    case node
    /// The X25519 key of the node's Noise sessions.
    case transport
    /// The online key of the current generation: signs heads.
    case generation
    /// The key that the mesh grows from; only where the mesh was created.
    case meshRoot = "mesh-root"
}

/// Why a key file is refused. Nothing was changed.
public enum KeyFileError: Error, Hashable, Sendable, CustomStringConvertible {
    /// There is no such file.
    case missing(path: String)
    /// Group or others may read or write it: the key must be taken as known to them.
    case openToOthers(path: String, mode: UInt32)
    /// It belongs to another user, or is not a plain file.
    case notOurs(path: String)
    /// It has not the length of a key file of its purpose.
    case wrongLength(path: String, expected: Int, found: Int)
    /// It has the right length, but is not `hearsay-key-v1 <purpose> <64 hex digits>`.
    case malformed(path: String, purpose: KeyPurpose)
    /// A key is there already; it is never overwritten.
    case alreadyThere(path: String)
    /// The disk or the system failed.
    case failed(FileFailure)

    public var description: String {
        switch self {
        case .missing(let path): "there is no key file \(path)"
        case .openToOthers(let path, let mode): "key file \(path) is open to other users (mode \(octal(mode)))"
        case .notOurs(let path): "key file \(path) is not a plain file of this user"
        case .wrongLength(let path, let expected, let found): "key file \(path) has \(found) bytes instead of \(expected)"
        case .malformed(let path, let purpose): "key file \(path) does not hold a key for \(purpose.rawValue)"
        case .alreadyThere(let path): "key file \(path) exists already and is never overwritten"
        case .failed(let failure): failure.description
        }
    }

    /// The command that would set it right, where there is one.
    public var hint: String? {
        switch self {
        case .openToOthers(let path, _): "chmod 600 \(shellWord(path))"
        case .notOurs(let path): "ls -l \(shellWord(path))"
        default: nil
        }
    }
}

/// A secret key on disk: one line of text, `hearsay-key-v1 <purpose> <64 hex digits>`, mode 0600.
///
/// The file's bytes are only ever held in locked memory that is wiped.
public enum KeyFile {
    /// A seed or an X25519 secret, in bytes.
    public static let secretByteCount = 32
    public static let mode: UInt32 = 0o600

    private static let marker = "hearsay-key-v1"

    /// Reads the key, checking owner, mode, length and purpose on the opened file.
    public static func read(_ purpose: KeyPurpose, at path: String) throws(KeyFileError) -> SecretBytes {
        let descriptor = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
        guard descriptor >= 0 else {
            switch errno {
            case ENOENT: throw .missing(path: path)
            case ELOOP: throw .notOurs(path: path)
            default: throw .failed(.last("open", path: path))
            }
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw .failed(.last("examine", path: path)) }
        guard status.st_mode & S_IFMT == S_IFREG, status.st_uid == geteuid() else { throw .notOurs(path: path) }
        guard status.st_mode & 0o077 == 0 else { throw .openToOthers(path: path, mode: UInt32(status.st_mode) & 0o7777) }
        let head = header(of: purpose)
        let expected = head.count + 2 * secretByteCount + 1
        guard Int(status.st_size) == expected else { throw .wrongLength(path: path, expected: expected, found: Int(status.st_size)) }
        var length = 0
        let content = SecretBytes(count: expected) { memory in
            while length < expected {
                let step = Foundation.read(descriptor, memory + length, expected - length)
                if step < 0, errno == EINTR { continue }
                guard step > 0 else { break }
                length += step
            }
        }
        guard length == expected else { throw .failed(FileFailure("read", path: path, code: EIO)) }
        guard let secret = decode(content, header: head) else { throw .malformed(path: path, purpose: purpose) }
        return secret
    }

    /// Writes a new key file, atomically and synced to the disk.
    ///
    /// - Parameter replacing: whether a key that is there already is replaced; only a new generation does that.
    public static func write(_ secret: borrowing SecretBytes, for purpose: KeyPurpose, to path: String, replacing: Bool = false) throws(KeyFileError) {
        precondition(secret.count == secretByteCount, "a key has \(secretByteCount) bytes, not \(secret.count)")
        let content = encode(secret, header: header(of: purpose))
        let outcome: Result<Void, FileFailure> = content.withBytes { bytes in
            do throws(FileFailure) {
                return .success(try DurableFile.write(bytes, count: content.count, to: path, mode: mode_t(mode), replacing: replacing))
            } catch { return .failure(error) }
        }
        if case .failure(let failure) = outcome { throw failure.code == EEXIST ? .alreadyThere(path: path) : .failed(failure) }
    }

    private static func header(of purpose: KeyPurpose) -> [UInt8] { Array("\(marker) \(purpose.rawValue) ".utf8) }

    private static func encode(_ secret: borrowing SecretBytes, header: [UInt8]) -> SecretBytes {
        secret.withBytes { source in
            SecretBytes(count: header.count + 2 * secretByteCount + 1) { memory in
                for (place, byte) in header.enumerated() { memory[place] = byte }
                for place in 0..<secretByteCount {
                    memory[header.count + 2 * place] = digit(source[place] >> 4)
                    memory[header.count + 2 * place + 1] = digit(source[place] & 15)
                }
                memory[header.count + 2 * secretByteCount] = UInt8(ascii: "\n")
            }
        }
    }

    /// `content` has the length of a key file with this header.
    private static func decode(_ content: borrowing SecretBytes, header: [UInt8]) -> SecretBytes? {
        var isWhole = true
        let secret = content.withBytes { source in
            for (place, byte) in header.enumerated() where source[place] != byte { isWhole = false }
            if source[header.count + 2 * secretByteCount] != UInt8(ascii: "\n") { isWhole = false }
            return SecretBytes(count: secretByteCount) { memory in
                for place in 0..<secretByteCount {
                    guard let high = value(source[header.count + 2 * place]), let low = value(source[header.count + 2 * place + 1]) else {
                        isWhole = false
                        memory[place] = 0
                        continue
                    }
                    memory[place] = high << 4 | low
                }
            }
        }
        guard isWhole else { return nil }
        return secret
    }

    private static func digit(_ value: UInt8) -> UInt8 { value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10 }

    private static func value(_ digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        default: nil
        }
    }
}
