import Primitives
import Testing

@testable import Watching

@Suite struct WhatIsNewTests {
    private func relevant(_ findings: [Finding], _ watch: Watch) -> [Finding] { WhatIsNew.relevant(FindingGroup(findings), for: watch, today: today) }

    @Test func whatSaysTooLittleIsPassedOver() {
        let findings = [near("a", of: 1, decibans: 9.75), near("b", of: 1, decibans: 10), near("c", of: 1, decibans: nil)]
        #expect(relevant(findings, watch(decibans: 10)).map(\.key) == ["b"])
        #expect(relevant(findings, watch()).count == 3)
    }

    @Test func tooFewOperatorsAreNotWorthAnAlert() {
        let two = [near("a", of: 1), near("b", of: 1), near("a", of: 2)]
        #expect(relevant(two, watch(operators: 2)).count == 3)
        #expect(relevant(two, watch(operators: 3)).isEmpty)
        // Those that are passed over do not count.
        #expect(relevant([near("a", of: 1), near("a", of: 2, decibans: 1)], watch(decibans: 5, operators: 2)).isEmpty)
    }

    @Test func oldDaysAndDaysOfTheFutureWait() {
        let edges = [-WatchLimits.memoryDays - 1, -WatchLimits.memoryDays, 0, 1, 2].map { near("a", of: 1, day: today.advanced(by: $0)) }
        #expect(relevant(edges, watch()).map(\.day) == edges[1...3].map(\.day))
    }

    @Test func theNearestComesFirstThenTheNewest() {
        let findings = [
            near("d", of: 2, distance: 4), near("c", of: 1, day: today.advanced(by: -1), distance: 2),
            near("b", of: 2, distance: 2), near("a", of: 1, distance: 2),
        ]
        #expect(WhatIsNew.inOrder(findings).map(\.key) == ["a", "b", "c", "d"])
    }

    @Test func anAlertNamesSomeAndCountsTheRest() {
        let findings = (0..<60).map { near("\($0)", of: $0, noise: $0 > 0) }
        let alert = Alert(id: "1", watch(), fresh: findings, operators: 60, names: [origin(3): "Third"], at: noon)
        #expect(alert.sightings.count == 50 && alert.more == 10 && alert.operators == 60 && !alert.noise)
        #expect(alert.operator_names.count == 50 && alert.operator_names[3].name == "Third" && alert.operator_names[4].name == nil)
        #expect(Alert(text: alert.text) == alert)
        #expect(!alert.text.contains("\n"))
        #expect(Alert(id: "1", watch(), fresh: Array(findings[1...]), operators: 59, names: [:], at: noon).noise)
    }

    @Test func withoutIdentitiesNothingOfOurOwnIsLeft() {
        let alert = Alert(id: "1", watch(), fresh: [near("a", of: 1, session: "sid-7")], operators: 1, names: [:], at: noon)
        #expect(alert.text.contains("attacker of sid-7") && alert.text.contains("00000000000000ff"))
        let bare = alert.withoutIdentities.text
        #expect(!bare.contains("sid-7") && !bare.contains("own_") && !bare.contains("00000000000000ff"))
        #expect(bare.contains("\"distance\":3"))
    }
}
