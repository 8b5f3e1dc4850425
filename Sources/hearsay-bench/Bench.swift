/// Measures what the README claims: `hearsay-bench [keystrokes|ledger|hamming|simulation]…`, all of them if none is named.
@main enum Bench {
    static func main() {
        let asked = CommandLine.arguments.dropFirst()
        let known: [(name: String, run: () -> Void)] = [
            ("keystrokes", { KeystrokesBenchmark.run() }), ("ledger", { LedgerBenchmark.run() }),
            ("hamming", { HammingBenchmark.run() }), ("simulation", { SimulationBenchmark.run() }),
        ]
        for name in asked where !known.contains(where: { $0.name == name }) { print("no benchmark is called \(name)") }
        for benchmark in known where asked.isEmpty || asked.contains(benchmark.name) { benchmark.run() }
    }
}
