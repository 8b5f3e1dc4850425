/// One TCP session with another node, by a number of our own. Never leaves the process, never used twice.
public struct SessionID: Hashable, Sendable, Comparable, CustomStringConvertible {
    public let number: UInt64

    public init(_ number: UInt64) { self.number = number }

    public static func < (left: SessionID, right: SessionID) -> Bool { left.number < right.number }

    public var description: String { "#\(number)" }
}

/// An attempt to reach a node. Chosen by whoever dials, never used twice.
public struct DialNumber: Hashable, Sendable, Comparable, CustomStringConvertible {
    public let number: UInt64

    public init(_ number: UInt64) { self.number = number }

    public static func < (left: DialNumber, right: DialNumber) -> Bool { left.number < right.number }

    public var description: String { "dial \(number)" }
}
