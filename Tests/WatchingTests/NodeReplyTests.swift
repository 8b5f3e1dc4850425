import Primitives
import Testing

@testable import Watching

@Suite struct NodeReplyTests {
    private static let typist = """
        {"stream":{"kind":1,"schema_version":2},"candidates_searched":3,"prior":null,"confidence":null,"sessions_asked":[\
        {"code":"69fadb7ce0a96d0e","noise":true,\
        "candidates":[{"code":"69fadb7ce0a96d0f","distance":1,"origin":"22","day":"2024-10-04","sessions":3,"strength":1,"own":false,"as_near":1,\
        "decibans":14.75,"words":"weak"},\
        {"code":"69fadb7ce0a96d0e","distance":0,"origin":"11","day":"2024-10-04","sessions":1,"strength":1,"own":true,"as_near":1,"words":"our own"}]},\
        {"code":"00000000000000ff","noise":false,"candidates":[]}],"together":[],"freshness":[]}
        """
    private let asked = [
        AskedCode(code: "69fadb7ce0a96d0e", lengthClass: 1), AskedCode(code: "00000000000000ff", lengthClass: nil, session: "s", attacker: "a"),
    ]

    @Test func whatOthersHaveSeenIsFoundAndOurOwnIsNot() throws {
        let groups = try NodeReply.groups(typist: Self.typist, asked: asked)
        #expect(groups.map(\.findings.count) == [1, 0])
        let finding = try #require(groups.first?.findings.first)
        #expect(finding.key == "69fadb7ce0a96d0f" && finding.origin == "22" && "\(finding.day)" == "2024-10-04")
        #expect(finding.sighting.decibans == 14.75 && finding.sighting.distance == 1 && finding.sighting.noise && finding.sighting.own_session == nil)
    }

    @Test func ofOwnSessionsEachIsToldApart() throws {
        let own = [AskedCode(code: "69fadb7ce0a96d0e", lengthClass: 1, session: "sid", attacker: "uuid"), asked[1]]
        let finding = try #require(try NodeReply.groups(typist: Self.typist, asked: own).first?.findings.first)
        #expect(finding.key == "sid/69fadb7ce0a96d0e/69fadb7ce0a96d0f")
        #expect(finding.sighting.own_session == "sid" && finding.sighting.own_attacker == "uuid" && finding.sighting.own_code == "69fadb7ce0a96d0e")
    }

    @Test func aDomainsFiguresAreThoseOfOthers() throws {
        let text = """
            {"domain":"bank.example","seen":true,"operators":1,"seen_by_own":true,"noise":false,"reported_count":9,"own_reported_count":2,"attacker_days":5,\
            "own_attacker_days":1,"days":2,"first_day":"2024-10-03","last_day":"2024-10-04","matches":[\
            {"origin":"11","day":"2024-10-04","reported_count":2,"attackers":1,"own":true},\
            {"origin":"22","day":"2024-10-03","reported_count":7,"attackers":4,"own":false}]}
            """
        let group = try NodeReply.group(domain: text)
        #expect(group.findings.map(\.origin) == ["22"] && group.findings[0].sighting.attackers == 4)
        #expect(group.figures == Alert.Figures(days: 1, reported_count: 7, attacker_days: 4))
    }

    @Test func anythingElseIsRefused() {
        #expect(throws: NodeReplyError.self) { try NodeReply.groups(typist: Self.typist, asked: Array(asked.prefix(1))) }
        #expect(throws: NodeReplyError.self) { try NodeReply.groups(typist: Self.typist.replacing("2024-10-04", with: "2024-13-04"), asked: asked) }
        for cut in stride(from: 0, to: Self.typist.count, by: 7) {
            #expect(throws: NodeReplyError.self) { try NodeReply.groups(typist: String(Self.typist.prefix(cut)), asked: asked) }
            #expect(throws: NodeReplyError.self) { try NodeReply.group(domain: String(Self.typist.prefix(cut))) }
        }
    }
}
