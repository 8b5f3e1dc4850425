import CHamming

/// The instructions a scan is done with.
public enum HammingKernel: UInt32, Sendable, CaseIterable {
    case portable = 0
    case avx2 = 1
    case avx512VPOPCNTDQ = 2

    /// The fastest one this processor runs.
    public static var best: HammingKernel { HammingKernel(rawValue: hamming_best_kernel().rawValue) ?? .portable }

    /// Those this processor runs.
    public static var supported: [HammingKernel] { allCases.filter { hamming_kernel_is_supported($0.cKernel) != 0 } }

    /// What people call it.
    public var name: String {
        switch self {
        case .portable: "portable"
        case .avx2: "AVX2"
        case .avx512VPOPCNTDQ: "AVX-512 VPOPCNTDQ"
        }
    }

    var cKernel: hamming_kernel { hamming_kernel(rawValue: rawValue) }

    /// The distance of `query` to each of the codes, which stand one after another, `query.count` words each.
    public func distances(from query: [UInt64], to codes: [UInt64]) -> [UInt16] {
        precondition(!query.isEmpty && codes.count.isMultiple(of: query.count), "\(codes.count) words are no codes of \(query.count) words")
        let count = codes.count / query.count
        return [UInt16](unsafeUninitializedCapacity: count) { buffer, initialized in
            if count > 0 { hamming_distances(cKernel, query, codes, count, query.count, buffer.baseAddress) }
            initialized = count
        }
    }

    /// Adds one to `counts[d]` for each of the codes, d being its distance from `query`.
    func count(distancesFrom query: [UInt64], to codes: [UInt64], in counts: inout [UInt64]) {
        precondition(counts.count > 64 * query.count && codes.count.isMultiple(of: query.count), "no room for the distances of codes of \(query.count) words")
        if !codes.isEmpty { hamming_histogram(cKernel, query, codes, codes.count / query.count, query.count, &counts) }
    }

    /// The places of the codes at most `radius` bits away, in order. A second pass is made where there are many.
    public func places(within radius: UInt16, of query: [UInt64], in codes: [UInt64]) -> [Int] {
        precondition(!query.isEmpty && codes.count.isMultiple(of: query.count), "\(codes.count) words are no codes of \(query.count) words")
        let count = codes.count / query.count
        guard count > 0 else { return [] }
        var capacity = min(count, 256)
        while true {
            var found = 0
            let places = [UInt32](unsafeUninitializedCapacity: capacity) { buffer, initialized in
                found = hamming_within(cKernel, query, codes, count, query.count, radius, buffer.baseAddress, capacity)
                initialized = min(found, capacity)
            }
            if found <= capacity { return places.map { Int($0) } }
            capacity = found
        }
    }
}
