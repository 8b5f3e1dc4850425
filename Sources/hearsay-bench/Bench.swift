/// Measures what the README claims: `hearsay-bench [keystrokes|fingerprint|ledger|hamming [N]|simulation|mesh [N]|sync [N]]…`, all but `mesh` and `sync` if
/// none is named.
@main enum Bench {
    static func main() async {
        let asked = CommandLine.arguments.dropFirst().filter { Int($0) == nil }
        let known: [(name: String, run: () async -> Void)] = [
            ("keystrokes", { KeystrokesBenchmark.run() }), ("fingerprint", { FingerprintBenchmark.run() }), ("ledger", { LedgerBenchmark.run() }),
            ("hamming", { HammingBenchmark.run(); HammingQuestionBenchmark.run() }),
            ("simulation", { SimulationBenchmark.run() }), ("mesh", { await MeshBenchmark.run() }), ("sync", { await SyncBenchmark.run() }),
        ]
        for name in asked where !known.contains(where: { $0.name == name }) { print("no benchmark is called \(name)") }
        // Real processes only for who asks for them: they take ports and a minute.
        for benchmark in known where asked.isEmpty ? !["mesh", "sync"].contains(benchmark.name) : asked.contains(benchmark.name) { await benchmark.run() }
    }
}
