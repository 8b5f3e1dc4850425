/// One TCP session with another node, by a number of our own. Never leaves the process, never used twice.
public struct SessionID: Hashable, Sendable, Comparable, CustomStringConvertible {
    public let number: UInt64

    public init(_ number: UInt64) { self.number = number }

    public static func < (left: SessionID, right: SessionID) -> Bool { left.number < right.number }

    public var description: String { "#\(number)" }
}
