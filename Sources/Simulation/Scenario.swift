import Primitives

/// A mesh and all that goes wrong in it, drawn from one seed: chaos, then everything heals, then a bounded time to converge.
///
/// Everything is drawn whether or not its fault is in `faults`, so that leaving one out leaves the others as they were.
public struct Scenario: Sendable {
    /// What can go wrong. A failing scenario is made smaller by leaving some out.
    public enum Fault: String, CaseIterable, Sendable {
        case loss, duplication, reordering, delays, breaks, dialFailures, partitions, cuts, pauses, crashes, diskFailures, clockJumps, garbage, nat, restores
        case natTimeouts, bitFlips, oldVersions, withholders, equivocators, slowNodes, rateLimits

        /// Faults that were added later are drawn last, so that earlier seeds stay what they were.
        static let later: [Fault] = [.natTimeouts, .bitFlips, .oldVersions, .withholders, .equivocators]
        static let latest: [Fault] = [.slowNodes, .rateLimits]
    }

    /// Virtual time from the end of all faults until all replicas must agree. A node that has not been reached for as long as the chaos
    /// lasts waits at most 96 s before it dials again; the rest is fetching. A guess with room; the time used is in the outcome.
    public static let longestConvergence: Duration = .seconds(300)

    public let seed: UInt64
    public var faults = Set(Fault.allCases)
    /// Disks answer before they have synced: never drawn, since no node can keep its word then. Shows that the checkers can see.
    public var disksLie = false
    public let operatorCount: Int
    public let garbageSpeakers: [Int]
    /// Members that pass on nothing, and that keep two books; with those that speak garbage at most a third.
    public let withholders: [Int]
    public let equivocators: [Int]
    /// Honest members that run an older version.
    public let oldVersions: [Int]
    public let outboundOnlyPerMille: UInt64
    public let chaos: NetworkConditions
    public let chaosDuration: Duration
    /// How often something is seen, a partition or a cut begins or ends, a process stands still, a clock jumps.
    public let observationInterval: Duration
    public let partitionInterval: Duration
    public let pauseInterval: Duration
    public let clockJumpInterval: Duration
    public let restoreInterval: Duration
    public let bitFlipPerMillion: UInt64
    /// How often a node's machine becomes slow for a while, and how often what can travel between two nodes is cut.
    public let slowInterval: Duration
    public let rateLimitInterval: Duration

    /// 3 to 24 operators; each fault in three of four scenarios.
    public static func drawn(seed: UInt64) -> Scenario { Scenario(seed: seed) }

