import Membership
import NodeCore
import Primitives

/// What nodes have thought of each other, held against what was so.
struct LivenessRecord {
    private(set) var falseSuspicionCount = 0
    private(set) var falseDeathCount = 0
    /// Since when each node that is down is down, and who has noticed that already.
    private var downSince: [Int: Int64] = [:]
    private var noticed: [Int: Set<Int>] = [:]
    /// From a crash to each honest node that noticed, and to each that took the node for dead.
    private var noticeTimes: [Int64] = []
    private var deathTimes: [Int64] = []

    mutating func wentDown(_ node: Int, at time: Int64) {
        downSince[node] = time
        noticed[node] = []
    }

    mutating func cameUp(_ node: Int) {
        downSince[node] = nil
        noticed[node] = nil
    }

    mutating func note(_ state: FailureDetector.State, of peer: NodeID, by observer: Int, in mesh: SimulatedMesh) {
        guard state == .suspect || state == .dead, let place = mesh.placeOfNode[peer], mesh.isHonest(place) else { return }
        guard let since = downSince[place] else {
            if state == .suspect { falseSuspicionCount += 1 } else { falseDeathCount += 1 }
            return
        }
        if state == .dead { deathTimes.append(mesh.nanoseconds - since) }
        if noticed[place]?.insert(observer).inserted == true { noticeTimes.append(mesh.nanoseconds - since) }
    }

    mutating func beginMeasurement() {
        falseSuspicionCount = 0
        falseDeathCount = 0
        noticeTimes = []
        deathTimes = []
    }

    func figures(over duration: Duration, nodeCount: Int) -> LivenessFigures {
        let nodeHours = max(1e-9, duration / .seconds(3_600) * Double(nodeCount))
        return LivenessFigures(
            falseSuspicionCount: falseSuspicionCount, falseSuspicionsPerNodeHour: Double(falseSuspicionCount) / nodeHours, falseDeathCount: falseDeathCount,
            crashToNotice: Statistics.Distribution(of: noticeTimes), crashToDeath: Statistics.Distribution(of: deathTimes))
    }
}

/// How well nodes knew who was there.
public struct LivenessFigures: Sendable, CustomStringConvertible {
    /// Honest nodes that ran, and were suspected by an honest node, or taken for dead.
    public var falseSuspicionCount: Int
    public var falseSuspicionsPerNodeHour: Double
    public var falseDeathCount: Int
    /// From a crash to each of the others that suspected the node, and to each that took it for dead.
    public var crashToNotice: Statistics.Distribution
    public var crashToDeath: Statistics.Distribution

    public var description: String {
        let perThousand = Int(falseSuspicionsPerNodeHour * 1_000)
        return "\(falseSuspicionCount) false suspicions (\(perThousand) per 1,000 node-hours), \(falseDeathCount) false deaths; "
            + "crash noticed p50 \(crashToNotice.median.clampedMilliseconds) ms, max \(crashToNotice.maximum.clampedMilliseconds) ms"
    }
}
