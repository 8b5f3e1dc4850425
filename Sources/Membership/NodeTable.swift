import Ledger
import Primitives
import WireFormat

/// Which nodes the operators run, and where they are (`Protocol/statements.md` §6 and §7).
public struct NodeTable: Sendable {
    /// The nodes of one operator that are kept.
    public static let nodesPerOperator = 16

    public struct Entry: Hashable, Sendable {
        public var certificate: Verified<NodeCertificate>
        /// What the node says of itself; `nil` before it has been heard.
        public var record: Verified<PeerRecord>?
    }

    private var entries = SharedTable<NodeID, Entry>()
    private var nodesOfOrigin: [OriginID: [NodeID]] = [:]
    /// Who claims a transport key: nobody has to prove that it holds the one in its certificate. One claimant of each, and the others where there are more.
    private var claimants: [TransportKey: NodeID] = [:]
    private var otherClaimants: [TransportKey: Set<NodeID>] = [:]

    public init() {}

    /// All nodes, in ascending order. O(n log n).
    public var nodes: [NodeID] { entries.keys.sorted() }
    public var count: Int { entries.count }

    public subscript(node: NodeID) -> Entry? { entries[node] }

    /// The only node whose certificate names this key; `nil` if there are several. Anybody can certify somebody else's key: who holds it, a hello says.
    public func node(with key: TransportKey) -> NodeID? { otherClaimants[key] == nil ? claimants[key] : nil }

    public func nodes(of origin: OriginID) -> [NodeID] { nodesOfOrigin[origin] ?? [] }

    /// Takes a certificate of a known operator. The one with the higher serial counts; of equal ones the smaller hash.
    public mutating func take(_ certificate: Verified<NodeCertificate>) -> MemberTable.Verdict {
        let body = certificate.body
        if let held = entries[body.node]?.certificate {
            guard held.bytes != certificate.bytes else { return .known }
            // A node id belongs to the operator that was first to certify it.
            guard held.body.origin == body.origin else { return .refused }
            guard body.serial > held.body.serial || (body.serial == held.body.serial && certificate.hash < held.hash) else { return .known }
            if held.body.transportKey != body.transportKey {
                release(held.body.transportKey, of: body.node)
                claim(body.transportKey, for: body.node)
            }
            entries[body.node]?.certificate = certificate
        } else {
            guard nodesOfOrigin[body.origin, default: []].count < Self.nodesPerOperator else { return .full }
            entries[body.node] = Entry(certificate: certificate, record: nil)
            nodesOfOrigin[body.origin, default: []].append(body.node)
            claim(body.transportKey, for: body.node)
        }
        return .accepted
    }

    private mutating func claim(_ key: TransportKey, for node: NodeID) {
        if claimants[key] == nil { claimants[key] = node } else { otherClaimants[key, default: []].insert(node) }
    }

    private mutating func release(_ key: TransportKey, of node: NodeID) {
        var others = otherClaimants[key] ?? []
        // Which of them stands apart from the others means nothing.
        if others.remove(node) == nil { claimants[key] = others.popFirst() }
        otherClaimants[key] = others.isEmpty ? nil : others
    }

    /// Takes what a known node says of itself. The higher incarnation counts; of equal ones the smaller hash.
    ///
    /// One above the time in milliseconds is refused: a node that counts its starts never gets there, and one that has said the highest
    /// number there is could never say anything again (`Protocol/liveness.md` §5).
    public mutating func take(_ record: Verified<PeerRecord>, at now: Timestamp) -> MemberTable.Verdict {
        guard record.body.incarnation <= (now + Limits.clockSkew).milliseconds else { return .refused }
        guard let entry = entries[record.body.node] else { return .orphan }
        if let held = entry.record {
            guard held.bytes != record.bytes else { return .known }
            guard
                record.body.incarnation > held.body.incarnation
                    || (record.body.incarnation == held.body.incarnation && record.hash < held.hash)
            else { return .known }
        }
        entries[record.body.node]?.record = record
        return .accepted
    }
}
