import Cryptography
import Foundation
import Storage
import Testing

@Suite struct NodeDirectoryTests {
    let folder = ScratchFolder()

    @Test func aNewDirectoryIsClosedToOthers() throws {
        let directory = NodeDirectory(path: folder.path("deep/node"))

        try directory.create()
        try directory.create()

        #expect(try folder.mode(of: "deep/node") == 0o700)
        #expect(!directory.exists)
    }

    @Test func anEmptyOpenDirectoryIsClosed() throws {
        try make("node", mode: 0o755)

        try NodeDirectory(path: folder.path("node")).create()

        #expect(try folder.mode(of: "node") == 0o700)
    }

    /// Somebody's home, or `/tmp`: it must not be closed under the feet of whoever uses it.
    @Test func anOpenDirectoryInUseIsRefusedAndLeftAsItIs() throws {
        try make("node", mode: 0o755)
        try folder.write([1], to: "node/file", mode: 0o600)
        let path = folder.path("node")

        let error = #expect(throws: NodeDirectoryError.openToOthers(path: path, mode: 0o755)) { try NodeDirectory(path: path).create() }

        #expect(error?.hint == "chmod 700 \(path)")
        #expect(try folder.mode(of: "node") == 0o755)
    }

    @Test func aFileIsNoDirectory() throws {
        try folder.write([1], to: "node", mode: 0o600)

        #expect(throws: NodeDirectoryError.notOurs(path: folder.path("node"))) { try NodeDirectory(path: folder.path("node")).create() }
    }

    @Test func keysAreTheSameAfterARestartAndNeverOverwritten() throws {
        let directory = NodeDirectory(path: folder.path("node"))
        try directory.create()

        let node = try directory.makeSigningKey(.node)
        let transport = try directory.makeAgreementKey()

        #expect(directory.exists)
        #expect(try directory.signingKey(.node)?.verifyingKey == node.verifyingKey)
        #expect(try directory.agreementKey()?.publicKey == transport.publicKey)
        #expect(throws: KeyFileError.alreadyThere(path: directory.keyPath(.node))) { _ = try directory.makeSigningKey(.node) }
        #expect(throws: KeyFileError.alreadyThere(path: directory.keyPath(.transport))) { _ = try directory.makeAgreementKey() }
    }

    @Test func anIdentityMayBeKeptElsewhere() throws {
        let directory = NodeDirectory(path: folder.root)

        #expect(try directory.signingKey(.identity) == nil)
        #expect(try directory.agreementKey() == nil)
    }

    private func make(_ name: String, mode: Int) throws {
        try FileManager.default.createDirectory(
            atPath: folder.path(name), withIntermediateDirectories: true, attributes: [.posixPermissions: NSNumber(value: mode)])
        #expect(chmod(folder.path(name), mode_t(mode)) == 0)
    }
}
