import Foundation
import NodeRuntime
import Testing

@Suite(.serialized) struct WatchTests {
    private struct Alert: Decodable {
        struct Watch: Decodable {
            var kind: String
            var label: String
        }
        struct Sighting: Decodable {
            var code: String?
            var domain: String?
            var distance: Int?
            var own_session: String?
            var own_attacker: String?
        }
        var alert: String
        var operators: Int
        var watch: Watch
        var sightings: [Sighting]

        static func all(in text: String) throws -> [Alert] { try text.split(separator: "\n").map { try JSONDecoder().decode(Alert.self, from: Data($0.utf8)) } }
    }

    /// A watcher that runs; ended at once, as by kill -9, when the body returns.
    private static func watching(_ home: String, _ arguments: [String], _ body: () async throws -> Void) async throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: Harness.executable)
        process.arguments = ["watch", "run", "--home", home] + arguments
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        process.standardInput = FileHandle.nullDevice
        try process.run()
        defer {
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
        }
        try await body()
    }

    private static func secret(in folder: String) -> String {
        let path = folder + "/secret"
        _ = FileManager.default.createFile(atPath: path, contents: Data("0123456789abcdef0123456789abcdef\n".utf8), attributes: [.posixPermissions: 0o600])
        return path
    }

    private static func code(ofSamples folder: String, _ harness: Harness) throws -> String {
        let profile = try harness.hearsay("profile", folder, "--json").text
        let first = try #require(profile.split(separator: "\n").first)
        let columns = try JSONSerialization.jsonObject(with: Data(first.utf8)) as? [String: Any]
        return try #require((columns?["fingerprint"] as? [String: Any])?["code"] as? String)
    }

    /// Each thing that another operator has seen is told once: as it is adopted, and not again after a kill of the watcher, nor of the node.
    @Test func whatAnotherOperatorHasSeenIsToldExactlyOnce() async throws {
        try await Harness.run(nodes: 2) { harness in
            for index in 0..<2 { try harness.useLabPolicy(index) }
            let samples = try harness.makeSamples()
            let home = harness.home(1)
            let file = harness.root + "/alerts.jsonl"
            let arguments = ["--file", file]
            func alerts() throws -> [Alert] {
                try FileManager.default.fileExists(atPath: file) ? Alert.all(in: String(contentsOfFile: file, encoding: .utf8)) : []
            }
            func add(_ arguments: String...) throws { #expect(try Harness.hearsay(["watch", "add"] + arguments + ["--home", home]).status == 0) }
            func isTold(_ count: Int, _ harness: Harness) async throws -> Bool {
                try await harness.cluster.wait(within: .seconds(30)) { _ in ((try? alerts()) ?? []).count >= count }
            }

            try add("domain", "someone@mail.victim-bank.example.com", "--label", "the bank")
            try add("simhash", try Self.code(ofSamples: samples + "/operator-1", harness), "--class", "1", "--within", "3", "--label", "the typist")
            try await Self.watching(home, arguments) {
                let collected = try harness.hearsay("collect", samples + "/operator-1", "--home", harness.home(0))
                #expect(collected.status == 0, "\(collected.errors)")
                let isTold = try await isTold(2, harness)
                #expect(isTold)
            }
            // The watcher is back, and looks at everything again in the order of its watches; the last one is new, and tells that it has.
            try add("domain", "hospital.example.org", "--label", "after the watcher's kill")
            try await Self.watching(home, arguments) {
                #expect(try await isTold(3, harness))
                harness.cluster.kill(1)
                try await harness.cluster.start(1)
                try add("own-sessions", "--label", "after the node's kill")
                #expect(try harness.hearsay("collect", samples + "/operator-2", "--home", home).status == 0)
                // Of the same typist, collected after the watch began.
                #expect(try harness.hearsay("collect", samples + "/operator-1", "--home", home).status == 0)
                #expect(try await isTold(4, harness))
            }
            // Everything once more, to the end.
            #expect(try harness.hearsay("watch", "run", "--once", "--file", file, "--home", home).status == 0)

            let told = try alerts()
            #expect(Set(told.map(\.alert)).count == told.count)
            for label in ["the bank", "the typist", "after the watcher's kill"] { #expect(told.count { $0.watch.label == label } == 1, "\(label)") }
            let bank = try #require(told.first { $0.watch.label == "the bank" })
            #expect(bank.operators == 1 && bank.sightings.map(\.domain) == ["example.com"])
            #expect(told.first { $0.watch.label == "the typist" }?.sightings.first?.distance == 0)
            let own = told.filter { $0.watch.kind == "own-sessions" }.flatMap(\.sightings)
            #expect(!own.isEmpty && own.allSatisfy { $0.own_session != nil })
            #expect(Set(own.map { "\($0.own_session ?? "") \($0.code ?? "")" }).count == own.count)
        }
    }

    /// Alerts that a webhook could not take are on the disk: a watcher that is killed meanwhile delivers them later, signed.
    @Test func aWebhookGetsWhatAKilledWatcherHadQueued() async throws {
        try await Harness.run(nodes: 2) { harness in
            for index in 0..<2 { try harness.useLabPolicy(index) }
            let samples = try harness.makeSamples()
            #expect(try harness.hearsay("collect", samples + "/operator-1", "--home", harness.home(0)).status == 0)
            let origin = try harness.origin(0)
            #expect(try await harness.cluster.wait(within: .seconds(20)) { Harness.sightings(of: origin, in: $0[1]) > 0 })
            #expect(try harness.hearsay("watch", "add", "domain", "example.com", "--home", harness.home(1)).status == 0)
            let (home, secret) = (harness.home(1), Self.secret(in: harness.root))
            func waiting() throws -> Int? {
                let text = try Harness.hearsay(["watch", "list", "--json", "--home", home]).text
                return (try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])?["waiting_for_webhook"] as? Int
            }

            let closed = try ClosedPort()
            try await Self.watching(home, ["--webhook", "http://127.0.0.1:\(closed.number)/", "--secret-file", secret]) {
                let isQueued = try await harness.cluster.wait(within: .seconds(20)) { _ in (try? waiting()) == 1 }
                #expect(isQueued)
            }
            withExtendedLifetime(closed) {}
            try await Receiver.run { receiver in
                try await Self.watching(home, ["--webhook", "http://127.0.0.1:\(receiver.port)/", "--secret-file", secret]) {
                    let hasCome = try await harness.cluster.wait(within: .seconds(60)) { _ in !receiver.requests.isEmpty && (try? waiting()) == 0 }
                    #expect(hasCome)
                }
                let request = try #require(receiver.requests.first)
                #expect(receiver.requests.count == 1 && request.headers["hearsay-signature"]?.hasPrefix("v1=") == true)
                #expect(try Alert.all(in: String(decoding: request.body, as: UTF8.self)).first?.alert == request.headers["hearsay-alert"])
            }
        }
    }

    /// The operator sees which of its sessions an alert is about; the node and a webhook do not.
    @Test func neitherTheNodeNorAWebhookLearnsAnIdentity() async throws {
        try await Harness.run(nodes: 2) { harness in
            for index in 0..<2 { try harness.useLabPolicy(index) }
            let samples = try harness.makeSamples()
            #expect(try harness.hearsay("collect", samples + "/operator-1", "--home", harness.home(0)).status == 0)
            // The same sessions at another operator.
            #expect(try harness.hearsay("collect", samples + "/operator-1", "--home", harness.home(1)).status == 0)
            let origin = try harness.origin(0)
            #expect(try await harness.cluster.wait(within: .seconds(20)) { Harness.sightings(of: origin, in: $0[1]) > 0 })

            // A home of the watcher's own: the collector's files are the operator's, the socket leads through us.
            let home = harness.root + "/w"
            try FileManager.default.createDirectory(atPath: home + "/node", withIntermediateDirectories: true)
            try FileManager.default.createSymbolicLink(atPath: home + "/collector", withDestinationPath: harness.home(1) + "/collector")
            #expect(try Harness.hearsay(["watch", "add", "own-sessions", "--home", home]).status == 0)
            let (secret, socket) = (Self.secret(in: harness.root), harness.cluster.members[1].nodeDirectory.controlSocketPath)
            let (said, requests, output) = try await Receiver.run { receiver in
                try await ControlRelay.run(at: home + "/node/control.sock", before: socket) { relay in
                    let arguments = [
                        "watch", "run", "--once", "--stdout", "--json", "--webhook", "http://127.0.0.1:\(receiver.port)/", "--secret-file", secret,
                        "--home", home,
                    ]
                    let output = try Harness.hearsay(arguments)
                    #expect(output.status == 0, "\(output.errors)")
                    return (relay.bytesToNode, receiver.requests, output.text)
                }
            }
            let alert = try #require(try Alert.all(in: output).first)
            let names = alert.sightings.flatMap { [$0.own_session, $0.own_attacker].compactMap { $0 } }
            #expect(names.contains { $0.count >= 8 } && alert.sightings.allSatisfy { $0.own_attacker != nil })
            let scanner = CanaryScanner(Array(Set(names)))
            // It sees them where they belong.
            #expect(!scanner.findings(in: Array(output.utf8)).isEmpty)
            #expect(said.count > 100 && scanner.findings(in: said) == [])
            let request = try #require(requests.first)
            #expect(requests.count == 1 && scanner.findings(in: request.body + request.headers.values.flatMap { Array($0.utf8) }) == [])
            #expect(String(decoding: request.body, as: UTF8.self).contains(alert.alert))
            #expect(try scanner.findings(below: harness.home(1) + "/node") == [])
        }
    }

    /// One more than may wait is refused; those who wait are let go when the node stops, and it stops in order.
    @Test func aNodeThatStopsLetsGoOfThoseWhoWait() async throws {
        try await Harness.run(nodes: 1) { harness in
            let member = harness.cluster.members[0]
            let socket = member.nodeDirectory.controlSocketPath
            guard case .document(let text) = try ControlClient.ask(.changes(ChangesRequest()), socket: socket) else { throw CocoaError(.coderReadCorrupt) }
            let now = try JSONDecoder().decode(ChangesDocument.self, from: Data(text.utf8))
            #expect(!now.complete)

            let (answers, answered) = AsyncStream.makeStream(of: ControlAnswer?.self)
            for _ in 0..<17 {
                // Threads of their own: each waits.
                Thread.detachNewThread {
                    answered.yield(try? ControlClient.ask(.changes(ChangesRequest(instance: now.instance, revision: now.revision)), socket: socket))
                }
            }
            var arriving = answers.makeAsyncIterator()
            guard case .failure(let error, _)?? = await arriving.next() else { throw CocoaError(.coderReadCorrupt) }
            #expect(error == "16 others wait for changes already")

            #expect(try ControlClient.ask(.stop, socket: socket) == .done)
            for _ in 0..<16 {
                guard case .document(let text)?? = await arriving.next() else { continue }
                #expect(text.contains(#""changes":[]"#))
            }
            // Waits for the process to end.
            try await harness.cluster.down()
            let log = try String(contentsOfFile: member.home + "/node.log", encoding: .utf8)
            #expect(log.contains("stopping") && !log.contains("ERROR"), "\(log.suffix(2_000))")
        }
    }

    @Test func mistakesAreSaid() throws {
        let home = FileManager.default.temporaryDirectory.appendingPathComponent("hearsay-watch-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: home) }
        func errors(_ arguments: String...) throws -> String {
            let output = try Harness.hearsay(["watch"] + arguments + ["--home", home])
            #expect(output.status != 0, "\(arguments)")
            return output.errors
        }
        #expect(try errors("add", "simhash", "xyz").contains("16 hex digits"))
        #expect(try errors("add", "simhash", "0123456789abcdef", "--within", "17").contains("at most 16 bits"))
        #expect(try errors("add", "simhash", "0123456789abcdef", "--schema-version", "1", "--min-decibans", "3").contains("have no decibans"))
        #expect(try errors("add", "domain", "com").contains("no domain that could be published"))
        #expect(try errors("add", "domain", "example.com", "--min-operators", "0").contains("1 or more"))
        #expect(try errors("add", "own-sessions", "--label", "two\nlines").contains("one line"))
        #expect(try errors("remove", "7").contains("there is no watch 7"))
        #expect(try errors("run", "--once", "--webhook", "http://127.0.0.1:9/").contains("go together"))
        #expect(try errors("test", "--webhook", "http://example.org/", "--secret-file", Self.secret(in: home)).contains("in the clear"))
        #expect(try Harness.hearsay(["watch", "add", "domain", "example.com", "--home", home]).status == 0)
        #expect(try errors("run", "--once").contains("no node is running here"))
        #expect(try Harness.hearsay(["watch", "test", "--json", "--home", home]).text.contains("\"test\":true"))
    }
}
