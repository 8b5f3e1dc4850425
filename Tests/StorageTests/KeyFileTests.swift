import Cryptography
import Foundation
import Primitives
import Storage
import Testing

@Suite struct KeyFileTests {
    let folder = ScratchFolder()

    @Test(arguments: KeyPurpose.allCases)
    func aKeySurvivesItsFile(purpose: KeyPurpose) throws {
        let path = folder.path("some.key")
        let secret = SecretBytes(copying: Array(0..<32))

        try KeyFile.write(secret, for: purpose, to: path)
        let read = try KeyFile.read(purpose, at: path)

        #expect(read.exposed() == Array(0..<32))
        #expect(try folder.mode(of: "some.key") == 0o600)
        #expect(try folder.names() == ["some.key"])
        let line = "hearsay-key-v1 \(purpose.rawValue) " + Hex.encode(Array(0..<32)) + "\n"
        #expect(try String(contentsOfFile: path, encoding: .utf8) == line)
    }

    @Test(arguments: [0o644, 0o640, 0o604, 0o620, 0o602, 0o610, 0o601] as [UInt32])
    func aKeyThatOthersCanReachIsRefusedWithTheCommandThatFixesIt(mode: UInt32) throws {
        let path = folder.path("some key.key")
        try KeyFile.write(SecretBytes(copying: Array(0..<32)), for: .node, to: path)
        #expect(chmod(path, mode_t(mode)) == 0)

        let error = #expect(throws: KeyFileError.self) { _ = try KeyFile.read(.node, at: path).count }

        #expect(error == .openToOthers(path: path, mode: mode))
        #expect(error?.hint == "chmod 600 '\(path)'")
    }

    @Test func aKeyOfAnotherPurposeIsRefused() throws {
        let path = folder.path("some.key")
        try KeyFile.write(SecretBytes(copying: Array(0..<32)), for: .node, to: path)

        #expect(throws: KeyFileError.wrongLength(path: path, expected: 90, found: 85)) { _ = try KeyFile.read(.transport, at: path).count }
    }

    @Test func everyShorterFileIsRefused() throws {
        let path = folder.path("some.key")
        let whole = Array("hearsay-key-v1 node \(String(repeating: "0f", count: 32))\n".utf8)

        for length in 0..<whole.count {
            try folder.write(Array(whole.prefix(length)), to: "some.key", mode: 0o600)
            #expect(throws: KeyFileError.wrongLength(path: path, expected: whole.count, found: length)) { _ = try KeyFile.read(.node, at: path).count }
        }
    }

    @Test(arguments: ["hearsay-key-v2 node ", "hearsay-key-v1 mode "])
    func aWrongHeaderIsRefused(header: String) throws {
        try folder.write(Array("\(header)\(String(repeating: "0f", count: 32))\n".utf8), to: "some.key", mode: 0o600)

        let path = folder.path("some.key")
        #expect(throws: KeyFileError.malformed(path: path, purpose: .node)) { _ = try KeyFile.read(.node, at: path).count }
    }

    @Test(arguments: [20, 40, 83])
    func anythingButHexDigitsIsRefused(place: Int) throws {
        var content = Array("hearsay-key-v1 node \(String(repeating: "0f", count: 32))\n".utf8)
        content[place] = UInt8(ascii: "g")
        try folder.write(content, to: "some.key", mode: 0o600)

        let path = folder.path("some.key")
        #expect(throws: KeyFileError.malformed(path: path, purpose: .node)) { _ = try KeyFile.read(.node, at: path).count }
    }

    @Test func aKeyIsNeverOverwrittenUnlessAskedTo() throws {
        let path = folder.path("some.key")
        try KeyFile.write(SecretBytes(copying: Array(0..<32)), for: .node, to: path)

        #expect(throws: KeyFileError.alreadyThere(path: path)) {
            try KeyFile.write(SecretBytes(copying: Array(1..<33)), for: .node, to: path)
        }
        #expect(try KeyFile.read(.node, at: path).exposed() == Array(0..<32))

        try KeyFile.write(SecretBytes(copying: Array(1..<33)), for: .node, to: path, replacing: true)
        #expect(try KeyFile.read(.node, at: path).exposed() == Array(1..<33))
    }

    @Test func aLinkIsNotFollowed() throws {
        try KeyFile.write(SecretBytes(copying: Array(0..<32)), for: .node, to: folder.path("real.key"))
        #expect(symlink(folder.path("real.key"), folder.path("link.key")) == 0)

        let path = folder.path("link.key")
        #expect(throws: KeyFileError.notOurs(path: path)) { _ = try KeyFile.read(.node, at: path).count }
    }

    @Test func aMissingKeyIsNamed() {
        let path = folder.path("none.key")
        #expect(throws: KeyFileError.missing(path: path)) { _ = try KeyFile.read(.node, at: path).count }
    }

    @Test func anErrorNeverShowsTheKey() throws {
        try folder.write(Array("hearsay-key-v1 mode \(String(repeating: "5e", count: 32))\n".utf8), to: "some.key", mode: 0o600)

        let error = #expect(throws: KeyFileError.self) { _ = try KeyFile.read(.node, at: folder.path("some.key")).count }

        #expect(error.map { "\($0)".contains("5e5e") } == false)
    }
}
