import Primitives
import Simulation
import Testing

/// What takes the simulator's time in `Scripts/test`: many drawn scenarios, and many years.
@Suite struct ManySeedsTests {
    private static let blockSize: UInt64 = 25

    /// Two hundred drawn scenarios; each failing seed is told.
    @Test(arguments: [1_000, 1_025, 1_050, 1_075, 1_100, 1_125, 1_150, 1_175] as [UInt64])
    func drawnScenariosHealAndAgree(first: UInt64) {
        for seed in first..<first + Self.blockSize {
            let outcome = Scenario.drawn(seed: seed).run()
            #expect(outcome.isSound, "replay: Scripts/simulate \(seed) — \(outcome.convergenceTime as Any), \(outcome.violations.prefix(3))")
        }
    }

    /// Six operators for a year, twice: certificates are renewed again and again, sightings expire, nodes restart, and the mesh is divided each month for a night.
    @Test(arguments: seeds(501, 502)) func aYearPasses(seed: UInt64) {
        let outcome = QuietYear(operatorCount: 6, days: 365, seed: seed).run()

        #expect(outcome.isSound, "seed \(seed): apart on \(outcome.daysApart), \(outcome.violations.prefix(5))")
        #expect(outcome.certificatesRenewed == 6, "a year without new certificates")
        #expect(outcome.restartCount > 20 && outcome.nodeYears >= 5.99, "seed \(seed)")
        print("seed \(seed): \(outcome.nodeYears) node-years, \(outcome.eventCount) events, \(outcome.restartCount) restarts")
    }
}
