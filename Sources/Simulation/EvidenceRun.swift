import NodeCore
import Primitives

/// A mesh in which one member keeps two books and others pass on nothing: how long the proof takes to be everywhere (`Protocol/replication.md` §8).
public struct EvidenceRun: Sendable {
    /// The share of the honest members that must have the proof, and within how many rounds of the first of them (`AttackScenario.round`).
    public static let sharePerMille = 990
    public static let longestSpread = 20
    /// How long it may take until anybody has found out.
    public static let longestSearch: Duration = .seconds(60)

    public var nodeCount: Int
    public var seed: UInt64
    public var lossPerMille: UInt64
    public var droppersPerMille = 300

    /// - Parameter nodeCount: at least 12.
    public init(nodeCount: Int, seed: UInt64, lossPerMille: UInt64) {
        precondition(nodeCount >= 12, "two books in a mesh of \(nodeCount) members")
        self.nodeCount = nodeCount
        self.seed = seed
        self.lossPerMille = lossPerMille
    }

    public struct Report: Sendable {
        public var run: EvidenceRun
        public var honestCount: Int
        /// Honest members that had the proof at the end.
        public var informedCount: Int
        /// From the start to the first honest member with the proof, and from then to the share that is asked for; `nil`: not in time.
        public var firstFound: Duration?
        public var spread: Duration?
        public var violations: [Violation]

        public var isSound: Bool { spread != nil && violations.isEmpty }
    }

    public func report() -> Report {
        let equivocator = nodeCount / 2
        let others = (1..<nodeCount).filter { $0 != equivocator }
        let dropperCount = nodeCount * droppersPerMille / 1_000
        let droppers = others.indices.filter { ($0 + 1) * dropperCount / others.count != $0 * dropperCount / others.count }.map { others[$0] }
        var roles: [Int: MemberRole] = [equivocator: .equivocator]
        for place in droppers { roles[place] = .withholder(Withholding()) }
        var conditions = NetworkConditions()
        conditions.datagramLossPerMille = lossPerMille
        let mesh = SimulatedMesh.make(operators: nodeCount, seed: seed, roles: roles, conditions: conditions, areAcquainted: true)
        mesh.startTogether()

        let hasFound = mesh.run(until: { $0.informedCount(of: equivocator) > 0 }, within: Self.longestSearch)
        let found = mesh.now
        let enough = (mesh.honestMembers.count * Self.sharePerMille + 999) / 1_000
        let isKnown = mesh.run(
            until: { $0.informedCount(of: equivocator) >= enough }, within: AttackScenario.round * Self.longestSpread, lookingEvery: .milliseconds(100))
        return Report(
            run: self, honestCount: mesh.honestMembers.count, informedCount: mesh.informedCount(of: equivocator), firstFound: hasFound ? found : nil,
            spread: hasFound && isKnown ? mesh.now - found : nil, violations: mesh.violations)
    }
}

extension SimulatedMesh {
    /// Honest members that have told their operator of evidence against this one.
    func informedCount(of place: Int) -> Int {
        let origin = origin(of: place)
        var informed: Set<Int> = []
        for (node, event) in events { if case .equivocation(origin, _) = event, isHonest(node) { informed.insert(node) } }
        return informed.count
    }
}
