/// How somebody typed in one session, as one comparable 64-bit code: schema_version 2 (`Protocol/fingerprint-2.md`).
///
/// Only `code` and `lengthClass` are meant to leave the operator.
public struct Fingerprint2: Sendable, Equatable {
    public static let schemaVersion = 2
    /// Fewer kept pairs than this give no code (§3).
    public static let smallestPairCount = 40

    /// A measured feature (§4): a ratio of times in 1/256 octave, and how many pairs stand behind it.
    public struct Feature: Sendable, Equatable {
        public let name: String
        public let value: Int
        public let count: Int
    }

    /// `nil` below 40 kept pairs. 0 is "no signal", as in every stream of SimHashes, and is never published.
    public let code: UInt64?
    /// Pairs of keys that were neither hidden, nor too far apart, nor repeated by the keyboard.
    public let keptPairCount: Int
    /// Those that are present, in the order of §5; none without a code.
    public let features: [Feature]

    /// How long the typing was (§7): 0 from 40 pairs, 1 from 150, 2 from 400, 3 from 1,000; `nil` without a code.
    public var lengthClass: UInt8? {
        switch keptPairCount {
        case ..<Self.smallestPairCount: nil
        case ..<150: 0
        case ..<400: 1
        case ..<1_000: 2
        default: 3
        }
    }

    init(_ tally: PairTally) {
        keptPairCount = tally.keptCount
        guard keptPairCount >= Self.smallestPairCount else {
            (code, features) = (nil, [])
            return
        }
        let measured = tally.features()
        var votes = BitVotes()
        for (feature, value, count) in measured { feature.vote(value: value, count: count, into: &votes) }
        code = votes.code
        features = measured.map { Feature(name: $0.feature.name, value: $0.value, count: $0.count) }
    }
}

/// Weighted votes on each of 64 bits (§6).
struct BitVotes {
    /// Of the weights for each bit; of all weights the rest is against it.
    private var sums = [Int](repeating: 0, count: 64)
    private var total = 0

    mutating func add(_ hash: UInt64, weight: Int) {
        total += weight
        var rest = hash
        while rest != 0 {
            sums[rest.trailingZeroBitCount] += weight
            rest &= rest - 1
        }
    }

    /// A tie is a 0.
    var code: UInt64 { (0..<64).reduce(0) { 2 * sums[$1] > total ? $0 | 1 << UInt64($1) : $0 } }
}

/// Rounds towards minus infinity, where `/` rounds towards 0.
func floorDivide(_ dividend: Int, by divisor: Int) -> Int {
    let (quotient, remainder) = dividend.quotientAndRemainder(dividingBy: divisor)
    return remainder != 0 && (remainder < 0) != (divisor < 0) ? quotient - 1 : quotient
}
