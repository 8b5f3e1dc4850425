import Foundation
import Primitives
import Testing

@testable import Watching

@Suite struct AlertFileTests {
    private func alert(_ id: String) -> Alert { Alert(id: id, watch(), fresh: [near("a", of: 1)], operators: 1, names: [origin(1): "Ämter"], at: noon) }

    private func lines(_ path: String) throws -> [String] { try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map(String.init) }

    @Test func eachAlertIsALine() async throws {
        try await withScratchFolder { folder in
            let file = AlertFile(path: folder + "/alerts.jsonl")
            for id in ["1", "2"] { try file.append(alert(id)) }
            #expect(try lines(file.path) == ["1", "2"].map { alert($0).text })
            #expect(try FileManager.default.attributesOfItem(atPath: file.path)[.posixPermissions] as? Int == 0o600)
        }
    }

    /// A crash may leave any part of a line, or all of it; then the same alert comes again.
    @Test func afterACrashAnAlertIsThereOnceAndWhole() async throws {
        try await withScratchFolder { folder in
            let line = Array((alert("2").text + "\n").utf8)
            for count in 0...line.count {
                let file = AlertFile(path: folder + "/\(count)")
                try file.append(alert("1"))
                let handle = try #require(FileHandle(forWritingAtPath: file.path))
                try handle.seekToEnd()
                try handle.write(contentsOf: Data(line.prefix(count)))
                try handle.close()
                try file.append(alert("2"))
                try file.append(alert("3"))
                #expect(try lines(file.path) == ["1", "2", "3"].map { alert($0).text }, "\(count) bytes")
            }
        }
    }

    @Test func whatSomebodyElseHasWrittenStays() async throws {
        try await withScratchFolder { folder in
            let file = AlertFile(path: folder + "/notes")
            try Data("somebody's notes".utf8).write(to: URL(fileURLWithPath: file.path))
            try file.append(alert("1"))
            #expect(try lines(file.path) == ["somebody's notes", alert("1").text])
        }
    }

    @Test func whatCannotBeWrittenIsSaid() {
        #expect(throws: AlertFileError.self) { try AlertFile(path: "/nowhere/at/all").append(alert("1")) }
    }
}
