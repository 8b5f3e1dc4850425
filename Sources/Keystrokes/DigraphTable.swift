/// The digraphs of a session and how long each took: what SimHash and top bigrams are made of (`Protocol/session-profile.md` §3).
struct DigraphTable: Sendable {
    /// Fewer digraphs or samples than these give no SimHash.
    static let minimumDigraphs = 8
    static let minimumSamples = 20
    /// The most bigrams that are listed.
    static let topCount = 32
    /// Where the buckets of the median end, in seconds; an edge itself belongs to the next bucket.
    static let edges: [Double] = [0.03, 0.06, 0.12, 0.25, 0.5, 1.0]

    private var places: [UInt64: Int] = [:]  // Both keys packed into one word: hashing it costs a few nanoseconds.
    private var digraphs: [UInt64] = []
    private var samples: [[Double]] = []
    private(set) var sampleCount = 0

    var count: Int { digraphs.count }

    mutating func add(_ first: UInt32, _ second: UInt32, seconds: Double) {
        let digraph = UInt64(first) << 32 | UInt64(second)
        sampleCount += 1
        if let place = places[digraph] {
            samples[place].append(seconds)
        } else {
            places[digraph] = digraphs.count
            digraphs.append(digraph)
            samples.append([seconds])
        }
    }

    /// The SimHash of schema_version 1; `nil` without enough digraphs or samples.
    func simHash() -> UInt64? {
        guard count >= Self.minimumDigraphs, sampleCount >= Self.minimumSamples else { return nil }
        var sums = [Int](repeating: 0, count: 64)
        for (digraph, times) in zip(digraphs, samples) {
            let median = Statistics.median(times)
            let bucket = Self.edges.count { $0 <= median }
            var token: [UInt8] = []
            KeyText.appendHashed(UInt32(truncatingIfNeeded: digraph >> 32), to: &token)
            KeyText.appendHashed(UInt32(truncatingIfNeeded: digraph), to: &token)
            token += [UInt8(ascii: ":"), UInt8(ascii: "0") + UInt8(bucket)]
            let hash = MD5.hash(token).prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
            for bit in 0..<64 { sums[bit] += hash >> UInt64(bit) & 1 == 1 ? times.count : -times.count }
        }
        return sums.enumerated().reduce(0) { $1.element > 0 ? $0 | 1 << UInt64($1.offset) : $0 }
    }

    /// The commonest bigrams as JSON: `[[digraph, count, mean seconds], …]`. Near plain text: stays where it was made.
    func topBigramsJSON() -> String {
        let order = digraphs.indices.sorted {
            samples[$0].count != samples[$1].count ? samples[$0].count > samples[$1].count : digraphs[$0] < digraphs[$1]
        }
        let items = order.prefix(Self.topCount).map { place in
            var text = "[\""
            KeyText.appendJSON(UInt32(truncatingIfNeeded: digraphs[place] >> 32), to: &text)
            KeyText.appendJSON(UInt32(truncatingIfNeeded: digraphs[place]), to: &text)
            return text + "\",\(samples[place].count),\(samples[place].reduce(0, +) / Double(samples[place].count))]"
        }
        return "[" + items.joined(separator: ",") + "]"
    }
}
