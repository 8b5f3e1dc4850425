/// Names a stream: all sightings of one kind and one schema_version.
///
/// Both numbers may be ones this node does not know; such streams are stored and relayed, never interpreted.
public struct StreamID: Hashable, Sendable, Comparable, CustomStringConvertible {
    public let kind: UInt16
    public let schemaVersion: UInt16

    public init(kind: UInt16, schemaVersion: UInt16) {
        self.kind = kind
        self.schemaVersion = schemaVersion
    }

    /// Kind 1: keystroke SimHashes of shell sessions, schema_version 1 (64 bits).
    public static let sessionSimHash1 = StreamID(kind: 1, schemaVersion: 1)
    /// Kind 1, schema_version 2: fingerprints that do not follow hidden passwords and follow the text far less (64 bits).
    public static let sessionSimHash2 = StreamID(kind: 1, schemaVersion: 2)
    /// Kind 2: victim domains seen by SMTP honeypots, schema_version 1.
    public static let smtpTarget1 = StreamID(kind: 2, schemaVersion: 1)

    public static func < (left: StreamID, right: StreamID) -> Bool {
        (left.kind, left.schemaVersion) < (right.kind, right.schemaVersion)
    }

    public var description: String { "\(kind).\(schemaVersion)" }
}
