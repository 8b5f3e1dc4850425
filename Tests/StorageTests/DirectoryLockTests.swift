import Foundation
import Storage
import Testing

@Suite struct DirectoryLockTests {
    let folder = ScratchFolder()

    @Test func aNodeDirectoryIsRunByOneAtATime() throws {
        var first: DirectoryLock? = try DirectoryLock(directory: folder.root)

        #expect(throws: DirectoryLockError.heldByAnother(path: folder.root)) { try DirectoryLock(directory: folder.root) }

        #expect(first != nil)
        first = nil
        #expect(throws: Never.self) { try DirectoryLock(directory: folder.root) }
    }
}
