import Primitives
import Simulation
import Testing

/// What it costs to hear of many heads (`Protocol/replication.md` §6.1); the figures for a large mesh are printed by `hearsay-bench news`.
@Suite struct NewsTests {
    private static func report(announces: Bool) -> NewsRun.Report {
        var run = NewsRun()
        run.nodeCount = 24
        run.headsPerSecond = 20
        run.duration = .seconds(5)
        run.seed = 1_701
        run.announces = announces
        return run.report()
    }

    @Test func announcedHeadsCostLessThanHalfOfToldOnes() {
        let told = Self.report(announces: false)
        let announced = Self.report(announces: true)

        #expect(told.isSound && announced.isSound, "\(told.violations) \(announced.violations)")
        #expect(announced.newsBytesPerSecond < told.newsBytesPerSecond / 2, "\(announced.newsBytesPerSecond) of \(told.newsBytesPerSecond)")
        #expect(announced.statistics.headToLastNode.percentile99 < .seconds(5), "\(announced.statistics.headToLastNode)")
        let (origins, rate) = NewsRun.largeMesh
        let scaled = announced.bytesPerSecond(origins: origins, headsPerSecond: rate)
        #expect(scaled < 120_000, "\(scaled)")
        #expect(told.bytesPerSecond(origins: origins, headsPerSecond: rate) > 8 * scaled)
    }

    @Test func comparingLogsCostsLittleOfWhatReadingThemDoes() {
        let large = LogReading(origins: 10_000, headsPerSecond: 10_000.0 / 60, neighbours: 16)
        #expect(large.pulled > 500_000 && large.compared < large.pulled / 20, "\(large)")
        let silent = LogReading(origins: 10_000, headsPerSecond: 0, neighbours: 16)
        #expect(silent.pulled == 0 && silent.compared == (17 + 8 * 4_096) / 15)
    }
}
