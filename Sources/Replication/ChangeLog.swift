import Ledger
import Primitives
import WireFormat

/// What the changes of an origin have led to, applied and checked: the buckets with these roots are staged.
public struct AppliedChanges: Hashable, Sendable {
    public let manifest: Manifest
    public let roots: [Digest]

    public init(manifest: Manifest, roots: [Digest]) {
        self.manifest = manifest
        self.roots = roots
    }
}

/// A change that a neighbour has sent along with a head, unasked.
public struct PushedChange: Hashable, Sendable {
    /// The first 8 bytes of the manifest root that it begins with.
    public let base: UInt64
    public let bytes: [UInt8]

    public init(base: UInt64, bytes: [UInt8]) {
        self.base = base
        self.bytes = bytes
    }
}

/// What has led from one manifest of an origin to the next, as the disk has found out while it replaced the one by the other.
public struct ObservedChange: Hashable, Sendable {
    public let origin: OriginID
    public let since: Digest
    public let root: Digest
    /// As in `Protocol/replication.md` §4.3; `nil` if there is too much of it to be told.
    public let bytes: [UInt8]?
    /// Something is no more that earlier changes may hold.
    public let isDeleting: Bool

    public init(origin: OriginID, since: Manifest, root: Manifest, _ change: ContentChange) {
        self.origin = origin
        self.since = since.root
        self.root = root.root
        bytes = change.encoded()
        isDeleting = change.isDeleting
    }
}

/// The last changes of every origin that a node follows or is, for neighbours that have not followed yet (`Protocol/replication.md` §4.3).
///
/// In memory only: after a start neighbours fetch whole manifests and buckets. Nothing that was retracted stays in it, since a change that deletes ends the line
/// of those before it, and says only where something was deleted.
public struct ChangeLog: Sendable {
    /// Changes of one origin: as many as one answer holds.
    public static let changesPerOrigin = Limits.changesPerAnswer
    /// Bytes of all origins' changes; the origins that have changed longest ago are forgotten first.
    public static let bytesInAll = 16 << 20

    private struct Change {
        let since: Digest
        let root: Digest
        let bytes: [UInt8]
    }

    private var changes: [OriginID: [Change]] = [:]
    /// Origins in the order in which they have last changed.
    private var order: [OriginID] = []
    private var byteCount = 0

    public init() {}

    /// Puts a change last. One that does not begin where the last one ended, or is too long to be told, begins a new line.
    public mutating func append(_ change: ObservedChange) {
        var line = changes[change.origin] ?? []
        if change.isDeleting || line.last.map({ $0.root != change.since }) ?? false { line = [] }
        if let bytes = change.bytes { line.append(Change(since: change.since, root: change.root, bytes: bytes)) } else { line = [] }
        if line.count > Self.changesPerOrigin { line.removeFirst() }
        set(line, of: change.origin)
        while byteCount > Self.bytesInAll, let oldest = order.first { set([], of: oldest) }
    }

    /// What leads from one manifest to another, if all of it is here.
    public func changes(_ request: ChangesRequest) -> [[UInt8]]? {
        guard let line = changes[request.origin], let end = line.lastIndex(where: { ChangesRequest.name(of: $0.root) == request.root }),
            let start = line[...end].lastIndex(where: { ChangesRequest.name(of: $0.since) == request.since })
        else { return nil }
        return line[start...end].map(\.bytes)
    }

    /// The one step that leads to a manifest, if it is here.
    public func lastChange(of origin: OriginID, to root: Digest) -> (since: Digest, bytes: [UInt8])? {
        changes[origin]?.last.flatMap { $0.root == root ? ($0.since, $0.bytes) : nil }
    }

    public mutating func forget(_ origin: OriginID) { set([], of: origin) }

    private mutating func set(_ line: [Change], of origin: OriginID) {
        byteCount -= (changes[origin] ?? []).reduce(0) { $0 + $1.bytes.count }
        byteCount += line.reduce(0) { $0 + $1.bytes.count }
        order.removeAll { $0 == origin }
        changes[origin] = line.isEmpty ? nil : line
        if !line.isEmpty { order.append(origin) }
    }
}
