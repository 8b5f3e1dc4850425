import Simulation

/// How fast the simulator runs, and how fast heads spread in it.
enum SimulationBenchmark {
    /// Prints one line per mesh size. The figures of the mesh are the same on every machine; only the real time is not.
    static func run() {
        for count in [10, 50, 100] {
            var mesh: SimulatedMesh?
            let realTime = ContinuousClock().measure { mesh = simulate(count) }
            guard let mesh else { continue }
            let factor = mesh.now / realTime
            print("simulate \(count) nodes for \(mesh.now.components.seconds) s: \(realTime) (\(Int(factor)) times real time), \(mesh.statistics)")
        }
    }

    /// Two minutes at 10 % datagram loss, one node publishing every half second.
    private static func simulate(_ count: Int) -> SimulatedMesh {
        var conditions = NetworkConditions()
        conditions.datagramLossPerMille = 100
        let mesh = SimulatedMesh.make(operators: count, seed: 1, conditions: conditions)
        mesh.startAll()
        mesh.run(for: .seconds(20))
        for round in 0..<200 {
            mesh.observeSomething(at: round * 7 % count, count: 1)
            mesh.run(for: .milliseconds(500))
        }
        return mesh
    }
}
