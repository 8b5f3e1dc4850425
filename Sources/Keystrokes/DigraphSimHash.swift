/// The SimHash of schema_version 1 (`Protocol/session-profile.md` §4): every digraph votes on every bit, with its number of samples.
///
/// Integer sums, so the order of the digraphs does not matter.
struct DigraphSimHash {
    /// Fewer digraphs or samples than these give no SimHash.
    static let minimumDigraphs = 8
    static let minimumSamples = 20
    /// Where the buckets of the median end, in seconds; an edge itself belongs to the next bucket.
    static let edges: [Double] = [0.03, 0.06, 0.12, 0.25, 0.5, 1.0]

    /// Of the votes for each bit; of all votes the rest is against it.
    private var sums = [Int](repeating: 0, count: 64)
    private var total = 0
    private var token: [UInt8] = []

    mutating func add(_ first: UInt32, _ second: UInt32, median: Double, sampleCount: Int) {
        token.removeAll(keepingCapacity: true)
        KeyText.appendHashed(first, to: &token)
        KeyText.appendHashed(second, to: &token)
        token.append(UInt8(ascii: ":"))
        token.append(UInt8(ascii: "0") + UInt8(Self.edges.count { $0 <= median }))
        let hash = MD5.leadingInteger(of: token)
        total += sampleCount
        var rest = hash
        while rest != 0 {
            sums[rest.trailingZeroBitCount] += sampleCount
            rest &= rest - 1
        }
    }

    /// A tie gives 0.
    var value: UInt64 {
        sums.enumerated().reduce(0) { 2 * $1.element > total ? $0 | 1 << UInt64($1.offset) : $0 }
    }
}
