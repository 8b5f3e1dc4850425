import Cryptography
import Foundation
import Primitives
import Synchronization
import Testing

@testable import Watching

@Suite struct WebhookTests {
    private let secret: WebhookSecret

    init() throws { secret = try #require(WebhookSecret(Array("a secret of twenty-six bytes".utf8))) }

    /// A store with one alert for the webhook, and a courier to a receiver.
    private func withCourier(
        _ answers: [Receiver.Answer], includesIdentities: Bool = false, patience: Duration = WebhookClient.patience,
        _ body: (Courier, Receiver) async throws -> Void
    ) async throws {
        try await withScratchFolder { folder in
            try await Receiver.run(answers) { receiver in
                let store = try WatchStore(directory: folder)
                var watch = watch()
                watch.number = try store.add(watch)
                var random = SeededGenerator(seed: 1)
                _ = try store.tell(watch, [FindingGroup([near("a", of: 1, session: "sid-7")])], names: [:], sinks: .webhook, at: noon, using: &random)
                let client = WebhookClient(patience: patience)
                let courier = Courier(
                    store: store, target: try WebhookTarget("http://127.0.0.1:\(receiver.port)/hook?x=1"), secret: secret,
                    includesIdentities: includesIdentities, client: client)
                try await body(courier, receiver)
                client.close()
            }
        }
    }

    private func deliver(_ courier: Courier, at now: Timestamp = noon) async throws -> [RetrySchedule.Decision] {
        var random = SeededGenerator(seed: 1)
        return try await courier.deliver(now: { now }, using: &random)
    }

    @Test func aReceiverCanCheckWhatItGets() async throws {
        try await withCourier([]) { courier, receiver in
            #expect(try await deliver(courier) == [.delivered])
            let request = try #require(receiver.requests.first)
            #expect(receiver.requests.count == 1 && request.path == "/hook?x=1" && request.headers["content-type"] == "application/json")
            let alert = try #require(Alert(text: String(decoding: request.body, as: UTF8.self)))
            #expect(request.headers["hearsay-alert"] == alert.alert && alert.alert.count == 32)
            let timestamp = try #require(request.headers["hearsay-timestamp"])
            #expect(timestamp == "\(noon.milliseconds / 1_000)")
            let expected = SHA256.authenticate(Array(timestamp.utf8) + Array(".".utf8) + request.body, key: secret.bytes)
            #expect(request.headers["hearsay-signature"] == "v1=" + Hex.encode(expected))
            // Nothing is left to deliver.
            #expect(try await deliver(courier, at: noon + .seconds(86_400)) == [])
            #expect(try courier.store.queue() == WatchStore.Queue())
        }
    }

    @Test func identitiesLeaveOnlyIfToldTo() async throws {
        try await withCourier([]) { courier, receiver in
            _ = try await deliver(courier)
            #expect(!String(decoding: try #require(receiver.requests.first).body, as: UTF8.self).contains("sid-7"))
        }
        try await withCourier([], includesIdentities: true) { courier, receiver in
            _ = try await deliver(courier)
            #expect(String(decoding: try #require(receiver.requests.first).body, as: UTF8.self).contains("attacker of sid-7"))
        }
    }

    @Test func troubleIsTriedAgainWhenItsTimeHasCome() async throws {
        try await withCourier([.init(status: 503, headers: [("Retry-After", "120")]), .init(status: 429), .init(status: 500)]) { courier, receiver in
            let first = try await deliver(courier)
            #expect(first == [.again(at: noon + .seconds(120), because: "the receiver has answered 503")])
            #expect(try courier.store.queue().trouble == "the receiver has answered 503")
            #expect(try await deliver(courier, at: noon + .seconds(119)) == [])
            for (hours, expected) in [(1, false), (2, false), (3, true)] {
                #expect(try await deliver(courier, at: noon + .seconds(Int64(3_600 * hours))).map { $0 == .delivered } == [expected])
            }
            // The same alert each time, signed for the time of the try.
            #expect(receiver.requests.count == 4 && Set(receiver.requests.map(\.body)).count == 1)
            #expect(Set(receiver.requests.map { $0.headers["hearsay-alert"] }).count == 1)
            #expect(Set(receiver.requests.map { $0.headers["hearsay-signature"] }).count == 4)
        }
    }

    @Test func aRefusalIsKeptAndNotTriedAgain() async throws {
        try await withCourier([.init(status: 410)]) { courier, receiver in
            #expect(try await deliver(courier) == [.failed(because: "the receiver has answered 410")])
            #expect(try await deliver(courier, at: noon + .seconds(86_400)) == [])
            let queue = try courier.store.queue()
            #expect(queue.waiting == 0 && queue.failed.map(\.reason) == ["the receiver has answered 410"])
            try courier.store.prune(at: noon + .seconds(86_400))
            #expect(try courier.store.queue().failed.count == 1)
        }
    }

    @Test func aRedirectIsNotFollowed() async throws {
        try await Receiver.run { elsewhere in
            for status in [301, 302, 307, 308] {
                let answer = Receiver.Answer(status: status, headers: [("Location", "http://127.0.0.1:\(elsewhere.port)/elsewhere")])
                try await withCourier([answer]) { courier, receiver in
                    let decisions = try await deliver(courier)
                    #expect(decisions == [.failed(because: "the receiver has answered \(status); redirects are not followed")])
                    #expect(receiver.requests.count == 1)
                }
            }
            #expect(elsewhere.requests.isEmpty)
        }
    }

    @Test func aLongAnswerIsCutOff() async throws {
        try await withCourier([.init(status: 200, body: [UInt8](repeating: 65, count: 1 << 22))]) { courier, _ in
            let decisions = try await deliver(courier)
            #expect(decisions == [.delivered])
        }
    }

    @Test func aReceiverThatSaysNothingIsNotWaitedFor() async throws {
        try await withCourier([.init(status: nil)], patience: .milliseconds(100)) { courier, receiver in
            let decisions = try await deliver(courier)
            guard case .again(_, "the receiver did not answer in time")? = decisions.first else { return #expect(Bool(false), "\(decisions)") }
            #expect(receiver.requests.count <= 1)
        }
    }

    @Test func aReceiverThatIsGoneIsTriedAgain() async throws {
        try await withScratchFolder { folder in
            let port = try ClosedPort()
            let store = try WatchStore(directory: folder)
            var watch = watch()
            watch.number = try store.add(watch)
            var random = SeededGenerator(seed: 1)
            _ = try store.tell(watch, [FindingGroup([near("a", of: 1)])], names: [:], sinks: .webhook, at: noon, using: &random)
            let client = WebhookClient()
            defer { client.close() }
            let courier = Courier(
                store: store, target: try WebhookTarget("http://127.0.0.1:\(port.number)/"), secret: secret, includesIdentities: false, client: client)
            let decisions = try await deliver(courier)
            guard case .again(_, "the receiver cannot be reached")? = decisions.first else { return #expect(Bool(false), "\(decisions)") }
            withExtendedLifetime(port) {}
            #expect(decisions.count == 1)
            // Another process, after kill -9: the queue is on the disk.
            #expect(try WatchStore(directory: folder).due(at: noon + .seconds(10))?.attempts == 1)
        }
    }

    @Test func onlySafeAddressesAreTaken() throws {
        let safe = [
            "https://alerts.example.org/x", "HTTPS://example.org", "http://127.0.0.1:8080/", "http://localhost/x", "http://127.9.9.9", "http://[::1]:9/x",
        ]
        for text in safe {
            #expect(throws: Never.self, "\(text)") { try WebhookTarget(text) }
        }
        for text in ["http://example.org/", "http://127.0.0.1.example.org/", "http://localhost.example.org", "http://10.0.0.1/", "http://0x7f.1/"] {
            #expect(throws: WebhookError.insecure, "\(text)") { try WebhookTarget(text) }
            #expect(throws: Never.self, "\(text)") { try WebhookTarget(text, allowsInsecure: true) }
        }
        for text in ["", "example.org", "ftp://example.org/", "file:///etc/passwd", "https://", "https:///x"] {
            #expect(throws: WebhookError.noAddress, "\(text)") { try WebhookTarget(text, allowsInsecure: true) }
        }
        #expect(throws: WebhookError.credentials) { try WebhookTarget("https://me:word@example.org/") }
    }

    @Test func aSecretIsLongEnoughAndNobodyElses() async throws {
        try await withScratchFolder { folder in
            let path = folder + "/secret"
            func secret(_ text: String, mode: Int = 0o600) throws -> [UInt8] {
                try? FileManager.default.removeItem(atPath: path)
                _ = FileManager.default.createFile(atPath: path, contents: Data(text.utf8), attributes: [.posixPermissions: mode])
                return try WebhookSecret(file: path).bytes
            }
            let good = try secret("0123456789abcdef\r\n")
            #expect(good == Array("0123456789abcdef".utf8))
            #expect(throws: WebhookError.secretLength(path: path)) { try secret("0123456789abcde\n") }
            #expect(throws: WebhookError.secretLength(path: path)) { try secret(String(repeating: "x", count: 4_097)) }
            #expect(throws: WebhookError.secretMissing(path: path)) { try secret(String(repeating: "x", count: 9_000)) }
            #expect(throws: WebhookError.secretOpen(path: path)) { try secret("0123456789abcdef", mode: 0o640) }
            #expect(throws: WebhookError.secretMissing(path: folder)) { try WebhookSecret(file: folder) }
            #expect(throws: WebhookError.secretMissing(path: "/nowhere")) { try WebhookSecret(file: "/nowhere") }
        }
    }

    private struct Vector: Decodable {
        var secret: String
        var timestamp: String
        var body: String
        var signature: String
    }

    /// `Protocol/alerts.md` §3.
    @Test func theSpecificationsExampleHolds() throws {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../../Protocol/vectors/alerts/webhook.json")
        let vector = try JSONDecoder().decode(Vector.self, from: Data(contentsOf: file))
        let secret = try #require(WebhookSecret(Array(vector.secret.utf8)))
        let alert = try #require(Alert(text: vector.body))
        let seconds = try #require(UInt64(vector.timestamp))
        let request = WebhookRequest(alert, secret: secret, includesIdentities: false, at: Timestamp(milliseconds: seconds * 1_000 + 999))
        #expect(String(decoding: request.body, as: UTF8.self) == vector.body)
        #expect(request.headers.first { $0.name == "Hearsay-Signature" }?.value == vector.signature)
    }
}
