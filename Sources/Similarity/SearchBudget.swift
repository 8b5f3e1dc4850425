import CHamming

/// What the steps of a search cost on this machine, in nanoseconds. They change how long an answer takes, never the answer.
///
/// The defaults are guesses.
public struct SearchCosts: Hashable, Sendable {
    /// Finding one bucket in memory.
    public var bucket = 15.0
    /// Comparing one code of a bucket.
    public var code = 0.7
    /// Comparing one code in a scan.
    public var scanned = 0.9

    public init() {}
}

/// Splits a radius over the substrings of a run, the cheapest step next, and says when looking at everything is cheaper.
///
/// When table t has been looked through up to `reach[t]` bits from the query's substring (-1: not at all), every code nearer than the sum of
/// `reach[t] + 1` has been shown: a code missed by all tables differs by at least that much.
struct SearchBudget {
    struct Step {
        let table: Int
        /// How many bits of the substring are turned.
        let shell: Int
        let cost: Double
    }

    private(set) var reach: [Int8]
    private let layout: hamming_layout
    private let codeCount: Int
    private let costs: SearchCosts
    private let bucketCount: (_ table: Int, _ bucket: Int) -> Int
    /// How many codes the query's own bucket has, by table: neighbours are taken to be no emptier than the mean, and no emptier than half of it.
    private var ownCounts: [Int] = []
    private var spent = 0.0

    init(layout: hamming_layout, codeCount: Int, costs: SearchCosts, bucketCount: @escaping (_ table: Int, _ bucket: Int) -> Int) {
        reach = [Int8](repeating: -1, count: Int(layout.table_count))
        self.layout = layout
        self.codeCount = codeCount
        self.costs = costs
        self.bucketCount = bucketCount
    }

    /// All codes at most this far away have been shown; -1: none is known to have been.
    var guaranteed: Int { reach.isEmpty ? -1 : reach.reduce(-1) { $0 + Int($1) + 1 } }

    mutating func begin(at query: UInt64) {
        ownCounts = reach.indices.map { table in
            let (shift, bits) = layout.substring(table)
            return bucketCount(table, Int(query >> UInt64(shift) & (1 << UInt64(bits) - 1)))
        }
    }

    /// The next step towards `limit`; `nil` if the rest is scanned more cheaply.
    func next(limit: Int) -> Step? {
        let scan = costs.scanned * Double(codeCount)
        guard let first = cheapest(reach) else { return nil }
        // What has yet to be found out, such as how near the nearest are, may cost an eighth of a scan.
        if spent + first.cost < scan / 8 { return first }
        var (ahead, cost, reached) = (reach, 0.0, guaranteed)
        while reached < limit {
            guard let step = cheapest(ahead) else { return nil }
            cost += step.cost
            if cost >= scan { return nil }
            ahead[step.table] += 1
            reached += 1
        }
        return first
    }

    mutating func took(_ step: Step) {
        reach[step.table] += 1
        spent += step.cost
    }

    private func cheapest(_ reach: [Int8]) -> Step? {
        var best: Step?
        for table in reach.indices {
            let (_, bits) = layout.substring(table)
            let shell = Int(reach[table]) + 1
            guard shell <= bits else { continue }
            let mean = Double(codeCount) / Double(1 << bits)
            let perBucket = shell == 0 ? Double(ownCounts[table]) : max(mean, Double(ownCounts[table]) / 2)
            let cost = (1...max(1, shell)).reduce(1.0) { shell == 0 ? 1 : $0 * Double(bits - $1 + 1) / Double($1) } * (costs.bucket + costs.code * perBucket)
            if best.map({ cost < $0.cost }) ?? true { best = Step(table: table, shell: shell, cost: cost) }
        }
        return best
    }
}
