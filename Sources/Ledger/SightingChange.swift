import Primitives

/// Which sighting is meant, whatever its value: a stream, a day and a key. One of a key that its stream could not hold does not exist.
public struct SightingName: Hashable, Sendable {
    public let stream: StreamID
    public let day: Day
    public let key: [UInt8]

    /// `nil` if the stream is not known or the key is none of its.
    public init?(stream: StreamID, day: Day, key: [UInt8]) {
        switch stream {
        case .sessionSimHash1, .sessionSimHash2:
            guard key.count == Int(SessionSimHashSighting.keyByteCount), key.contains(where: { $0 != 0 }) else { return nil }
        case .smtpTarget1: guard DomainName(key) != nil else { return nil }
        default: return nil
        }
        (self.stream, self.day, self.key) = (stream, day, key)
    }

    fileprivate init(of sighting: Sighting) { (stream, day, key) = (sighting.stream, sighting.day, sighting.record.key) }
}

extension Sighting {
    public var name: SightingName { SightingName(of: self) }
}

/// What a collector tells its node, one after another and absolutely: the later word on a name counts.
public enum SightingChange: Hashable, Sendable {
    /// For this stream, day and key the value now is this.
    case stated(Sighting)
    /// For this stream, day and key there is nothing any more.
    case retracted(SightingName)

    public var name: SightingName {
        switch self {
        case .stated(let sighting): sighting.name
        case .retracted(let name): name
        }
    }
}
