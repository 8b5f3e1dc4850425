import Cryptography
import Foundation
import Primitives

/// Why a directory is not taken for a node. Nothing was changed.
public enum NodeDirectoryError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Something is in it, and others may look.
    case openToOthers(path: String, mode: UInt32)
    /// It belongs to another user, or is not a directory.
    case notOurs(path: String)
    /// The disk or the system failed.
    case failed(FileFailure)

    public var description: String {
        switch self {
        case .openToOthers(let path, let mode): "directory \(path) is in use and open to other users (mode \(octal(mode)))"
        case .notOurs(let path): "\(path) is not a directory of this user"
        case .failed(let failure): failure.description
        }
    }

    /// The command that would help.
    public var hint: String? {
        guard case .openToOthers(let path, _) = self else { return nil }
        return "chmod 700 \(shellWord(path))"
    }
}

/// Where a node keeps what it is: keys, database, lock and control socket, in one directory of mode 0700.
public struct NodeDirectory: Sendable {
    public let path: String

    public init(path: String) { self.path = path }

    public var databasePath: String { path + "/mesh.db" }
    public var controlSocketPath: String { path + "/control.sock" }
    public func keyPath(_ purpose: KeyPurpose) -> String { path + "/\(purpose.rawValue).key" }

    /// Whether a node has been made here.
    public var exists: Bool { access(keyPath(.node), F_OK) == 0 }

    /// Makes the directory, for this user alone. One that is there is taken if it is empty, or closed to all others already.
    public func create() throws(NodeDirectoryError) {
        var status = stat()
        if stat(path, &status) == 0 {
            guard status.st_mode & S_IFMT == S_IFDIR, status.st_uid == geteuid() else { throw .notOurs(path: path) }
            guard status.st_mode & 0o077 != 0 else { return }
            // Closing a directory that is in use for something else would break that: only its owner can tell.
            guard let names = try? FileManager.default.contentsOfDirectory(atPath: path), names.isEmpty else {
                throw .openToOthers(path: path, mode: UInt32(status.st_mode) & 0o7777)
            }
        } else {
            do {
                try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
            } catch { throw .failed(FileFailure("create", path: path, code: errno == 0 ? EIO : errno)) }
        }
        guard chmod(path, 0o700) == 0 else { throw .failed(.last("set the mode of", path: path)) }
    }

    /// Copies the files of a node that does not run, as a backup would, to a directory that is made for them (mode 0700). The socket is none.
    public func copyFiles(to path: String) throws {
        try NodeDirectory(path: path).create()
        for name in try FileManager.default.contentsOfDirectory(atPath: self.path) where self.path + "/" + name != controlSocketPath {
            try FileManager.default.copyItem(atPath: self.path + "/" + name, toPath: path + "/" + name)
        }
    }

    /// The key, or `nil` where it is not kept here.
    public func signingKey(_ purpose: KeyPurpose) throws(KeyFileError) -> SigningKey? {
        do throws(KeyFileError) {
            return SigningKey(seed: try KeyFile.read(purpose, at: keyPath(purpose)))
        } catch {
            if case .missing = error { return nil }
            throw error
        }
    }

    public func agreementKey() throws(KeyFileError) -> AgreementKey? {
        do throws(KeyFileError) {
            return AgreementKey(secret: try KeyFile.read(.transport, at: keyPath(.transport)))
        } catch {
            if case .missing = error { return nil }
            throw error
        }
    }

    /// Writes a key that comes from elsewhere; refuses to overwrite one.
    public func keep(_ key: SigningKey, as purpose: KeyPurpose) throws(KeyFileError) -> SigningKey {
        try KeyFile.write(key.seed(), for: purpose, to: keyPath(purpose))
        return key
    }

    /// Makes and writes a fresh signing key; refuses to overwrite one.
    public func makeSigningKey(_ purpose: KeyPurpose) throws(KeyFileError) -> SigningKey {
        var random = SystemRandomNumberGenerator()
        let key = SigningKey(using: &random)
        try KeyFile.write(key.seed(), for: purpose, to: keyPath(purpose))
        return key
    }

    // MARK: A new generation

    /// Where a generation's key lies until its certificate is on the disk.
    private var nextGenerationPath: String { path + "/generation.next.key" }

    /// Writes the key of a generation that is being opened beside the one in use.
    public func keepNextGeneration(_ key: SigningKey) throws(KeyFileError) {
        try KeyFile.write(key.seed(), for: .generation, to: nextGenerationPath, replacing: true)
    }

    /// The certificate is on the disk: the next key is the one in use from now on.
    public func promoteNextGeneration() throws(KeyFileError) {
        guard rename(nextGenerationPath, keyPath(.generation)) == 0 else { throw .failed(.last("rename", path: nextGenerationPath)) }
        do throws(FileFailure) { try DurableFile.syncDirectory(of: nextGenerationPath) } catch { throw .failed(error) }
    }

    /// The key of the newest generation, or `nil` where it is not kept here. Finishes what a crash has interrupted.
    ///
    /// - Parameter isCertified: whether there is a certificate for a key.
    public func generationKey(isCertified: (VerifyingKey) -> Bool) throws(KeyFileError) -> SigningKey? {
        do throws(KeyFileError) {
            if let next = SigningKey(seed: try KeyFile.read(.generation, at: nextGenerationPath)), isCertified(next.verifyingKey) {
                try promoteNextGeneration()
                return next
            }
        } catch {
            guard case .missing = error else { throw error }
        }
        return try signingKey(.generation)
    }

    /// Makes and writes a fresh transport key; refuses to overwrite one.
    public func makeAgreementKey() throws(KeyFileError) -> AgreementKey {
        var random = SystemRandomNumberGenerator()
        let key = AgreementKey(using: &random)
        try KeyFile.write(key.secretBytes(), for: .transport, to: keyPath(.transport))
        return key
    }
}
