import CHamming

/// Many buckets' codes of 64 bits in one structure that finds the near ones without looking at the far: immutable and shared.
///
/// Different codes stand once, sorted, each with the list of where it was seen. For each of a few substrings of the 64 bits the codes stand
/// once more, grouped by that substring's value. Two codes at most r apart differ in some substring by at most its share of r,
/// so only near buckets need a look.
final class CodeRun: Sendable {
    /// Fewer codes than this are scanned: tables would not pay.
    static let tableMinimum = 4_096

    /// Whose codes these are.
    let segments: [CodeSegment]
    /// Different codes, ascending.
    let codes: [UInt64]
    /// Where the list of each code begins in `postings`; one more than there are codes.
    private let firstPostings: [UInt32]
    /// Segment number in the upper 48 bits, place in that segment in the lower 16.
    private let postings: [UInt64]
    private let layout: hamming_layout
    /// Table after table: `codes`, grouped.
    private let grouped: [[UInt64]]
    private let starts: [[UInt32]]

    var tableCount: Int { grouped.count }

    /// Takes segments of 64-bit codes, of at most 65,536 codes each. O(codes).
    init(_ segments: [CodeSegment], tableMinimum: Int = CodeRun.tableMinimum) {
        self.segments = segments
        var entries: [hamming_entry] = []
        entries.reserveCapacity(segments.reduce(0) { $0 + $1.count })
        for (number, segment) in segments.enumerated() {
            precondition(segment.wordsPerCode == 1 && segment.count <= 1 << 16, "a segment of \(segment.count) codes of \(segment.wordsPerCode) words")
            for (place, code) in segment.codes.enumerated() { entries.append(hamming_entry(code: code, source: UInt64(number) << 16 | UInt64(place))) }
        }
        precondition(entries.count < Int(UInt32.max), "a run holds less than 2^32 codes, not \(entries.count)")
        var scratch = [hamming_entry](repeating: hamming_entry(), count: entries.count)
        if entries.count > 1 { hamming_sort(&entries, &scratch, entries.count) }
        scratch = []
        var codes: [UInt64] = []
        var firstPostings: [UInt32] = []
        codes.reserveCapacity(entries.count)
        firstPostings.reserveCapacity(entries.count + 1)
        for (place, entry) in entries.enumerated() where codes.last != entry.code {
            codes.append(entry.code)
            firstPostings.append(UInt32(place))
        }
        firstPostings.append(UInt32(entries.count))
        self.codes = codes
        self.firstPostings = firstPostings
        postings = entries.map(\.source)
        let layout = Self.layout(codeCount: codes.count, tableMinimum: tableMinimum)
        self.layout = layout
        var grouped: [[UInt64]] = []
        var starts: [[UInt32]] = []
        for table in 0..<Int(layout.table_count) {
            let (shift, bits) = layout.substring(table)
            var tableStarts = [UInt32](repeating: 0, count: 1 << bits + 1)
            grouped.append(
                [UInt64](unsafeUninitializedCapacity: codes.count) { buffer, initialized in
                    hamming_group(codes, codes.count, UInt32(shift), UInt32(bits), buffer.baseAddress, &tableStarts)
                    initialized = codes.count
                })
            starts.append(tableStarts)
        }
        self.grouped = grouped
        self.starts = starts
    }

    /// Equal substrings, as many as make buckets neither nearly empty nor long.
    private static func layout(codeCount: Int, tableMinimum: Int) -> hamming_layout {
        var layout = hamming_layout()
        guard codeCount >= tableMinimum else { return layout }
        let tableCount = codeCount < 1 << 17 ? 5 : codeCount < 1 << 25 ? 4 : 3
        layout.table_count = UInt32(tableCount)
        for table in 0..<tableCount {
            let (shift, end) = (64 * table / tableCount, 64 * (table + 1) / tableCount)
            withUnsafeMutableBytes(of: &layout.shifts) { $0[table] = UInt8(shift) }
            withUnsafeMutableBytes(of: &layout.bits) { $0[table] = UInt8(end - shift) }
        }
        return layout
    }

    /// Where a code was seen.
    func forEachPosting(of place: Int, _ body: (_ segment: Int, _ place: Int) -> Void) {
        for posting in postings[Int(firstPostings[place])..<Int(firstPostings[place + 1])] { body(Int(posting >> 16), Int(posting & 0xFFFF)) }
    }

    /// Gives the place of every code at most `limit` bits away, and perhaps of some that are farther, each once, in no promised order.
    ///
    /// - Parameter limit: asked again and again; it may fall while codes are reported, as the nearest ones become known.
    func search(_ query: UInt64, costs: SearchCosts, kernel: HammingKernel, limit: () -> UInt16, report: (_ place: Int, _ distance: UInt16) -> Void) {
        var budget = SearchBudget(layout: layout, codeCount: codes.count, costs: costs) { table, bucket in
            Int(self.starts[table][bucket + 1] - self.starts[table][bucket])
        }
        budget.begin(at: query)
        while budget.guaranteed < Int(limit()) {
            guard let step = budget.next(limit: Int(limit())) else { return scan(query, reach: budget.reach, kernel: kernel, limit: limit, report: report) }
            for code in probe(query, step, reach: budget.reach, limit: limit()) { report(place(of: code), UInt16((code ^ query).nonzeroBitCount)) }
            budget.took(step)
        }
    }

    private func probe(_ query: UInt64, _ step: SearchBudget.Step, reach: [Int8], limit: UInt16) -> [UInt64] {
        var layout = layout
        var capacity = 64
        while true {
            var found = 0
            let codes = [UInt64](unsafeUninitializedCapacity: capacity) { buffer, initialized in
                found = hamming_probe(
                    &layout, UInt32(step.table), grouped[step.table], starts[step.table], query, UInt32(step.shell), reach, UInt32(limit), buffer.baseAddress,
                    capacity)
                initialized = min(found, capacity)
            }
            if found <= capacity { return codes }
            capacity = found
        }
    }

    /// Compares with every code, apart from those that tables have shown.
    private func scan(_ query: UInt64, reach: [Int8], kernel: HammingKernel, limit: () -> UInt16, report: (_ place: Int, _ distance: UInt16) -> Void) {
        let block = 8_192
        for start in stride(from: 0, to: codes.count, by: block) {
            let count = min(block, codes.count - start)
            let places = [UInt32](unsafeUninitializedCapacity: count) { buffer, initialized in
                codes.withUnsafeBufferPointer { codes in
                    initialized = hamming_within(kernel.cKernel, [query], codes.baseAddress! + start, count, 1, limit(), buffer.baseAddress, count)
                }
            }
            for offset in places {
                let place = start + Int(offset)
                let difference = codes[place] ^ query
                let isKnown = reach.indices.contains { table in
                    let (shift, bits) = layout.substring(table)
                    return (difference >> UInt64(shift) & (1 << UInt64(bits) - 1)).nonzeroBitCount <= Int(reach[table])
                }
                if !isKnown { report(place, UInt16(difference.nonzeroBitCount)) }
            }
        }
    }

    private func place(of code: UInt64) -> Int {
        var low = 0
        var high = codes.count
        while low < high {
            let middle = (low + high) / 2
            if codes[middle] < code { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

extension hamming_layout {
    func substring(_ table: Int) -> (shift: Int, bits: Int) {
        (withUnsafeBytes(of: shifts) { Int($0[table]) }, withUnsafeBytes(of: bits) { Int($0[table]) })
    }
}
