import Cryptography
import Foundation
import Primitives

/// Where a node keeps what it is: keys, database, lock and control socket, in one directory of mode 0700.
public struct NodeDirectory: Sendable {
    public let path: String

    public init(path: String) { self.path = path }

    public var databasePath: String { path + "/mesh.db" }
    public var controlSocketPath: String { path + "/control.sock" }
    public func keyPath(_ purpose: KeyPurpose) -> String { path + "/\(purpose.rawValue).key" }

    /// Whether a node has been made here.
    public var exists: Bool { access(keyPath(.node), F_OK) == 0 }

    /// Makes the directory, for this user alone. Nothing happens if it is there.
    public func create() throws(FileFailure) {
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch { throw FileFailure("create", path: path, code: errno == 0 ? EIO : errno) }
        guard chmod(path, 0o700) == 0 else { throw .last("set the mode of", path: path) }
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

    /// Makes and writes a fresh signing key; refuses to overwrite one.
    public func makeSigningKey(_ purpose: KeyPurpose) throws(KeyFileError) -> SigningKey {
        var random = SystemRandomNumberGenerator()
        let key = SigningKey(using: &random)
        try KeyFile.write(key.seed(), for: purpose, to: keyPath(purpose))
        return key
    }

    /// Makes and writes a fresh transport key; refuses to overwrite one.
    public func makeAgreementKey() throws(KeyFileError) -> AgreementKey {
        var random = SystemRandomNumberGenerator()
        let key = AgreementKey(using: &random)
        try KeyFile.write(key.secretBytes(), for: .transport, to: keyPath(.transport))
        return key
    }
}
