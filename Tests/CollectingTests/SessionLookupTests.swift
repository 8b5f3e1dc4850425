import Foundation
import Keystrokes
import Primitives
import Testing

@testable import Collecting

/// What the operator's own side knows of its sessions.
@Suite struct SessionLookupTests {
    @Test func ownSessionsAreFoundByIdByAttackerAndByCode() throws {
        let scratch = try CollectorScratch()
        _ = try scratch.take([
            Fixture.session("a", hash: 0xFF), Fixture.session("b", hash: 0xFE), Fixture.session("c", hash: 0xFFFF_0000_0000_0000),
            StreamTests.recording("d", keys: 400),
        ])
        let a = try #require(try scratch.database.session("a"))
        #expect(a.attackerUUID == Fixture.attacker && a.service == "ssh" && a.code(of: 1)?.code == 0xFF && a.code(of: 2) == nil)
        #expect(try scratch.database.session("nobody's") == nil)
        #expect(try scratch.database.sessions(ofAttacker: Fixture.attacker).map(\.sid) == ["a", "b", "c"])
        let near = try scratch.database.sessions(near: [0xFF], of: 1, within: 8, limit: 10)
        #expect(near.map(\.session.sid) == ["a", "b"] && near.map(\.distance) == [0, 1])
        #expect(try scratch.database.sessions(near: [0xFF], of: 1, within: 8, limit: 1).map(\.session.sid) == ["a"])
        let d = try #require(try scratch.database.session("d"))
        let code = try #require(d.code(of: 2)?.code)
        #expect(try scratch.database.sessions(near: [code], of: 2, within: 0, limit: 10).map(\.session.sid) == ["d"])
        #expect(d.attackerUUID == nil && d.code(of: 2)?.lengthClass == 1)
        #expect(try scratch.database.sessions(withCodeOf: 2, limit: 10).map { [$0.sid, "\($0.code(of: 2)?.code ?? 0)"] } == [["d", "\(code)"]])
        let all = try scratch.database.sessions(withCodeOf: 1, limit: 10)
        #expect(Set(all.map(\.sid)).isSuperset(of: ["a", "b", "c"]) && all.first { $0.sid == "a" } == a)
        #expect(try scratch.database.sessions(withCodeOf: 1, limit: 2).count == 2 && scratch.database.sessions(withCodeOf: 3, limit: 9).isEmpty)
    }

    /// The same fingers twice, and others.
    @Test func theMostAlikeComeFirst() throws {
        let scratch = try CollectorScratch()
        _ = try scratch.take(
            [StreamTests.recording("asked", keys: 400, seed: 1), StreamTests.recording("again", keys: 400, seed: 1)]
                + (2...6).map { StreamTests.recording("other \($0)", keys: 400, seed: $0) } + [Fixture.session("a row without features")])
        let similar = try #require(try scratch.database.sessions(similarTo: "asked", limit: 5))
        #expect(similar.count == 5 && similar.first?.session.sid == "again")
        #expect(similar.first?.featureDistance == 0 && similar.first?.codeDistance == 0 && similar.first?.schemaVersion == 2)
        #expect(zip(similar, similar.dropFirst()).allSatisfy { $0.score <= $1.score })
        #expect(!similar.contains { $0.session.sid == "asked" })
        #expect(try scratch.database.sessions(similarTo: "nobody's", limit: 5) == nil)
        let row = try #require(try scratch.database.sessions(similarTo: "a row without features", limit: 20))
        #expect(row.allSatisfy { $0.featureDistance == nil && $0.schemaVersion == 1 })
    }
}
