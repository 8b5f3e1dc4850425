import Ledger
import Primitives
import WireFormat

/// What a node finds on its disk when it starts. Statements are checked again while loading.
public struct StoredState: Sendable {
    /// All kept statements, in any order; own ones too.
    public var statements: [AnyStatement] = []
    /// Per origin the adopted head and manifest, our own origin not among them.
    public var adopted: [OriginID: AdoptedState] = [:]
    /// What we have published last.
    public var own: OwnState?
    /// Roots of buckets that were fetched, but not adopted yet.
    public var staged: [OriginID: Set<Digest>] = [:]

    public init() {}
}

public struct AdoptedState: Hashable, Sendable {
    public var head: Verified<Head>
    public var manifest: Manifest

    public init(head: Verified<Head>, manifest: Manifest) {
        self.head = head
        self.manifest = manifest
    }
}

public struct OwnState: Hashable, Sendable {
    public var head: Verified<Head>
    public var manifest: Manifest
    public var history: HistoryTree

    public init(head: Verified<Head>, manifest: Manifest, history: HistoryTree) {
        self.head = head
        self.manifest = manifest
        self.history = history
    }
}

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
