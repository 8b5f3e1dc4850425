import Foundation
import NodeRuntime
import Testing

@Suite(.serialized) struct PeerQuestionTests {
    /// Three operators have seen a domain; a fourth asks one of them over its session, once the three are held there.
    @Test func aPeerAnswersCoarselyAndOnlyWhenSwitchedOn() async throws {
        try await Harness.run(nodes: 4) { harness in
            for index in 0..<3 {
                try harness.useLabPolicy(index)
                let log = harness.root + "/mail-\(index).log"
                var text = (0..<4).map { MailLog.line(second: 60 * $0, source: "203.0.113.\($0 + 1)", recipient: "someone@victim-bank-test.com") }.joined()
                if index < 2 {
                    text += (0..<4).map { MailLog.line(second: 60 * $0, source: "203.0.113.\($0 + 9)", recipient: "a@two-saw-it-test.com") }.joined()
                }
                try Data(text.utf8).write(to: URL(fileURLWithPath: log))
                #expect(try harness.hearsay("collect", log, "--home", harness.home(index)).status == 0)
            }
            let hasCome = try await harness.cluster.wait(within: .seconds(30)) { statuses in
                statuses.allSatisfy { status in (status?.sightings ?? 0) + (status?.origins.reduce(0) { $0 + $1.sightings } ?? 0) == 5 }
            }
            #expect(hasCome)
            let peer = try #require(harness.cluster.status()[0].status).node
            func ask(_ domain: String) throws -> Harness.Output {
                try harness.hearsay("ask", "domain", domain, "--peer", peer, "--json", "--home", harness.home(3))
            }
            func answer(_ domain: String) throws -> PeerAnswerDocument {
                try JSONDecoder().decode(PeerAnswerDocument.self, from: Data(try ask(domain).text.utf8))
            }

            let refused = try ask("victim-bank-test.com")
            #expect(refused.status == 1 && refused.errors.contains("refused: off"), "\(refused.errors)")
            #expect(refused.errors.contains("this question leaves your machine") && refused.errors.contains("victim-bank-test.com"))

            #expect(try harness.hearsay("answering", "on", "--home", harness.home(0)).status == 0)
            let seen = try answer("victim-bank-test.com")
            #expect(seen.seen && seen.operators == "3-4" && seen.count == "10-99" && seen.within_days == 7 && seen.within_bits == nil)
            let two = try ask("two-saw-it-test.com").text
            #expect(two == (try ask("nobody-saw-it-test.com").text), "what too few have seen looks as what nobody has")
            #expect(try answer("two-saw-it-test.com").seen == false)

            #expect(try harness.hearsay("answering", "off", "--home", harness.home(0)).status == 0)
            #expect(try ask("victim-bank-test.com").errors.contains("refused: off"))
        }
    }
}
