import Foundation
import Simulation
import Testing

/// The seeds of a test; `HEARSAY_SEED` in the environment takes the place of all of them.
func seeds(_ standard: UInt64...) -> [UInt64] {
    if let text = ProcessInfo.processInfo.environment["HEARSAY_SEED"], let seed = UInt64(text) { return [seed] }
    return standard
}

/// How to run one seed of a test again.
func replay(_ mesh: SimulatedMesh, _ test: String = #function) -> Comment {
    let name = test.prefix { $0 != "(" }
    return "replay: HEARSAY_SEED=\(mesh.seed) swift test --filter 'SimulationTests.*\(name)' (at \(mesh.now))"
}

/// Nothing has happened that must not, and all replicas are what their origins have published.
func expectSound(_ mesh: SimulatedMesh, _ test: String = #function) {
    #expect(mesh.violations.isEmpty, replay(mesh, test))
    let disagreements = mesh.disagreements()
    #expect(disagreements.isEmpty, replay(mesh, test))
}
