import Primitives
import WireFormat

/// A sighting as a stream stores it, known or not: a key and a value. The day and the stream are its bucket's.
public struct Record: Hashable, Sendable, Comparable {
    public let key: [UInt8]
    public let value: [UInt8]

    public init(key: [UInt8], value: [UInt8]) {
        self.key = key
        self.value = value
    }

    /// The order of a bucket: by key, as byte strings.
    public static func < (left: Record, right: Record) -> Bool { left.key.lexicographicallyPrecedes(right.key) }
}
