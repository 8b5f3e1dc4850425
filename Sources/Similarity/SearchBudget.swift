import CHamming

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

    private(set) var reach = SIMD4<Int8>(repeating: -1)
    /// All codes at most this far away have been shown; -1: none is known to have been.
    private(set) var guaranteed = -1
    private let tableCount: Int
    private var bits = SIMD4<Int>(repeating: 0)
    private let costs: SearchCosts
    private let scan: Double
    /// By table: the codes of the query's own bucket, of those one bit away, and of a bucket on the average. Those in between are estimated.
    private var own = SIMD4<Double>(repeating: 0)
    private var near = SIMD4<Double>(repeating: 0)
    private var mean = SIMD4<Double>(repeating: 0)
    private var spent = 0.0
    /// A limit up to which the tables are known to be cheaper.
    private var approved = -1

    init(_ index: UnsafePointer<hamming_index>, at query: UInt64, costs: SearchCosts) {
        self.costs = costs
        tableCount = Int(index.pointee.table_count)
        let count = Double(index.pointee.count)
        scan = costs.scanned * count + costs.walked * Double(1 << Int(index.pointee.tables.0.bits))
        withUnsafeBytes(of: index.pointee.tables) { raw in
            let tables = raw.bindMemory(to: hamming_table.self)
            for number in 0..<tableCount {
                let table = tables[number]
                let centre = Int(query >> UInt64(table.shift) & (1 << UInt64(table.bits) - 1))
                var codes: UInt32 = 0
                for bit in 0..<Int(table.bits) {
                    let bucket = centre ^ 1 << bit
                    codes &+= table.starts[bucket + 1] &- table.starts[bucket]
                }
                bits[number] = Int(table.bits)
                own[number] = Double(table.starts[centre + 1] - table.starts[centre])
                near[number] = Double(codes)
                mean[number] = count / Double(1 << Int(table.bits))
            }
        }
    }

    /// The next step towards `limit`; `nil` if the rest is scanned more cheaply.
    mutating func next(limit: Int) -> Step? {
        guard let first = cheapest(reach) else { return nil }
        // What has yet to be found out, such as how near the nearest are, may cost an eighth of a scan.
        if limit <= approved || spent + first.cost < scan / 8 { return first }
        var (ahead, cost, reached) = (reach, 0.0, guaranteed)
        while reached < limit {
            guard let step = cheapest(ahead) else { return nil }
            cost += step.cost
            if cost >= scan { return nil }
            ahead[step.table] += 1
            reached += 1
        }
        approved = limit
        return first
    }

    mutating func took(_ step: Step) {
        reach[step.table] += 1
        guaranteed += 1
        spent += step.cost
    }

    private func cheapest(_ reach: SIMD4<Int8>) -> Step? {
        var best: Step?
        for table in 0..<tableCount {
            let shell = Int(reach[table]) + 1
            guard shell <= bits[table] else { continue }
            let cost = cost(table, shell)
            if best.map({ cost < $0.cost }) ?? true { best = Step(table: table, shell: shell, cost: cost) }
        }
        return best
    }

    private func cost(_ table: Int, _ shell: Int) -> Double {
        let buckets = Self.buckets(bits[table], shell)
        switch shell {
        case 0: return costs.bucket + costs.code * own[table]
        case 1: return costs.bucket * buckets + costs.code * near[table]
        default:
            // A crowd thins out with each bit: by half, which is a guess, and never below the average.
            let crowd = max(0, near[table] / Double(bits[table]) - mean[table]) / Double(1 << min(shell - 1, 30))
            return buckets * (costs.bucket + costs.code * (mean[table] + crowd))
        }
    }

    /// How many buckets are `shell` bits away.
    static func buckets(_ bits: Int, _ shell: Int) -> Double { binomials[bits * width + shell] }

    private static let width = 23
    private static let binomials: [Double] = {
        var rows = [Double](repeating: 0, count: width * width)
        for bits in 0..<width {
            rows[bits * width] = 1
            for shell in 1...max(1, bits) where bits > 0 {
                rows[bits * width + shell] = rows[(bits - 1) * width + shell - 1] + rows[(bits - 1) * width + shell]
            }
        }
        return rows
    }()
}