    private init(seed: UInt64) {
        self.seed = seed
        var random = SeededGenerator(seed: seed ^ 0x7363_656E_6172_696F)
        operatorCount = 3 + Int(random.number(below: 22))
        let garbageCount = Int(random.number(below: UInt64(operatorCount / 3) + 1))
        garbageSpeakers = Array(1..<operatorCount).sample(garbageCount, using: &random).sorted()
        outboundOnlyPerMille = random.number(below: 401)
        chaosDuration = .seconds(20) + random.duration(upTo: .seconds(40))
        var chaos = NetworkConditions()
        chaos.datagramLossPerMille = random.number(below: 301)
        chaos.datagramDuplicatePerMille = random.number(below: 101)
        chaos.datagramDelay = .milliseconds(10) + random.duration(upTo: .seconds(1))
        chaos.latency = .milliseconds(1) ... .milliseconds(20) + random.duration(upTo: .milliseconds(280))
        chaos.jitter = random.duration(upTo: .milliseconds(200))
        chaos.bitsPerSecond = 1 << (16 + random.number(below: 12))
        chaos.dialFailurePerMille = random.number(below: 301)
        chaos.sessionBreakInterval = .milliseconds(500) + random.duration(upTo: .seconds(5))
        chaos.crashInterval = .milliseconds(500) + random.duration(upTo: .seconds(10))
        chaos.downTime = .milliseconds(50) ... .seconds(1) + random.duration(upTo: .seconds(19))
        chaos.diskFailurePerMille = random.number(below: 101)
        self.chaos = chaos
        observationInterval = .milliseconds(100) + random.duration(upTo: .seconds(2))
        partitionInterval = .seconds(2) + random.duration(upTo: .seconds(15))
        pauseInterval = .seconds(1) + random.duration(upTo: .seconds(10))
        clockJumpInterval = .seconds(1) + random.duration(upTo: .seconds(10))
        for fault in Fault.allCases where !(Fault.later + Fault.latest).contains(fault) && random.number(below: 4) == 0 { faults.remove(fault) }
        restoreInterval = .seconds(5) + random.duration(upTo: .seconds(20))
        for fault in Fault.later where random.number(below: 4) == 0 { faults.remove(fault) }
        let garbage = garbageSpeakers
        let others = (1..<operatorCount).filter { !garbage.contains($0) }.sample(operatorCount, using: &random)
        let room = operatorCount / 3 - garbageCount
        let withholderCount = Int(random.number(below: UInt64(room) + 1))
        withholders = Array(others.prefix(withholderCount))
        equivocators = Array(others.dropFirst(withholderCount).prefix(min(room - withholderCount, Int(random.number(below: 2)))))
        oldVersions = Array(others.dropFirst(room)).filter { _ in random.number(below: 4) == 0 }
        bitFlipPerMillion = 1 << random.number(below: 12)
        for fault in Fault.latest where random.number(below: 4) == 0 { faults.remove(fault) }
        slowInterval = .seconds(2) + random.duration(upTo: .seconds(20))
        rateLimitInterval = .seconds(1) + random.duration(upTo: .seconds(10))
    }

    /// What members are that are not honest.
    var roles: [Int: MemberRole] {
        var roles: [Int: MemberRole] = [:]
        if faults.contains(.garbage) { for place in garbageSpeakers { roles[place] = .garbage } }
        if faults.contains(.withholders) { for place in withholders { roles[place] = .withholder(Withholding()) } }
        if faults.contains(.equivocators) { for place in equivocators { roles[place] = .equivocator } }
        return roles
    }

    /// The conditions that the faults in force make.
    var conditions: NetworkConditions {
        var conditions = NetworkConditions()
        if faults.contains(.loss) { conditions.datagramLossPerMille = chaos.datagramLossPerMille }
        if faults.contains(.duplication) { conditions.datagramDuplicatePerMille = chaos.datagramDuplicatePerMille }
        if faults.contains(.reordering) { conditions.datagramDelay = chaos.datagramDelay }
        if faults.contains(.delays) {
            conditions.latency = chaos.latency
            conditions.jitter = chaos.jitter
            conditions.bitsPerSecond = chaos.bitsPerSecond
        }
        if faults.contains(.dialFailures) { conditions.dialFailurePerMille = chaos.dialFailurePerMille }
        if faults.contains(.breaks) { conditions.sessionBreakInterval = chaos.sessionBreakInterval }
        if faults.contains(.crashes) {
            conditions.crashInterval = chaos.crashInterval
            conditions.downTime = chaos.downTime
        }
        if faults.contains(.diskFailures) { conditions.diskFailurePerMille = chaos.diskFailurePerMille }
        if faults.contains(.natTimeouts) { conditions.natTimeout = .seconds(30) }
        if faults.contains(.bitFlips) { conditions.bitFlipPerMillion = bitFlipPerMillion }
        conditions.disksLie = disksLie
        return conditions
    }

    /// The scenario with as few faults as still fail; itself if it does not fail. Leaves out one after the other.
    public func shrunk() -> Scenario {
        var smallest = self
        guard !run().isSound else { return self }
        for fault in Fault.allCases where smallest.faults.contains(fault) {
            var smaller = smallest
            smaller.faults.remove(fault)
            if !smaller.run().isSound { smallest = smaller }
        }
        return smallest
    }
}
