/// Measures what the README claims, all but the last four if none is named:
/// `hearsay-bench [keystrokes|fingerprint|ledger|hamming [N]|simulation|news|mesh [N] [--loss SHARE]|sync [N]|start [N]]…`.
@main enum Bench {
    static func main() async {
        var asked = CommandLine.arguments.dropFirst().filter { Int($0) == nil }
        if let option = asked.firstIndex(of: "--loss") { asked.removeSubrange(option..<min(option + 2, asked.endIndex)) }  // Of `mesh`, with its value.
        let known: [(name: String, run: () async -> Void)] = [
            ("keystrokes", { KeystrokesBenchmark.run() }), ("fingerprint", { FingerprintBenchmark.run() }), ("ledger", { LedgerBenchmark.run() }),
            ("hamming", { HammingBenchmark.run(); HammingQuestionBenchmark.run() }), ("simulation", { SimulationBenchmark.run() }),
            ("news", { NewsBenchmark.run() }), ("mesh", { await MeshBenchmark.run() }), ("sync", { await SyncBenchmark.run() }),
            ("start", { await StartBenchmark.run() }),
        ]
        for name in asked where !known.contains(where: { $0.name == name }) { print("no benchmark is called \(name)") }
        // Minutes, and real processes with their ports, only for who asks for them.
        let onDemand: Set = ["news", "mesh", "sync", "start"]
        for benchmark in known where asked.isEmpty ? !onDemand.contains(benchmark.name) : asked.contains(benchmark.name) { await benchmark.run() }
    }
}
