import Cryptography
import Primitives
import WireFormat

/// Where a head stands in its origin's life: a later generation beats any sequence of an earlier one.
public struct HeadPosition: Hashable, Sendable, Comparable, CustomStringConvertible {
    public let generation: UInt32
    public let sequence: UInt64

    public init(generation: UInt32, sequence: UInt64) {
        self.generation = generation
        self.sequence = sequence
    }

    public static func < (left: HeadPosition, right: HeadPosition) -> Bool {
        (left.generation, left.sequence) < (right.generation, right.sequence)
    }

    public var description: String { "\(generation)/\(sequence)" }
}

/// `Protocol/statements.md` §8: "my manifest root at (generation, sequence) is R". 210 bytes without extensions.
public struct Head: Statement {
    public static let structure: UInt16 = 6
    public static let tag = SignatureTag("hearsay/v1/head")
    /// A head without extensions, signature included.
    public static let byteCount = 210

    public let origin: OriginID
    /// Sequences begin at 1 in every generation and leave nothing out: the history before head `s` has `s` leaves.
    public let position: HeadPosition
    public let issuedAt: Timestamp
    /// How long after `issuedAt` this head may be taken for current, in seconds; at most 90 days.
    public let lifetimeSeconds: UInt32
    public let manifestRoot: Digest
    public let entryCount: UInt32
    public let sightingCount: UInt64
    /// All bucket bytes together.
    public let dataByteCount: UInt64
    /// Covers the generation's certificate and every earlier head.
    public let historyRoot: Digest
    /// `type u16 | length u16 | bytes` one after another, at most 256 bytes; kept and relayed, read by later versions.
    public let extensions: [UInt8]

    public init?(
        origin: OriginID, position: HeadPosition, issuedAt: Timestamp, lifetimeSeconds: UInt32, manifestRoot: Digest, entryCount: UInt32,
        sightingCount: UInt64, dataByteCount: UInt64, historyRoot: Digest, extensions: [UInt8] = []
    ) {
        self.origin = origin
        self.position = position
        self.issuedAt = issuedAt
        self.lifetimeSeconds = lifetimeSeconds
        self.manifestRoot = manifestRoot
        self.entryCount = entryCount
        self.sightingCount = sightingCount
        self.dataByteCount = dataByteCount
        self.historyRoot = historyRoot
        self.extensions = extensions
        guard fault == nil else { return nil }
    }

    public init(decodingBody reader: inout WireReader) throws(WireError) {
        origin = try reader.identifier()
        position = HeadPosition(generation: try reader.integer(), sequence: try reader.integer())
        issuedAt = try reader.timestamp()
        lifetimeSeconds = try reader.integer()
        manifestRoot = try reader.identifier()
        entryCount = try reader.integer()
        sightingCount = try reader.integer()
        dataByteCount = try reader.integer()
        historyRoot = try reader.identifier()
        extensions = try reader.prefixed(by: UInt16.self, limit: Limits.extensionByteCount, field: .extensions)
        if let fault { throw .invalid(fault) }
    }

    public func encodeBody(into writer: inout WireWriter) {
        writer.identifier(origin)
        writer.integer(position.generation)
        writer.integer(position.sequence)
        writer.timestamp(issuedAt)
        writer.integer(lifetimeSeconds)
        writer.identifier(manifestRoot)
        writer.integer(entryCount)
        writer.integer(sightingCount)
        writer.integer(dataByteCount)
        writer.identifier(historyRoot)
        writer.prefixed(extensions, by: UInt16.self)
    }

    /// The generation's key, which the body does not name.
    public var signer: VerifyingKey? { nil }

    /// Until when this head may be taken for current.
    public var currentUntil: Timestamp { issuedAt + .seconds(Int64(lifetimeSeconds)) }

    private var fault: WireError.Field? {
        if position.generation == 0 { return .generation }
        if position.sequence == 0 || position.sequence == .max { return .sequence }
        if lifetimeSeconds == 0 || Duration.seconds(Int64(lifetimeSeconds)) > Limits.headLifetime { return .lifetime }
        if entryCount > UInt32(Limits.manifestEntries) { return .count }
        return Self.areWellFormed(extensions) ? nil : .extensions
    }

    private static func areWellFormed(_ extensions: [UInt8]) -> Bool {
        guard extensions.count <= Limits.extensionByteCount else { return false }
        var reader = WireReader(extensions)
        while reader.remaining > 0 {
            guard (try? reader.integer(UInt16.self)) != nil,
                (try? reader.prefixed(by: UInt16.self, limit: Limits.extensionByteCount, field: .extensions)) != nil
            else { return false }
        }
        return true
    }
}
