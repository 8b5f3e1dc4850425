import Foundation
import Testing

/// Holds the house's floors: who may import whom, and what the pure floors must not know.
@Suite struct FloorTests {
    /// What each module may import, besides the standard library. A module is on a higher floor than all it names.
    static let allowed: [String: Set<String>] = [
        "Primitives": [],
        "WireFormat": ["Primitives"],
        "Cryptography": ["CSodium", "Primitives"],
        "Noise": ["Cryptography", "Primitives", "WireFormat"],
        "Ledger": ["Cryptography", "Primitives", "WireFormat"],
        "Keystrokes": [],
        "Evaluation": ["Foundation", "Keystrokes", "Primitives"],
        "Similarity": ["CHamming", "Ledger", "Primitives"],
        "Membership": ["Ledger", "Primitives", "Synchronization", "WireFormat"],
        "Replication": ["Cryptography", "Ledger", "Primitives", "WireFormat"],
        "NodeCore": ["Cryptography", "Ledger", "Membership", "Primitives", "Replication", "WireFormat"],
        "Descriptors": ["Foundation"],
        "Outbox": ["Cryptography", "Descriptors", "Foundation", "Glibc", "Ledger", "Primitives", "WireFormat"],
        "Storage": [
            "Cryptography", "Descriptors", "Foundation", "GRDB", "Glibc", "Ledger", "Noise", "NodeCore", "Outbox", "Primitives", "Replication",
            "Synchronization", "WireFormat",
        ],
        "Transport": [
            "Collections", "Cryptography", "Descriptors", "Foundation", "NIOCore", "NIOPosix", "Noise", "Primitives", "Synchronization", "WireFormat",
        ],
        "Collecting": [
            "CPSL", "Cryptography", "Foundation", "GRDB", "Glibc", "Keystrokes", "Ledger", "Outbox", "PrivateDatabase", "Primitives", "Synchronization",
            "TOMLKit", "WireFormat",
        ],
        "PrivateDatabase": ["Foundation", "GRDB"],
        "Watching": ["Cryptography", "Foundation", "FoundationNetworking", "GRDB", "Glibc", "PrivateDatabase", "Primitives", "Synchronization"],
        "Simulation": ["Cryptography", "Ledger", "Membership", "NodeCore", "Primitives", "Replication", "WireFormat"],
        "NodeRuntime": [
            "Cryptography", "Dispatch", "Foundation", "Ledger", "Logging", "Membership", "NIOCore", "NIOPosix", "NodeCore", "Noise", "Outbox", "Primitives",
            "Replication", "Similarity", "Storage", "Synchronization", "Transport", "WireFormat",
        ],
        "LocalCluster": ["Foundation", "NodeRuntime", "Primitives", "Storage"],
    ]

    /// Floors 0 to 3: no sockets, clocks, files, tasks, logs or global dice.
    static let pure = [
        "Primitives", "WireFormat", "Cryptography", "Noise", "Ledger", "Keystrokes", "Similarity", "Membership", "Replication", "NodeCore",
    ]

    /// What a pure module must not say, apart from comments.
    static let impure = [
        "Foundation", "Dispatch", "Glibc", "SystemRandomNumberGenerator", "ContinuousClock", "SuspendingClock", "Task {", "Task.", "async ", "await ",
        "print(", ".random(in", ".shuffled()", ".randomElement()", "Date(",
    ]

    static var sources: URL { URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../../Sources").standardizedFileURL }

    static func files(of module: String) throws -> [(path: String, lines: [Substring])] {
        let folder = sources.appendingPathComponent(module)
        let names = try FileManager.default.subpathsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".swift") }.sorted()
        return try names.map { name in
            (module + "/" + name, try String(contentsOf: folder.appendingPathComponent(name), encoding: .utf8).split(separator: "\n"))
        }
    }

    static func imports(in lines: [Substring]) -> [String] {
        lines.compactMap { line in
            let words = line.split(separator: " ")
            guard let place = words.firstIndex(of: "import"),
                words[..<place].allSatisfy({ $0.hasPrefix("@") || $0 == "public" || $0 == "internal" || $0 == "private" }),
                words.count > place + 1
            else { return nil }
            return String(words[place + 1].split(separator: ".")[0])
        }
    }

    @Test func everyModuleHasAFloor() throws {
        let modules = try FileManager.default.contentsOfDirectory(atPath: Self.sources.path).filter { name in
            // Maps to C libraries and programs have no floor of their own: programs stand above all.
            !name.hasPrefix("C") || name == "Collecting" || name == "Cryptography"
        }
        #expect(Set(modules.filter { !$0.hasPrefix("hearsay") }) == Set(Self.allowed.keys))
    }

    @Test(arguments: allowed.keys.sorted()) func aModuleImportsOnlyLowerFloors(module: String) throws {
        let allowed = Self.allowed[module] ?? []
        for (path, lines) in try Self.files(of: module) {
            for imported in Self.imports(in: lines) { #expect(allowed.contains(imported), "\(path) imports \(imported)") }
        }
    }

    @Test func noModuleImportsUpwards() {
        // With every import on the list, the list itself must have no circle.
        var remaining = Self.allowed
        while let free = remaining.first(where: { module in module.value.allSatisfy { remaining[$0] == nil } }) { remaining[free.key] = nil }
        #expect(remaining.isEmpty, "these import each other: \(remaining.keys.sorted())")
    }

    @Test(arguments: pure) func thePureFloorsKnowNoWorld(module: String) throws {
        for (path, lines) in try Self.files(of: module) {
            for (index, line) in lines.enumerated() {
                let code = line.split(separator: "//", maxSplits: 1, omittingEmptySubsequences: false)[0]
                for word in Self.impure { #expect(!code.contains(word), "\(path): \(index + 1): \(word)") }
            }
        }
    }

    /// The identity wall: nothing that the node process is made of can name what the collector knows.
    @Test func theNodeHasNoPathToTheCollector() {
        var reachable: Set<String> = []
        var waiting = ["NodeRuntime"]
        while let module = waiting.popLast() {
            guard reachable.insert(module).inserted else { continue }
            waiting += Self.allowed[module] ?? []
        }
        #expect(!reachable.contains("Collecting"))
        #expect(!reachable.contains("Keystrokes"))
        #expect(!reachable.contains("CPSL"))
        #expect(!reachable.contains("Watching"))
    }

    /// What posts to webhooks is given what it may post; it has no path to the collector's files, nor to the node's.
    @Test func theWatcherHasNoPathToIdentitiesOrTheNode() {
        for module in ["Collecting", "Keystrokes", "Storage", "Transport", "NodeCore", "Outbox"] {
            #expect(Self.allowed["Watching"]?.contains(module) == false)
        }
    }

    /// And the other way round: what knows attackers has no socket.
    @Test func theCollectorHasNoPathToTheNetwork() {
        var reachable: Set<String> = []
        var waiting = ["Collecting"]
        while let module = waiting.popLast() {
            guard reachable.insert(module).inserted else { continue }
            waiting += Self.allowed[module] ?? []
        }
        for module in ["Transport", "NIOCore", "NIOPosix", "Noise", "NodeCore", "Storage"] { #expect(!reachable.contains(module)) }
    }
}
