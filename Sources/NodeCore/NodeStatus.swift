import Ledger
import Membership
import Primitives
import Replication
import WireFormat

/// What a node can tell its operator about itself, at one moment.
public struct NodeStatus: Sendable {
    public struct Peer: Sendable {
        public var node: NodeID
        public var origin: OriginID
        public var displayName: String
        public var isConnected: Bool
        /// The session with it, if there is one.
        public var session: SessionID?
        public var isDialedByUs: Bool
        public var state: FailureDetector.State
        /// Since something came from it, over whatever way; `nil` if nothing has since we started.
        public var unheardFor: Duration?
        /// Why it could not be reached last, if it has not been heard since.
        public var downReason: DownReason?
        /// Statements it has told us of that we have not read yet.
        public var unreadCount: UInt64?
        public var roundTrip: Duration?
        /// Since the last frame or datagram; `nil` without a session.
        public var silence: Duration?
        public var addresses: [NetworkAddress]
        public var failedDials: Int
        /// Whether its operator still vouches for it: one that was replaced is known for ever.
        public var isCertified: Bool
        /// The newest head of ours that this node has told us of, and so has adopted; `nil` if it has not, or was never asked.
        public var confirmed: HeadPosition?
    }

    /// Whether this node can publish, and why not.
    public enum Signing: Hashable, Sendable {
        case ready(generation: UInt32)
        /// Nothing has been signed since the start: others are still to be asked for our newest head.
        case asking
        case halted(Publisher.Halt)
        /// A new generation is wanted; others are still to be asked what they know of us.
        case openingAsks
        /// Our own content is being fetched from others.
        case recovering(HeadPosition)
        /// The new generation is being written.
        case openingWrites
    }

    /// Why the newest head of an operator that is known is not followed.
    public enum HeldBack: Hashable, Sendable { case blocked, overQuota, early }

    public struct Origin: Sendable {
        public var origin: OriginID
        public var displayName: String
        public var standing: Standing
        public var adopted: HeadPosition?
        public var issuedAt: Timestamp?
        public var isCurrent: Bool
        public var sightingCount: UInt64
        /// How long the adopted head took, from hearing of it to verified and stored.
        public var followedIn: Duration?
        /// A newer head that is being fetched.
        public var wanted: HeadPosition?
        public var heldBack: HeldBack?
        /// It has said that nothing more will come.
        public var hasEnded: Bool
        /// There is evidence against its newest generation: nothing of that is taken.
        public var isQuarantined: Bool
        /// Who has admitted it: operators' keys, or the mesh's root key. Ascending.
        public var sponsors: [VerifyingKey]
        /// What our operator has decided about it.
        public var rule: PeerRule?
    }

    public var mesh: MeshID
    public var origin: OriginID
    public var displayName: String
    public var sponsors: [VerifyingKey]
    public var node: NodeID
    public var own: HeadPosition?
    public var ownSightingCount: UInt64
    public var signing: Signing
    public var openSessionCount: Int
    public var statementCount: Int
    public var pendingStatementCount: Int
    /// What one operator may have here.
    public var originQuota: OriginQuota
    /// What our operator has decided about others, also about such that are not known.
    public var rules: [OriginID: PeerRule]
    public var peers: [Peer]
    public var origins: [Origin]
}

extension NodeCore {
    /// A picture of the node for its operator. O(members).
    public func status(at now: Moment) -> NodeStatus {
        var sessionOf: [NodeID: Session] = [:]
        for session in sessions { if let node = session.node { sessionOf[node] = session } }
        let peers = nodes.nodes.filter { $0 != identity.node }.compactMap { node -> NodeStatus.Peer? in
            guard let entry = nodes[node] else { return nil }
            let session = sessionOf[node]
            return NodeStatus.Peer(
                node: node, origin: entry.certificate.body.origin, displayName: members.displayName(of: entry.certificate.body.origin) ?? "",
                isConnected: session != nil, session: session?.id, isDialedByUs: session?.dial != nil, state: detector.state(of: node),
                unheardFor: detector.lastHeard(node).map { now.instant - $0 }, downReason: session == nil ? downReasons[node] : nil,
                unreadCount: session.flatMap { session in
                    session.hint.map { $0.logID == session.cursor.logID && $0.after >= session.cursor.after ? $0.after - session.cursor.after : $0.after }
                },
                roundTrip: detector.roundTrip(of: node),
                silence: session.map { now.instant - $0.lastHeard }, addresses: entry.record?.body.addresses ?? [],
                failedDials: backoff.failureCount(of: .node(node)),
                isCertified: now.timestamp < entry.certificate.body.notAfter, confirmed: confirmations[node])
        }
        let origins = members.operators.filter { $0 != identity.origin }.map { origin in
            let adopted = self.origins[origin]?.adopted
            return NodeStatus.Origin(
                origin: origin, displayName: members.displayName(of: origin) ?? "", standing: members.standing(of: origin, at: now.timestamp),
                adopted: adopted?.head.body.position, issuedAt: adopted?.head.body.issuedAt,
                isCurrent: adopted.map { now.timestamp < $0.head.body.currentUntil } ?? false,
                sightingCount: adopted?.head.body.sightingCount ?? 0, followedIn: followedIn[origin], wanted: fetches.wanted(of: origin)?.body.position,
                heldBack: heldBack(origin), hasEnded: self.origins[origin]?.hasEnded ?? false,
                isQuarantined: self.origins[origin].flatMap { record in record.newest.map { record.isQuarantined($0.body.generation) } } ?? false,
                sponsors: members.sponsors(of: origin), rule: rules[origin])
        }
        return NodeStatus(
            mesh: identity.mesh, origin: identity.origin, displayName: members.displayName(of: identity.origin) ?? "",
            sponsors: members.sponsors(of: identity.origin), node: identity.node, own: publisher.lastHead?.body.position,
            ownSightingCount: publisher.lastHead?.body.sightingCount ?? 0, signing: signing,
            openSessionCount: openSessions.count, statementCount: log.count, pendingStatementCount: pending.count, originQuota: configuration.originQuota,
            rules: rules.all, peers: peers, origins: origins)
    }

    private func heldBack(_ origin: OriginID) -> NodeStatus.HeldBack? {
        if rules.isBlocked(origin) { return .blocked }
        guard passedOver[origin] != nil else { return nil }
        return early[origin] != nil ? .early : overQuota.contains(origin) ? .overQuota : nil
    }

    private var signing: NodeStatus.Signing {
        switch opening?.phase {
        case .asking: return .openingAsks
        case .fetching(let head): return .recovering(head.body.position)
        case .writing: return .openingWrites
        case nil: break
        }
        if let halt = publisher.halt { return .halted(halt) }
        guard let generation = publisher.generation else { return .halted(.noGeneration) }
        return startCheck.isDone ? .ready(generation: generation) : .asking
    }

    /// Per origin, our own not among them, the head whose content is in the replica: what converged nodes have in common.
    public var adoptedHeads: [(origin: OriginID, head: Verified<Head>)] {
        origins.keys.sorted().compactMap { origin in origins[origin]?.adopted.map { (origin, $0.head) } }
    }

    /// What we have published last.
    public var ownState: OwnState? { publisher.own }
}
