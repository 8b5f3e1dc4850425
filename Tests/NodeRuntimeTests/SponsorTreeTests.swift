@testable import NodeRuntime
import Testing

@Suite struct SponsorTreeTests {
    private static let root = String(repeating: "9", count: 64)

    private static func key(_ digit: Character) -> String { String(repeating: digit, count: 64) }

    /// A document as a node would give it: operator `0` is its own.
    private static func status(own: [String], _ others: [(Character, [String])]) -> StatusDocument {
        StatusDocument(
            mesh: "mesh", operator: key("0"), name: "Ours", sponsors: own, node: key("e"), sightings: 0, signing: "ready", sessions: 0, statements: 0,
            waiting_statements: 0, quota: .init(sightings: 1, bytes: 1), peers: [],
            origins: others.map { digit, sponsors in
                StatusDocument.Origin(
                    operator: key(digit), name: "Name \(digit)", standing: "member", current: true, ended: false, quarantined: false, sightings: 0,
                    sponsors: sponsors, rule: digit == "3" ? "blocked" : nil)
            })
    }

    @Test func everyOperatorStandsOnceBelowTheSponsorNearestToTheRoot() {
        let (zero, one, two) = (Self.key("0"), Self.key("1"), Self.key("2"))
        let tree = SponsorTree(Self.status(own: [Self.root], [("1", [zero]), ("2", [one, zero]), ("3", [two]), ("4", [Self.root])]))

        #expect(
            tree.text == """
                mesh mesh
                ├─ 0000000000000000  Ours  (member, this operator)
                │  ├─ 1111111111111111  Name 1  (member)
                │  └─ 2222222222222222  Name 2  (member, also admitted by 1111111111111111)
                │     └─ 3333333333333333  Name 3  (member, blocked)
                └─ 4444444444444444  Name 4  (member)
                """)
    }

    @Test func sponsorsInACircleEndSomewhere() {
        let tree = SponsorTree(Self.status(own: [Self.root], [("1", [Self.key("2")]), ("2", [Self.key("1")])]))

        #expect(tree.admitted_by_root.map(\.name) == ["Ours"])
        #expect(tree.unattached.map(\.name) == ["Name 1", "Name 2"])
        #expect(tree.text.contains("without a chain of sponsors"))
    }
}
