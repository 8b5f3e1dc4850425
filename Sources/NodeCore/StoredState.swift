import Ledger
import Primitives
import Replication
import WireFormat

/// What a node finds on its disk when it starts. Statements are checked again while loading.
public struct StoredState: Sendable {
    /// Statements and adopted heads that many nodes hold, and that do not come again below; `nil` for a node that shares nothing with others in its process.
    public var base: SettledBase?
    /// All kept statements, in any order; own ones too.
    public var statements: [AnyStatement] = []
    /// Per origin the adopted head and manifest, our own origin not among them.
    public var adopted: [OriginID: AdoptedState] = [:]
    /// What we have published last.
    public var own: OwnState?
    /// Roots of buckets that were fetched, but not adopted yet.
    public var staged: [OriginID: Set<Digest>] = [:]
    /// What our operator has decided about others.
    public var rules = PeerRules()
    /// The neighbours to begin with; at most `NodeCore.anchorLimit`.
    public var anchors: [NodeID] = []

    public init() {}
}

// The types of the floor below that inputs and directives carry, for the drivers above.
public typealias AdoptedState = Replication.AdoptedState
public typealias OwnState = Replication.OwnState
public typealias Publication = Replication.Publication
public typealias DayContent = Replication.DayContent
public typealias CoveredDay = Replication.CoveredDay
public typealias Fetch = Replication.Fetch
public typealias AppliedChanges = Replication.AppliedChanges
public typealias ObservedChange = Replication.ObservedChange

/// Who a node is: its keys and what they may do.
public struct NodeIdentity: Sendable {
    public var mesh: MeshID
    public var origin: OriginID
    public var node: NodeID
    public var transportKey: TransportKey
    /// Where others reach this node; empty for outbound-only.
    public var addresses: [NetworkAddress]
    /// Higher than at any start before.
    public var incarnation: UInt64

    public init(mesh: MeshID, origin: OriginID, node: NodeID, transportKey: TransportKey, addresses: [NetworkAddress], incarnation: UInt64) {
        self.mesh = mesh
        self.origin = origin
        self.node = node
        self.transportKey = transportKey
        self.addresses = addresses
        self.incarnation = incarnation
    }
}
