import CHamming

/// Many buckets' codes of 64 bits in one structure that finds the near ones without looking at the far: immutable and shared.
///
/// Different codes stand once, each with where it was seen first; the few that were seen again have a list beside. For each of three or four substrings of
/// the 64 bits, all codes are grouped by that substring's value. Two codes at most r apart differ in some substring by at most its share of r, so only near
/// groups need a look. <doc:HammingIndex> says why this is fast and what it weighs.
final class CodeRun: @unchecked Sendable {
    /// A run has no more codes than this: places are 32-bit numbers.
    static let codeLimit = 1 << 31
    /// From so many different codes on, three long substrings are faster than four short ones.
    static let threeTableMinimum = 1 << 25
    /// Codes that are compared with one query before the next has its turn: their tables stay in a processor's own cache.
    private static let scanBlock = 1 << 15

    /// Whose codes these are.
    let labels: [SegmentLabel]
    /// Sightings: codes of different buckets counted apart.
    let sightingCount: Int
    /// Written while the run is made, and never again: that is why it may be shared.
    let index: UnsafeMutablePointer<hamming_index>
    /// Where each code was seen first, by place.
    let firsts: UnsafeMutablePointer<hamming_posting>
    /// Which places were seen again, ascending, and where.
    let repeats: [Repeat]
    private let memory: [UnsafeMutableRawPointer]

    struct Repeat {
        let place: UInt32
        let posting: hamming_posting
    }

    init(_ parts: RunParts) {
        labels = parts.labels
        sightingCount = parts.codeCount + parts.repeats.count
        firsts = parts.firsts
        repeats = parts.repeats
        memory = parts.memory
        index = .allocate(capacity: 1)
        index.initialize(to: parts.index)
    }

    deinit {
        for each in memory { hamming_release(each) }
        index.deallocate()
    }

    /// Different codes.
    var codeCount: Int { Int(index.pointee.count) }
    var tableCount: Int { Int(index.pointee.table_count) }

    func table(_ number: Int) -> hamming_table { withUnsafeBytes(of: index.pointee.tables) { $0.bindMemory(to: hamming_table.self)[number] } }

    /// What it weighs, all in.
    var byteCount: Int {
        let tables = (0..<tableCount).reduce(0) { $0 + 4 * (1 << Int(table($1).bits) + 1) + 6 * (codeCount + RunParts.spare) }
        let postings = codeCount * MemoryLayout<hamming_posting>.stride + repeats.count * MemoryLayout<Repeat>.stride
        return tables + postings + labels.count * MemoryLayout<SegmentLabel>.stride
    }

    /// Where a code was seen.
    func forEachPosting(of place: Int, _ body: (hamming_posting) -> Void) {
        body(firsts[place])
        guard !repeats.isEmpty else { return }
        var (low, high) = (0, repeats.count)
        while low < high {
            let middle = (low + high) / 2
            if Int(repeats[middle].place) < place { low = middle + 1 } else { high = middle }
        }
        while low < repeats.count, Int(repeats[low].place) == place {
            body(repeats[low].posting)
            low += 1
        }
    }

    /// Calls `body` with every code and its place, ascending.
    func forEachCode(in buckets: Range<Int>? = nil, _ body: (_ place: Int, _ code: UInt64) -> Void) {
        var first = table(0)
        for bucket in buckets ?? 0..<1 << Int(first.bits) {
            for place in first.starts[bucket]..<first.starts[bucket + 1] { body(Int(place), hamming_code(&first, UInt64(bucket), place)) }
        }
    }

