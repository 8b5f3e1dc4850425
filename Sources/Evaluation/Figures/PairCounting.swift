import Primitives

/// Counts of all pairs by the class of the shorter session, and the same counts with other persons drawn.
///
/// Kept are counts of distances only, whatever the number of pairs; every pair is looked at once.
struct PairCounting {
    /// One row for each class, and the last for pairs with a session whose class is not known.
    static let rowCount = LengthClass.allCases.count + 1

    /// Of all persons, each once.
    private(set) var counts = [DistanceCounts](repeating: DistanceCounts(), count: rowCount)
    /// For each replicate the rows as above.
    private(set) var replicates: [[DistanceCounts]] = []

    /// - Parameter weights: how often each replicate has drawn each person.
    init(_ set: SpecimenSet, weights: BootstrapWeights) {
        var same = Table(replicateCount: weights.replicateCount)
        var different = Table(replicateCount: weights.replicateCount)
        for (place, sessions) in set.persons.enumerated() {
            same.begin()
            for (index, session) in sessions.enumerated() {
                for other in sessions[(index + 1)...] { same.add(session, other) }
            }
            same.weigh { weights[place, $0] }
            // A person who was drawn twice is still one person: the two copies are not compared.
            for (otherPlace, others) in set.persons[(place + 1)...].enumerated() {
                different.begin()
                for session in sessions { for other in others { different.add(session, other) } }
                different.weigh { weights[place, $0] * weights[place + 1 + otherPlace, $0] }
            }
        }
        counts = Self.rows { (same.total(row: $0), different.total(row: $0)) }
        replicates = (0..<weights.replicateCount).map { replicate in
            Self.rows { (same.total(row: $0, replicate: replicate), different.total(row: $0, replicate: replicate)) }
        }
    }

    private static func rows(_ counts: (Int) -> (same: [UInt64], different: [UInt64])) -> [DistanceCounts] {
        (0..<rowCount).map { row in
            let (same, different) = counts(row)
            return DistanceCounts(same: same, different: different)
        }
    }

    /// The classes together, those that are not known too.
    static func sum(_ rows: [DistanceCounts]) -> DistanceCounts { rows.reduce(DistanceCounts(), +) }
}

/// Counts by row and distance, in all and for every replicate.
private struct Table {
    private static let width = DistanceCounts.bitCount + 1

    private let replicateCount: Int
    private var totals: [UInt64]
    /// Replicates of one bin stand together: they are added to together. Whole numbers, and exact below 2^53; two of these are multiplied and added
    /// at once.
    private var replicates: [Double]
    /// What the two persons that are being compared have added.
    private var current: [UInt32]
    private var touched: [Int] = []
    private var products: [Double]

    init(replicateCount: Int) {
        self.replicateCount = replicateCount
        let binCount = PairCounting.rowCount * Self.width
        totals = Array(repeating: 0, count: binCount)
        replicates = Array(repeating: 0, count: binCount * replicateCount)
        current = Array(repeating: 0, count: binCount)
        products = Array(repeating: 0, count: replicateCount)
    }

    mutating func begin() {
        for bin in touched { current[bin] = 0 }
        touched.removeAll(keepingCapacity: true)
    }

    @inline(__always) mutating func add(_ one: Specimen, _ other: Specimen) {
        var row = PairCounting.rowCount - 1
        if let first = one.lengthClass, let second = other.lengthClass { row = min(first.rawValue, second.rawValue) }
        let bin = row * Self.width + (one.code ^ other.code).nonzeroBitCount
        if current[bin] == 0 { touched.append(bin) }
        current[bin] += 1
    }

    mutating func weigh(_ weight: (Int) -> UInt64) {
        for replicate in 0..<replicateCount { products[replicate] = Double(weight(replicate)) }
        for bin in touched {
            totals[bin] += UInt64(current[bin])
            Self.add(Double(current[bin]), times: products, to: &replicates, from: bin * replicateCount)
        }
    }

    /// The innermost loop of all: a thousand million turns for some hundred persons.
    private static func add(_ count: Double, times products: [Double], to bins: inout [Double], from start: Int) {
        precondition(start >= 0 && start + products.count <= bins.count, "a bin is in the table")
        bins.withUnsafeMutableBufferPointer { bins in
            let row = UnsafeMutableBufferPointer(rebasing: bins[start..<start + products.count])
            for place in row.indices { row[place] += count * products[place] }
        }
    }

    func total(row: Int) -> [UInt64] { Array(totals[row * Self.width..<(row + 1) * Self.width]) }

    func total(row: Int, replicate: Int) -> [UInt64] {
        (0..<Self.width).map { UInt64(replicates[(row * Self.width + $0) * replicateCount + replicate]) }
    }
}
