import Foundation
import Testing

@testable import NodeRuntime

@Suite struct OutboxWatchTests {
    /// Bytes in a file of a fresh folder, and a watch that counts on being told of them.
    private func scratch() throws -> String {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("hearsay-watch-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        return path
    }

    private func append(_ byte: UInt8, to path: String) throws {
        let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
        defer { try? handle.close() }
        try handle.seekToEnd()
        try handle.write(contentsOf: Data([byte]))
    }

    /// Ends when the file was found to hold all that was written; a watch that missed the last write would never end it.
    @Test(.timeLimit(.minutes(5))) func everyWriteIsReadInTheEndAlsoOneThatComesDuringAReading() async throws {
        let folder = try scratch()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let file = folder + "/file"
        try Data().write(to: URL(fileURLWithPath: file))
        let (sizes, sink) = AsyncStream.makeStream(of: Int.self)
        let watch = try #require(OutboxWatch(directory: folder) { whenRead in
            sink.yield(FileManager.default.contents(atPath: file)?.count ?? 0)
            whenRead()
        })
        defer { watch.cancel() }
        try append(1, to: file)
        var written = 1
        for await size in sizes {
            if size >= 20 { break }
            if written < 20 {
                // Now the watch is reading or resting.
                try append(1, to: file)
                written += 1
            }
        }
        #expect(FileManager.default.contents(atPath: file)?.count == 20)
    }

    @Test(.timeLimit(.minutes(5))) func aFolderMadeLaterIsWatchedAfterTheNextLook() async throws {
        let parent = try scratch()
        defer { try? FileManager.default.removeItem(atPath: parent) }
        let folder = parent + "/outbox"
        let (told, sink) = AsyncStream.makeStream(of: Void.self)
        let watch = try #require(OutboxWatch(directory: folder) { whenRead in
            sink.yield()
            whenRead()
        })
        defer { watch.cancel() }
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try Data().write(to: URL(fileURLWithPath: folder + "/file"))
        watch.look()
        try append(1, to: folder + "/file")
        var isTold = false
        for await _ in told {
            isTold = true
            break
        }
        #expect(isTold)
    }
}
