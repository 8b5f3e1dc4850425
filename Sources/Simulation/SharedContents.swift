import Ledger
import Primitives

/// Keeps one copy of each manifest and bucket that many simulated nodes hold: a mesh of a thousand nodes holds a million replicas.
///
/// Only saves memory: every node checks what it was sent before it comes here.
struct SharedContents {
    /// What is remembered of each kind; at the limit all is forgotten, and later copies are not shared with earlier ones.
    static let limit = 65_536

    private var manifests: [Digest: Manifest] = [:]
    private var buckets: [Digest: Bucket] = [:]

    mutating func shared(_ manifest: Manifest) -> Manifest {
        if let known = manifests[manifest.root], known == manifest { return known }
        if manifests.count >= Self.limit { manifests = [:] }
        manifests[manifest.root] = manifest
        return manifest
    }

    mutating func shared(_ bucket: Bucket) -> Bucket {
        if let known = buckets[bucket.entry.root], known.bytes == bucket.bytes, known.descriptor == bucket.descriptor { return known }
        if buckets.count >= Self.limit { buckets = [:] }
        buckets[bucket.entry.root] = bucket
        return bucket
    }
}
