/// Why bytes were refused. Always the sender's fault; nothing was changed by reading them.
public enum WireError: Error, Hashable, Sendable {
    /// The bytes end before the structure does.
    case truncated(need: Int, have: Int)
    /// Bytes are left over after the structure: a longer structure is a different one, not a newer one.
    case trailing(count: Int)
    /// A length or count is above its limit.
    case overLimit(Field, value: UInt64, limit: UInt64)
    /// The structure number at the start is not the expected one.
    case wrongStructure(expected: UInt16, found: UInt16)
    /// The format version of the structure is not one this node reads.
    case unsupportedVersion(UInt16)
    /// A field holds a value its definition forbids.
    case invalid(Field)
    /// Elements that must ascend strictly do not, first at this place.
    case outOfOrder(index: Int)

    /// Which part of a structure is meant.
    public enum Field: String, Hashable, Sendable {
        case frameLength, frameType, datagramType, count, text, address, port, key, value, record, day, shard
        case sequence, generation, lifetime, validity, reason, roles, flags, extensions, descriptor, entry, statement, role
        case incarnation, hostname, name, depth, requestID, sessionID, size, kind, retention, index
    }
}
