import Foundation
import Storage
import Synchronization
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

    /// A second close of one number would close what another thread has opened under it since.
    @Test func aRefusedLockClosesNothingOfOthers() throws {
        let held = try DirectoryLock(directory: folder.root)
        let victims = (0..<4).map { _ in Victim() }
        var refusedCount = 0
        for _ in 0..<20_000 where (try? DirectoryLock(directory: folder.root)) == nil { refusedCount += 1 }
        #expect(victims.reduce(0) { $0 + $1.lost() } == 0)
        #expect(refusedCount == 20_000)
        withExtendedLifetime(held) {}
    }
}

/// Opens and closes on a thread of its own, and counts how often what it opened was no longer open.
private final class Victim: Sendable {
    private let state = Mutex((isStopping: false, lost: 0))
    private let done = DispatchSemaphore(value: 0)

    init() {
        Thread.detachNewThread { [self] in
            while !state.withLock({ $0.isStopping }) {
                let descriptor = open("/dev/null", O_RDONLY | O_CLOEXEC)
                sched_yield()
                if close(descriptor) != 0 { state.withLock { $0.lost += 1 } }
            }
            done.signal()
        }
    }

    func lost() -> Int {
        state.withLock { $0.isStopping = true }
        done.wait()
        return state.withLock { $0.lost }
    }
}
