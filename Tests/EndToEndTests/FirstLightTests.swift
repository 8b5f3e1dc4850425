import Foundation
import NodeRuntime
import Testing

@Suite(.serialized) struct FirstLightTests {
    private struct TypistAnswer: Decodable {
        struct Candidate: Decodable {
            var code: String
            var distance: Int
            var decibans: Double?
        }
        struct Part: Decodable {
            var seen: Bool
            var operators: Int
            var sessions: Int
            var candidates: [Candidate]
        }
        var sessions_asked: [Part]
    }

    private struct DomainAnswer: Decodable {
        var seen: Bool
        var operators: Int
        var attacker_days: Int
        var first_day: String?
    }

    /// Three organisations, each with another kind of honeypot; each finds what only the others have seen.
    @Test func threeOrganisationsFindTheSameTypistAndDomain() async throws {
        try await Harness.run(nodes: 3) { harness in
            for index in 0..<3 { try harness.useLabPolicy(index) }
            let samples = try harness.makeSamples()
            #expect(try harness.hearsay("collect", samples + "/operator-1", "--home", harness.home(0)).status == 0)
            #expect(try harness.hearsay("collect", samples + "/operator-2", "--home", harness.home(1)).status == 0)
            #expect(try harness.hearsay("collect", samples + "/operator-3/session.cast", "--home", harness.home(2)).status == 0)

            // Two sessions with two codes each and two domains at the first, two such sessions at the second, one at the third.
            let isEverywhere = try await harness.cluster.wait(within: .seconds(20)) { statuses in
                statuses.map { status in (status?.sightings ?? 0) + (status?.origins.reduce(0) { $0 + $1.sightings } ?? 0) } == [12, 12, 12]
            }
            #expect(isEverywhere)

            let profile = try harness.hearsay("profile", samples + "/operator-1", "--json").text
            let first = try #require(profile.split(separator: "\n").first)
            let columns = try JSONSerialization.jsonObject(with: Data(first.utf8)) as? [String: Any]
            func ask(_ arguments: [String]) throws -> TypistAnswer.Part {
                let text = try Harness.hearsay(arguments + ["--json", "--home", harness.home(2)]).text
                return try #require(try JSONDecoder().decode(TypistAnswer.self, from: Data(text.utf8)).sessions_asked.first)
            }
            let code = try #require(columns?["kd_digraph_simhash"] as? String)
            let first1 = try ask(["query", "simhash", code, "--schema-version", "1"])
            #expect(first1.seen && first1.operators == 2 && first1.sessions == 2)
            #expect(first1.candidates.first?.code == code && first1.candidates.first?.distance == 0 && first1.candidates.first?.decibans == nil)
            #expect(try ask(["query", "simhash", code, "--schema-version", "1", "--local"]).sessions == 2)

            let code2 = try #require((columns?["fingerprint"] as? [String: Any])?["code"] as? String)
            let first2 = try ask(["query", "simhash", code2, "--class", "1"])
            #expect(first2.seen && first2.operators >= 1)
            #expect(first2.candidates.first?.code == code2 && first2.candidates.first?.distance == 0 && first2.candidates.first?.decibans == 15)

            // From a recording of another operator's: the node is asked with the code alone.
            let recording = try harness.hearsay("lookup", "--recording", samples + "/operator-3/session.cast", "--json", "--home", harness.home(1))
            #expect(recording.status == 0, "\(recording.errors)")
            #expect(recording.text.contains(#""schema_version":2"#) && recording.text.contains(#""decibans":15"#))

            let session = try harness.hearsay("lookup", "--session", "c0ffee000001", "--home", harness.home(1))
            #expect(session.text.contains("our own sighting of this very code") && session.text.contains("+15"), "\(session.text)\(session.errors)")
            #expect(try harness.hearsay("similar", "c0ffee000001", "--home", harness.home(1)).text.contains("c0ffee000002"))
            let wide = try harness.hearsay("lookup", "--session", "c0ffee000001", "--radius", "20", "--home", harness.home(1))
            #expect(wide.status == 1 && wide.errors.contains("hint: --radius 16, or --force"))

            // Asked for by a mail address below it: the same normalisation as in publishing.
            let domain = try JSONDecoder().decode(
                DomainAnswer.self,
                from: Data(try harness.hearsay("query", "domain", "someone@mail.victim-bank.example.com", "--json", "--home", harness.home(1)).text.utf8))
            #expect(domain.seen && domain.operators == 1 && domain.attacker_days == 2 && domain.first_day == "\(Recent.day)")
            let unseen = try JSONDecoder().decode(
                DomainAnswer.self, from: Data(try harness.hearsay("query", "domain", "nobody.example.net", "--json", "--home", harness.home(1)).text.utf8))
            #expect(!unseen.seen && unseen.operators == 0)

            // The list says of a domain what the question about it says, from the running node and from its files alike.
            for place in [[], ["--local"]] {
                let list = try Harness.hearsay(["query", "domains", "--under", "example.com", "--by", "newest", "--json", "--home", harness.home(1)] + place)
                #expect(list.text.contains(#""under":"example.com","domains":[{"domain":"example.com","operators":1,"seen_by_own":false,"#), "\(list.errors)")
                #expect(list.text.contains(#""attacker_days":2,"days":1,"first_day":"\#(Recent.day)""#), "\(list.text)")
                let all = try Harness.hearsay(["query", "domains", "--limit", "1", "--home", harness.home(1)] + place)
                #expect(all.text.contains("example.com") && !all.text.contains("example.org"))
            }
            #expect(try harness.hearsay("query", "domains", "--by", "size", "--home", harness.home(1)).errors.contains("hint: --by operators"))
        }
    }

    @Test func commandsSayWhatIsWrongAndWhatToDo() throws {
        let nowhere = FileManager.default.temporaryDirectory.appendingPathComponent("hearsay-none-\(UUID().uuidString)").path
        let status = try Harness.hearsay(["status", "--home", nowhere])
        #expect(status.status == 1 && status.errors.contains("error: no node is running here") && status.errors.contains("hint: "))
        let node = try Harness.hearsay(["node", "--home", nowhere])
        #expect(node.status == 1 && node.errors.contains("hint: hearsay init"))
        let collect = try Harness.hearsay(["collect", nowhere + "/missing", "--home", nowhere])
        #expect(collect.status == 1 && collect.errors.contains("no such file"))
        let token = try Harness.hearsay(["join", "hearsay1:AAAA", "--home", nowhere])
        #expect(token.status == 1 && token.errors.contains("damaged"))
        #expect(try Harness.hearsay(["query", "simhash", "xyz", "--home", nowhere]).status == 1)
        #expect(try Harness.hearsay(["bogus"]).status == 64)
        try? FileManager.default.removeItem(atPath: nowhere)
    }
}
