/// Measures what the README claims: `hearsay-bench [keystrokes|fingerprint|ledger|hamming [N]|simulation|news|mesh [N]|sync [N]]…`, all but `news`, `mesh`
/// and `sync` if none is named.
@main enum Bench {
    static func main() async {
        let asked = CommandLine.arguments.dropFirst().filter { Int($0) == nil }
        let known: [(name: String, run: () async -> Void)] = [
            ("keystrokes", { KeystrokesBenchmark.run() }), ("fingerprint", { FingerprintBenchmark.run() }), ("ledger", { LedgerBenchmark.run() }),
            (
                "hamming",
                {
                    HammingBenchmark.run(); HammingQuestionBenchmark.run()
                }
            ),
            ("simulation", { SimulationBenchmark.run() }), ("news", { NewsBenchmark.run() }), ("mesh", { await MeshBenchmark.run() }),
            ("sync", { await SyncBenchmark.run() }),
        ]
        for name in asked where !known.contains(where: { $0.name == name }) { print("no benchmark is called \(name)") }
        // Minutes, and real processes with their ports, only for who asks for them.
        for benchmark in known where asked.isEmpty ? !["news", "mesh", "sync"].contains(benchmark.name) : asked.contains(benchmark.name) {
            await benchmark.run()
        }
    }
}
