import Ledger
import Primitives

/// Follows each published head until all honest nodes have it or a later one.
struct HeadSpread {
    private struct Underway {
        let position: HeadPosition
        let publishedAt: Int64
        var reached: Set<Int>  // Counted, never iterated.
    }

    private var underway: [OriginID: [Underway]] = [:]
    private(set) var durations: [Int64] = []
    private(set) var underwayCount = 0
    private(set) var curve = ConvergenceCurve()

    mutating func published(_ position: HeadPosition, of origin: OriginID, at now: Int64, followerCount: Int) {
        underway[origin, default: []].append(Underway(position: position, publishedAt: now, reached: []))
        underwayCount += 1
        curve.expect(followerCount)
    }

    /// - Parameter followerCount: how many nodes must have it.
    mutating func adopted(_ position: HeadPosition, of origin: OriginID, by node: Int, at now: Int64, followerCount: Int) {
        guard var heads = underway.removeValue(forKey: origin) else { return }
        for place in heads.indices where heads[place].position <= position {
            if heads[place].reached.insert(node).inserted { curve.add(.nanoseconds(now - heads[place].publishedAt)) }
        }
        for head in heads where head.reached.count >= followerCount {
            durations.append(now - head.publishedAt)
            underwayCount -= 1
        }
        heads.removeAll { $0.reached.count >= followerCount }
        underway[origin] = heads
    }
}

/// Which share of the nodes that should have a head has it, some time after its publication; over all heads together.
public struct ConvergenceCurve: Sendable {
    /// What arrives within one of these counts as arriving at its end.
    public static let step: Duration = .milliseconds(20)
    /// Five minutes; what arrives later counts as missing.
    static let stepCount = 15_000

    private var arrivals: [Int] = []
    private var expected = 0

    init() {}

    /// Pairs of a head and a node that should get it.
    public var pairCount: Int { expected }

    /// The share that has arrived after this time, 0 to 1.
    public func share(after duration: Duration) -> Double {
        guard expected > 0 else { return 0 }
        let steps = min(Int(duration / Self.step), arrivals.count)
        return min(1, Double(arrivals.prefix(max(0, steps)).reduce(0, +)) / Double(expected))
    }

    /// After what time this share has arrived; `nil`: not within the curve.
    public func time(toReach share: Double) -> Duration? {
        var sum = 0
        for (index, count) in arrivals.enumerated() {
            sum += count
            if expected > 0, Double(sum) >= share * Double(expected) { return Self.step * (index + 1) }
        }
        return nil
    }

    mutating func expect(_ count: Int) { expected += max(0, count) }

    mutating func add(_ duration: Duration) {
        let place = Int(duration / Self.step)
        guard place < Self.stepCount else { return }
        if place >= arrivals.count { arrivals += [Int](repeating: 0, count: place + 1 - arrivals.count) }
        arrivals[place] += 1
    }
}
