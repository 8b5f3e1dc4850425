import Foundation
import Testing

/// `hearsay evaluate` on folders as people make them.
@Suite struct EvaluateTests {
    /// A scratch folder, deleted when the body returns.
    static func withFolder(_ body: (String) throws -> Void) throws {
        let root = FileManager.default.temporaryDirectory.appendingPathComponent("hearsay-evaluate-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: root) }
        try body(root)
    }

    static func evaluate(_ arguments: String...) throws -> Harness.Output { try Harness.hearsay(["evaluate"] + arguments) }

    /// Twelve persons with three recordings each.
    static func write(to directory: String) throws -> Harness.Output {
        try evaluate("--synthetic", "--persons", "12", "--sessions", "3", "--keys", "250", "--seed", "5", "--replicates", "40", "--write", directory, "--json")
    }

    static func object(_ output: Harness.Output) throws -> NSDictionary {
        try #require(try JSONSerialization.jsonObject(with: Data(output.text.utf8)) as? NSDictionary, "\(output.errors)")
    }

    static func figures(of directory: String) throws -> (object: NSDictionary, errors: String) {
        let output = try evaluate(directory, "--seed", "5", "--replicates", "40", "--json")
        #expect(output.status == 0, "\(output.errors)")
        return (try object(output), output.errors)
    }

    @Test func aFolderThatWasWrittenGivesTheFiguresOfTheSessionsInMemory() throws {
        try Self.withFolder { root in
            let memory = try Self.object(
                try Self.evaluate("--synthetic", "--persons", "12", "--sessions", "3", "--keys", "250", "--seed", "5", "--replicates", "40", "--json"))
            let written = try Self.object(try Self.write(to: root + "/people"))
            let read = try Self.figures(of: root + "/people")

            #expect(written["streams"] as? NSArray == memory["streams"] as? NSArray)
            #expect(read.object["streams"] as? NSArray == memory["streams"] as? NSArray)
            #expect((memory["streams"] as? NSArray)?.count == 2)
            #expect(read.errors == "")
        }
    }

    /// The same events as a session shard, all sessions of a person in one file.
    @Test func shardsGiveTheFiguresOfTheCasts() throws {
        try Self.withFolder { root in
            _ = try Self.write(to: root + "/casts")
            for person in try FileManager.default.contentsOfDirectory(atPath: root + "/casts") {
                let folder = "\(root)/shards/\(person)"
                try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
                var lines: [String] = []
                for file in try FileManager.default.contentsOfDirectory(atPath: "\(root)/casts/\(person)").sorted() {
                    let events = try String(contentsOfFile: "\(root)/casts/\(person)/\(file)", encoding: .utf8).split(separator: "\n").dropFirst()
                    for event in events {
                        let parts = event.dropFirst().dropLast().split(separator: ",", maxSplits: 2)
                        lines.append("{\"sid\":\"\(person)-\(file.prefix(11))\",\"t\":\(parts[0]),\"ch\":\(parts[1]),\"d\":\(parts[2])}")
                    }
                }
                try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: URL(fileURLWithPath: folder + "/sessions-2026-01-02.jsonl"))
            }

            let (casts, shards) = (try Self.figures(of: root + "/casts"), try Self.figures(of: root + "/shards"))

            // The order of a person's sessions may differ, and with it the draws of the ranking.
            func counts(_ object: NSDictionary) -> [NSArray] {
                (object["streams"] as? [NSDictionary] ?? []).flatMap { stream in
                    (stream["groups"] as? [NSDictionary] ?? []).flatMap { [$0["same_counts"], $0["different_counts"]].compactMap { $0 as? NSArray } }
                }
            }
            #expect(counts(shards.object).count >= 8)
            #expect(counts(shards.object) == counts(casts.object))
        }
    }

