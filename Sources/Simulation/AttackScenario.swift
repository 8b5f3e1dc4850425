import Primitives

/// The ways in which members that are there for nothing else have been seen to attack gossip: those that GossipSub's evaluation names
/// (Vyzovitis et al. 2020), as far as they mean something where members are admitted. `Protocol/invariants.md` says what each must leave standing.
public enum AttackScenario: String, CaseIterable, Sendable {
    /// All attackers surround one publisher: it is told of nobody else, and they pass on nothing that it says, or that others say to it.
    case eclipseOne
    /// From the start all attackers pass on nothing.
    case eclipseAll
    /// All attackers behave, but for the news of one publisher.
    case censorOne
    /// The attackers drop every other thing, on a network that loses a fifth of all datagrams.
    case degrade
    /// The attackers are there first, and everybody honest starts at once among them.
    case coldBoot
    /// The attackers behave until they are trusted; then all of them stop passing things on at the same moment.
    case covertFlash
    /// After a quiet night all attackers turn at the moment when everybody honest has something new.
    case attackAtDawn
    /// As many attackers as there are honest members, all in one network and under one sponsor.
    case coLocation

    /// The period of a round: in it a node probes one neighbour.
    public static let round: Duration = .seconds(3)
    /// Rounds in which every head of an honest member must be at every other one.
    public static let longestSpread = 10
    /// Of the sessions that honest members have dialed, so many may lead to attackers that sit in one place: two of eight.
    public static let dialedShareLimitPerMille = 250

    /// The share of the members that attack.
    var attackersPerMille: Int { self == .coLocation ? 500 : 333 }

    /// Whose news the attack is about, if it is about somebody's.
    var victim: Int? { self == .eclipseOne || self == .censorOne ? 1 : nil }

    /// When the attack begins; before that everything has settled down, if it is not a start.
    var beginning: Duration {
        switch self {
        case .eclipseAll, .coldBoot, .eclipseOne, .coLocation: .zero
        case .censorOne, .degrade, .covertFlash: .seconds(120)
        case .attackAtDawn: .seconds(600)
        }
    }

    private var withholding: Withholding {
        switch self {
        case .censorOne: Withholding(victim: victim, from: beginning)
        case .degrade: Withholding(from: beginning, perMille: 500)
        default: Withholding(from: beginning)
        }
    }

    /// Lives through it.
    ///
    /// - Parameter nodeCount: at least 12 members, the attackers among them.
    public func run(nodeCount: Int, seed: UInt64) -> AttackOutcome {
        precondition(nodeCount >= 12, "an attack on \(nodeCount) members")
        let attackerCount = nodeCount * attackersPerMille / 1_000
        let attackers = Array((nodeCount - attackerCount)..<nodeCount)
        var roles: [Int: MemberRole] = [:]
        for place in attackers { roles[place] = .withholder(withholding) }
        var conditions = NetworkConditions()
        conditions.datagramLossPerMille = self == .degrade ? 200 : 50
        let mesh = SimulatedMesh.make(
            operators: nodeCount, seed: seed, roles: roles, conditions: conditions,
            networks: { place in self == .coLocation ? (place >= attackers[0] ? .together : .apart) : .laboratory },
            seeds: { place in
                // An eclipsed publisher knows attackers only; in all others honest nodes know who has sponsored them, and some others.
                self == .eclipseOne && place == self.victim ? Array(attackers.prefix(8)) : nil
            },
            sponsor: { place in self == .coLocation && place > attackers[0] ? attackers[0] : nil })
        return live(through: mesh, attackers: Set(attackers))
    }

    private func live(through mesh: SimulatedMesh, attackers: Set<Int>) -> AttackOutcome {
        let honest = mesh.honestMembers
        if self == .coldBoot || self == .eclipseOne {
            for place in attackers.sorted() { mesh.restart(place, within: .seconds(2)) }
            mesh.run(for: .seconds(30))
            for place in honest { mesh.restart(place, within: .milliseconds(100)) }
        } else {
            mesh.startAll(within: .seconds(2))
        }
        for place in honest { mesh.observeSomething(at: place, count: 1) }
        let startedAt = mesh.now
        let hasStarted = mesh.run(until: \.isConverged, within: .seconds(300), lookingEvery: .seconds(1))
        let startTime = mesh.now - startedAt

        if mesh.now < beginning { mesh.run(for: beginning - mesh.now) }
        mesh.beginMeasurement()
        if self == .attackAtDawn { for place in honest { mesh.observeSomething(at: place, count: 1) } }
        var random = SeededGenerator(seed: mesh.seed ^ 0x6174_7461_636B)
        for turn in 0..<60 {
            mesh.run(for: .seconds(2))
            let publisher = turn.isMultiple(of: 2) ? victim : nil
            mesh.observeSomething(at: publisher ?? honest[Int(random.number(below: UInt64(honest.count)))], count: 1)
        }
        let isConverged = mesh.run(until: \.isConverged, within: .seconds(120), lookingEvery: .seconds(1))
        let dialed = honest.flatMap { mesh.dialedNeighbours(of: $0) }
        return AttackOutcome(
            scenario: self, seed: mesh.seed, nodeCount: mesh.count, attackerCount: attackers.count, startTime: hasStarted ? startTime : nil,
            isConverged: isConverged, violations: mesh.violations + mesh.disagreements(), statistics: mesh.statistics,
            withheldCount: mesh.counts.newsWithheld,
            dialedAttackersPerMille: dialed.isEmpty ? 0 : dialed.count { attackers.contains($0) } * 1_000 / dialed.count,
            victimsHonestNeighbours: victim.map { victim in mesh.neighbours(of: victim).count { !attackers.contains($0) } })
    }
}

/// How an attack went.
public struct AttackOutcome: Sendable {
    public let scenario: AttackScenario
    public let seed: UInt64
    public let nodeCount: Int
    public let attackerCount: Int
    /// Until every honest member had the first news of every other one; `nil`: not within five minutes.
    public let startTime: Duration?
    public let isConverged: Bool
    public let violations: [Violation]
    /// Of the time under attack.
    public let statistics: Statistics
    /// Statements that attackers should have passed on, and have not.
    public let withheldCount: Int
    /// Of the sessions that honest members have dialed, at the end.
    public let dialedAttackersPerMille: Int
    /// Honest members that the victim has sessions with, at the end.
    public let victimsHonestNeighbours: Int?

    /// What has not held, in words; empty if the attack came to nothing.
    public var failures: [String] {
        var failures = violations.prefix(5).map { "\($0)" }
        if startTime == nil { failures.append("the honest members did not come together within 300 s") }
        if !isConverged { failures.append("the honest members did not agree within 120 s") }
        let longest = AttackScenario.round * AttackScenario.longestSpread
        if statistics.headToLastNode.count == 0 { failures.append("no head was followed to the last node") }
        if statistics.headToLastNode.maximum > longest {
            failures.append("a head took \(statistics.headToLastNode.maximum.clampedMilliseconds) ms, more than \(AttackScenario.longestSpread) rounds")
        }
        if withheldCount == 0 { failures.append("nothing was withheld: there was no attack") }
        if statistics.liveness.falseDeathCount > 0 { failures.append("\(statistics.liveness.falseDeathCount) false deaths") }
        if scenario == .coLocation, dialedAttackersPerMille > AttackScenario.dialedShareLimitPerMille {
            failures.append("\(dialedAttackersPerMille) of 1,000 dialed sessions lead into the attackers' network")
        }
        if victimsHonestNeighbours == 0 { failures.append("the victim has attackers around it only") }
        return failures
    }
}
