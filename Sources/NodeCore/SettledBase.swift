import Cryptography
import Ledger
import Membership
import Primitives
import Replication
import WireFormat

/// What every node that holds the same credentials, and has adopted the same heads, believes of them: worked out once for all nodes in this process.
///
/// For simulations of large meshes, where each of n nodes would otherwise take the statements of n at its start: 4 n² in all. A node that begins with a base
/// is, for whatever comes, what it would be if the same had been on its disk; it shares the tables with all others until they change.
public struct SettledBase: Sendable {
    let mesh: MeshID
    let members: MemberTable
    let nodes: NodeTable
    let nodesInOrder: [NodeID]
    let origins: SharedTable<OriginID, OriginRecord>
    let log: StatementLog<Slot>
    let histories: SharedTable<OriginID, HistoryWindow>
    let detector: FailureDetector

    /// Takes the statements and the heads, as a node does at its start. O(n log n).
    ///
    /// `nil` if there is anything among them that means another thing to each node, or nothing yet: revocations, evidence, nodes that have left, heads that do
    /// not count, and what rests on something that is missing.
    ///
    /// - Parameter adopted: of all origins, also of those whose nodes begin with the base: each leaves its own out, and needs it in its own `StoredState`.
    public init?(mesh: MeshID, statements: [AnyStatement], adopted: [OriginID: AdoptedState], at now: Moment) {
        // The node of nobody: its key signs nothing, since it does nothing but take statements.
        var dice = SeededGenerator(seed: 0)
        let nobody = NodeIdentity(
            mesh: mesh, origin: OriginID(.zero), node: NodeID(.zero), transportKey: TransportKey(.zero), addresses: [], incarnation: 0)
        var core = NodeCore(
            identity: nobody, keys: NodeKeys(identity: nil, node: SigningKey(using: &dice), generation: nil), stored: StoredState(), logID: 0)
        let areCredentials = statements.allSatisfy { statement in
            switch statement {
            case .membership, .generation, .node, .peer: true
            case .revocation, .head, .evidence: false
            }
        }
        guard areCredentials else { return nil }
        core.takeStored(statements, at: now)
        core.takeAdopted(adopted, own: nil, at: now)
        guard core.directives.isEmpty, core.pending.count == 0, core.log.count == statements.count + adopted.count else { return nil }
        self.mesh = mesh
        members = core.members
        nodes = core.nodes
        nodesInOrder = core.nodes.nodes
        origins = core.origins
        for bits in 0...Limits.comparisonBits { _ = core.log.digests(bits: bits) }  // Whoever begins with the base is asked for some of them at once.
        log = StatementLog(id: 0, copying: core.log)
        histories = core.histories
        detector = core.detector
    }
}

extension NodeCore {
    /// The first thing a starting node does, if it has a base.
    mutating func begin(from base: SettledBase, at now: Moment) {
        precondition(base.mesh == identity.mesh && log.count == 0, "a node begins with a base of its own mesh, and with nothing else")
        members = base.members
        nodes = base.nodes
        nodesInOrder = base.nodesInOrder
        origins = base.origins
        log = StatementLog(id: log.id, copying: base.log)
        histories = base.histories
        origins[identity.origin]?.adopted = nil
        detector.learn(from: base.detector, but: identity.node)
        if let record = nodes[identity.node]?.record { outgrow(record, at: now) }
    }
}