    @Test func whatCannotBeReadIsNamedAndCountedAndTheRestGoesOn() throws {
        try Self.withFolder { root in
            let people = root + "/people"
            let whole = try Self.object(try Self.write(to: people))
            let first = people + "/person-0001/"
            try FileManager.default.createDirectory(atPath: people + "/nobody", withIntermediateDirectories: false)
            try Data("no recording".utf8).write(to: URL(fileURLWithPath: people + "/loose.cast"))
            try Data("garbage\n".utf8).write(to: URL(fileURLWithPath: first + "garbage.cast"))
            try Data("{\"version\":2,\"width\":80,\"height\":24}\n".utf8).write(to: URL(fileURLWithPath: first + "empty.cast"))
            try FileManager.default.copyItem(atPath: first + "session-001.cast", toPath: first + "copy.cast")
            try FileManager.default.copyItem(atPath: first + "session-002.cast", toPath: people + "/person-0002/stray.cast")

            let (object, errors) = try Self.figures(of: people)

            for name in ["loose.cast", "garbage.cast", "empty.cast", "person-0002: session cast-", "nobody"] { #expect(errors.contains(name), "\(name)") }
            #expect(object["skipped"] as? Int == 3)  // garbage, empty, and nobody's folder.
            #expect(object["duplicates"] as? Int == 2)
            #expect(object["sessions"] as? Int == 36)
            let pairs = { (object: NSDictionary) in
                ((object["streams"] as? [NSDictionary])?.last?["groups"] as? [NSDictionary])?.first?["different_counts"] as? [Int]
            }
            #expect(pairs(object) != nil)
            #expect(pairs(object) == pairs(whole))
        }
    }

    @Test func foldersOfNobodyAreRefusedWithAHint() throws {
        try Self.withFolder { root in
            try Data("x".utf8).write(to: URL(fileURLWithPath: root + "/file"))
            for name in ["empty", "single/anna", "short/anna", "short/bert"] {
                try FileManager.default.createDirectory(atPath: "\(root)/\(name)", withIntermediateDirectories: true)
            }
            for name in ["anna", "bert"] {
                for number in 1...2 {
                    let cast = "{\"version\":2,\"width\":80,\"height\":24,\"timestamp\":\(number)}\n[0.\(number),\"i\",\"\(name.prefix(1))\"]\n"
                    try Data(cast.utf8).write(to: URL(fileURLWithPath: "\(root)/short/\(name)/\(number).cast"))
                }
            }
            for (name, message) in [
                ("missing", "there is no"), ("file", "is no folder"), ("empty", "no person's folder"), ("single", "one person's folder"),
                ("short", "nothing can be measured: no session has a code"),
            ] {
                let output = try Self.evaluate("\(root)/\(name)")
                #expect(output.status == 1, "\(name)")
                #expect(output.errors.contains("error: ") && output.errors.contains(message), "\(name): \(output.errors)")
                #expect(output.errors.contains("hint: ") && output.errors.contains("<person>/<recording>"), "\(name): \(output.errors)")
                #expect(output.text == "")
            }
            #expect(try Self.evaluate().status == 64)
            #expect(try Self.evaluate(root, "--synthetic").status == 64)
            #expect(try Self.evaluate(root, "--write", root + "/new").status == 64)
            #expect(try Self.evaluate("--synthetic", "--write", root).status == 1)
        }
    }

    /// Figures may be shown around: they name nobody.
    @Test func neitherTableNorPlotNorDocumentNamesAPerson() throws {
        try Self.withFolder { root in
            _ = try Self.write(to: root + "/people")
            let svg = root + "/plot.svg"
            let table = try Self.evaluate(root + "/people", "--replicates", "20", "--svg", svg)
            let document = try Self.evaluate(root + "/people", "--replicates", "20", "--json")
            let plot = try String(contentsOfFile: svg, encoding: .utf8)

            #expect(table.status == 0 && document.status == 0)
            for text in [table.text, document.text, plot] { #expect(!text.contains("person-0") && !text.contains("cast-")) }
            for part in ["<svg ", "schema_version 1", "schema_version 2", "<polyline ", "</svg>"] { #expect(plot.contains(part)) }
            for part in ["equal error %", "decibans at", "false hits among 10 M", "MB a second"] { #expect(table.text.contains(part)) }
            #expect(try Self.evaluate(root + "/people", "--svg", root + "/no/such/plot.svg").errors.contains("cannot write"))
        }
    }
}
