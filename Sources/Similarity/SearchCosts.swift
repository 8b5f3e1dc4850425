import CHamming
import Primitives

/// What the steps of a search cost on this machine, in nanoseconds. They change how long an answer takes, never the answer.
///
/// The defaults are what was measured on one server; `measure` puts this machine's in their place.
public struct SearchCosts: Hashable, Sendable {
    /// Finding one bucket in memory.
    public var bucket = 20.0
    /// Comparing one code of a bucket.
    public var code = 0.25
    /// Going on to the next bucket in a scan.
    public var walked = 2.0
    /// Comparing one code in a scan.
    public var scanned = 0.25

    public init() {}

    /// Runs with fewer codes stay in the processor's caches and tell little.
    static let leastCodes = 1 << 17
    private static let rounds = 5
    private static let probes = 16
    private static let scannedCodes = 1 << 19
    /// What is asked for: near enough that of random codes hardly any is.
    private static let limit: UInt32 = 8

    /// Times a few steps on a run: a few milliseconds. The fastest of several rounds counts: the others were disturbed.
    ///
    /// - Parameter nanoseconds: a clock.
    mutating func measure(on run: CodeRun, kernel: HammingKernel, nanoseconds: () -> UInt64) {
        guard run.codeCount >= Self.leastCodes else { return }
        var random = SeededGenerator(seed: 1)
        var found = [hamming_found](repeating: hamming_found(), count: 64)
        let nothing = [Int8](repeating: -1, count: Int(hamming_table_limit))
        let buckets = 1 << Int(run.table(0).bits)
        let stretch = max(1, min(buckets, Self.scannedCodes * buckets / run.codeCount))
        let codesOfStretch = Double(run.codeCount) * Double(stretch) / Double(buckets)
        var (scan, find) = (Double.infinity, Double.infinity)
        for _ in 0..<Self.rounds {
            let first = Int(random.number(below: UInt64(buckets - stretch + 1)))
            let begin = nanoseconds()
            _ = hamming_scan(kernel.cKernel, run.index, UInt32(first), UInt32(first + stretch), random.next(), nothing, Self.limit, &found, found.count)
            let between = nanoseconds()
            for probe in 0..<Self.probes {
                _ = hamming_probe(kernel.cKernel, run.index, UInt32(probe % run.tableCount), random.next(), 2, nothing, Self.limit, &found, found.count)
            }
            let end = nanoseconds()
            scan = min(scan, Double(between &- begin))
            find = min(find, Double(end &- between))
        }
        scanned = max(0.02, (scan - walked * Double(stretch)) / max(1, codesOfStretch))
        code = scanned  // The same comparison.
        let probed = (0..<Self.probes).reduce(0.0) { $0 + SearchBudget.buckets(Int(run.table($1 % run.tableCount).bits), 2) }
        let codes = (0..<Self.probes).reduce(0.0) { sum, probe in
            let bits = Int(run.table(probe % run.tableCount).bits)
            return sum + SearchBudget.buckets(bits, 2) * Double(run.codeCount) / Double(1 << bits)
        }
        bucket = max(1, (find - code * codes) / probed)
    }
}
