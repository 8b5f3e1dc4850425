/// How many pairs of sessions are how far apart, in bits: those of one person, and those of two.
public struct DistanceCounts: Sendable, Equatable {
    public static let bitCount = 64

    public internal(set) var same = [UInt64](repeating: 0, count: bitCount + 1)
    public internal(set) var different = [UInt64](repeating: 0, count: bitCount + 1)

    public init() {}

    public init(same: [UInt64], different: [UInt64]) {
        precondition(same.count == Self.bitCount + 1 && different.count == Self.bitCount + 1, "distances are 0 to \(Self.bitCount)")
        (self.same, self.different) = (same, different)
    }

    public var samePairCount: UInt64 { same.reduce(0, +) }
    public var differentPairCount: UInt64 { different.reduce(0, +) }

    public static func mean(_ counts: [UInt64]) -> Double? {
        let total = counts.reduce(0, +)
        return total > 0 ? Double(counts.enumerated().reduce(0) { $0 + UInt64($1.offset) * $1.element }) / Double(total) : nil
    }

    static func + (left: DistanceCounts, right: DistanceCounts) -> DistanceCounts {
        DistanceCounts(same: zip(left.same, right.same).map { $0 + $1 }, different: zip(left.different, right.different).map { $0 + $1 })
    }

    // MARK: What a radius does

    /// The share of one person's pairs that are within the radius; `nil` if there are none.
    public func truePositiveRate(radius: Int) -> Double? { Self.share(same, within: radius) }

    /// The share of different persons' pairs that are within the radius all the same; `nil` if there are none.
    public func falsePositiveRate(radius: Int) -> Double? { Self.share(different, within: radius) }

    private static func share(_ counts: [UInt64], within radius: Int) -> Double? {
        let total = counts.reduce(0, +)
        guard total > 0 else { return nil }
        return Double(counts.prefix(max(0, radius + 1)).reduce(0, +)) / Double(total)
    }

    /// Where as many of the same are taken for different as the other way round; between two radii on the straight line.
    public var equalErrorRate: Double? {
        let (sameTotal, differentTotal) = (Double(samePairCount), Double(differentPairCount))
        guard sameTotal > 0, differentTotal > 0 else { return nil }
        var (missed, hit) = (1.0, 0.0)  // Below a radius of 0 everybody is missed and nobody hit.
        var (missedCount, hitCount) = (samePairCount, UInt64(0))
        for distance in 0...Self.bitCount {
            missedCount -= same[distance]
            hitCount += different[distance]
            let (nextMissed, nextHit) = (Double(missedCount) / sameTotal, Double(hitCount) / differentTotal)
            if nextHit >= nextMissed {
                let share = (missed - hit) / ((missed - hit) - (nextMissed - nextHit))
                return missed + share * (nextMissed - missed)
            }
            (missed, hit) = (nextMissed, nextHit)
        }
        return missed
    }

    /// How likely a pair of one person is closer than a pair of two, ties counting half: 1 tells everybody apart, 0.5 nobody.
    public var areaUnderCurve: Double? { Self.probability(same, isBelow: different) }

    /// How likely a draw from `near` is below one from `far`, ties counting half.
    public static func probability(_ near: [UInt64], isBelow far: [UInt64]) -> Double? {
        let (nearTotal, farTotal) = (Double(near.reduce(0, +)), Double(far.reduce(0, +)))
        guard nearTotal > 0, farTotal > 0 else { return nil }
        var (sum, below) = (0.0, 0.0)
        for (nearCount, farCount) in zip(near, far) {
            sum += Double(farCount) * (below + Double(nearCount) / 2)
            below += Double(nearCount)
        }
        return sum / nearTotal / farTotal
    }
}
