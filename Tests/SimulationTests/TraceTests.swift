import Foundation
import Simulation
import Testing

/// Hash tables are seeded per process: whoever iterates one into effects gives another run in the next process.
@Suite struct TraceTests {
    private static func trace() -> (hash: UInt64, eventCount: Int) {
        var conditions = NetworkConditions.rough
        conditions.crashInterval = .seconds(2)
        let mesh = SimulatedMesh.make(operators: 8, seed: 4_711, garbageSpeakers: [3], outboundOnlyPerMille: 200, conditions: conditions)
        mesh.startAll()
        for node in 0..<8 { mesh.observeSomething(at: node) }
        mesh.run(for: .seconds(15))
        return (mesh.traceHash, mesh.statistics.eventCount)
    }

    /// What the other process runs: prints its trace, by which debug and release builds can be compared too.
    @Test func thisProcessTellsItsTrace() {
        let trace = Self.trace()
        print("trace:\(trace.hash):")
        #expect(trace.eventCount > 1_000)
    }

    @Test func anotherProcessGoesTheSameWay() throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"))
        process.arguments = ["--testing-library", "swift-testing", "--filter", "SimulationTests.TraceTests/thisProcessTellsItsTrace"]
        let output = Pipe()
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()

        let told = text.split(separator: "trace:").last?.split(separator: ":").first.flatMap { UInt64($0) }
        #expect(told == Self.trace().hash, "the other process said: \(text.suffix(400))")
    }
}