    /// Gives every code at most `limit` bits away from each query once, in no promised order; those found beyond a limit that has fallen meanwhile, too.
    ///
    /// - Parameter limit: by query; asked again and again, it may fall while codes are reported, as the nearest ones become known.
    func search(
        _ queries: [UInt64], costs: SearchCosts, kernel: HammingKernel, limit: (_ query: Int) -> UInt16,
        report: (_ query: Int, _ place: Int, _ code: UInt64, _ distance: UInt16) -> Void
    ) {
        guard codeCount > 0 else { return }
        var room = FoundRoom()
        defer { room.release() }
        var unfinished: [(query: Int, reach: SIMD4<Int8>)] = []
        for (number, query) in queries.enumerated() {
            if number + 1 < queries.count { hamming_prefetch(index, queries[number + 1]) }  // Memory works on the next while this one is looked at.
            var budget = SearchBudget(index, at: query, costs: costs)
            while true {
                let limit = limit(number)
                guard budget.guaranteed < Int(limit) else { break }
                guard let step = budget.next(limit: Int(limit)) else {
                    unfinished.append((number, budget.reach))
                    break
                }
                let reach = budget.reach
                room.fill { found, capacity in
                    withReach(reach) {
                        hamming_probe(kernel.cKernel, index, UInt32(step.table), query, UInt32(step.shell), $0, UInt32(limit), found, capacity)
                    }
                }
                pass(room, to: number, report)
                budget.took(step)
            }
        }
        guard !unfinished.isEmpty else { return }
        let bucketCount = 1 << Int(table(0).bits)
        let stretch = max(1, min(bucketCount, bucketCount * Self.scanBlock / codeCount))
        for first in stride(from: 0, to: bucketCount, by: stretch) {
            let end = min(first + stretch, bucketCount)
            for (number, reach) in unfinished {
                let limit = limit(number)
                room.fill { found, capacity in
                    withReach(reach) {
                        hamming_scan(kernel.cKernel, index, UInt32(first), UInt32(end), queries[number], $0, UInt32(limit), found, capacity)
                    }
                }
                pass(room, to: number, report)
            }
        }
    }

    private func withReach(_ reach: SIMD4<Int8>, _ body: (UnsafePointer<Int8>) -> Int) -> Int {
        withUnsafeBytes(of: reach) { body($0.bindMemory(to: Int8.self).baseAddress!) }
    }

    private func pass(_ room: FoundRoom, to query: Int, _ report: (Int, Int, UInt64, UInt16) -> Void) {
        hamming_places(index, firsts, room.found, room.count)
        for found in UnsafeBufferPointer(start: room.found, count: room.count) { report(query, Int(found.place), found.code, UInt16(found.distance)) }
    }

    /// Adds one to `counts[d]` for each sighting of a live segment, d being its distance.
    func count(distancesFrom query: UInt64, isLive: [Bool]?, kernel: HammingKernel, in counts: inout [UInt64]) {
        hamming_index_histogram(kernel.cKernel, index, query, &counts)
        for each in repeats where isLive?[Int(each.posting.segment)] ?? true { counts[(code(at: each.place) ^ query).nonzeroBitCount] += 1 }
        guard let isLive else { return }
        forEachCode { place, code in
            if !isLive[Int(firsts[place].segment)] { counts[(code ^ query).nonzeroBitCount] -= 1 }
        }
    }

    private func code(at place: UInt32) -> UInt64 {
        var first = table(0)
        var (low, high) = (0, 1 << Int(first.bits))
        while low < high {
            let middle = (low + high) / 2
            if first.starts[middle + 1] <= place { low = middle + 1 } else { high = middle }
        }
        return hamming_code(&first, UInt64(low), place)
    }
}

/// Where found codes are written; grows to what one step finds.
private struct FoundRoom {
    private(set) var found: UnsafeMutablePointer<hamming_found> = .allocate(capacity: 512)
    private(set) var count = 0
    private var capacity = 512

    mutating func fill(_ body: (UnsafeMutablePointer<hamming_found>, Int) -> Int) {
        count = body(found, capacity)
        guard count > capacity else { return }
        found.deallocate()
        capacity = count
        found = .allocate(capacity: capacity)
        count = body(found, capacity)
    }

    func release() { found.deallocate() }
}
