/// The limits of `Protocol/limits.md`: what a receiver refuses to go beyond, whatever a peer says.
///
/// These are part of the specification: two nodes that differ in one of them may fail to understand each other. A node's own tuning
/// (how many peers it dials, how long it waits) stands beside the machine it tunes.
public enum Limits {
    /// The protocol version spoken: part of the Noise prologue.
    public static let protocolVersion: UInt16 = 1
    /// The longest UDP payload, sealing included: fits every path MTU of IPv6 with room for tunnels.
    public static let datagramByteCount = 1_200
    /// The sightings of one bucket.
    public static let bucketSightings = 8_192
    /// The longest length-prefixed key, in bytes.
    public static let keyByteCount = 253
    /// The longest value, in bytes.
    public static let valueByteCount = 64
    /// One bucket: seed, and per sighting a length byte, the longest key and the longest value.
    public static let bucketByteCount = 32 + bucketSightings * (1 + keyByteCount + valueByteCount)
    /// The streams of one origin.
    public static let streams = 256
    /// The bucket entries of one manifest: at 8,192 sightings each, 2.1 thousand million sightings.
    public static let manifestEntries = 262_144
    /// One manifest in bytes: both counts, every descriptor, every entry.
    public static let manifestByteCount = 6 + streams * 27 + manifestEntries * 52
    /// The extension bytes of a head.
    public static let extensionByteCount = 256
    /// The shard bits of a (stream, day): up to 65,536 buckets.
    public static let shardBits: UInt8 = 16
    /// A display name in UTF-8 bytes.
    public static let displayNameByteCount = 64
    /// The length of a sponsor chain, the root not counted.
    public static let sponsorDepth = 16
    /// The addresses in one peer record.
    public static let addresses = 8
    /// A host name in an address, in bytes.
    public static let hostnameByteCount = 253
    /// The longest signed statement, signature included.
    public static let statementByteCount = 4_096
    /// The statements in one answer to a cursor pull.
    public static let statementsPerAnswer = 1_024
    /// The bits of a statement's hash that name its part where two logs are compared: up to 4,096 parts.
    public static let comparisonBits = 12
    /// The same as long as the other side has not shown that it compares logs: a frame of a type it does not know may have 4,096 bytes.
    public static let firstComparisonBits = 8
    /// The members of a mesh.
    public static let members = 16_384
    /// How far ahead of the receiver's clock a statement's issued-at may lie.
    public static let clockSkew: Duration = .seconds(600)
    /// How long a node certificate may be valid.
    public static let nodeCertificateLifetime: Duration = .seconds(90 * 86_400)
    /// How long an invitation may be valid.
    public static let inviteLifetime: Duration = .seconds(7 * 86_400)
    /// How long a head may claim to be current.
    public static let headLifetime: Duration = .seconds(90 * 86_400)
    /// The changes from one head to the next, in bytes: what is longer is fetched whole.
    public static let changeByteCount = 65_536
    /// The steps of one change: each may cost the receiver the hashing of a bucket.
    public static let changeSteps = 256
    /// What changes tell of one bucket, in bytes: of more its entry is told, and the bucket fetched whole.
    public static let changedBucketByteCount = 16_384
    /// The changes in one answer.
    public static let changesPerAnswer = 16
    /// One proof bundle, in bytes.
    public static let bundleByteCount = 4 << 20
    /// The sightings that a proof bundle shows.
    public static let bundleSightings = 1_000
    /// The membership certificates in a proof bundle.
    public static let bundleMemberships = 4_096
    /// The hashes of one path in a proof bundle: 1,000 leaves of the largest tree need about 10,000.
    public static let bundlePathHashes = 16_384
}
