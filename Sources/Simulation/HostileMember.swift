import NodeCore
import Primitives

/// A member that does not follow the specification: takes the same inputs as a core, and asks for the same things.
protocol HostileMember {
    mutating func step(_ input: Input, at now: Moment, using random: inout SeededGenerator) -> [Directive]
}

/// What a member of a simulated mesh is.
public enum MemberRole: Hashable, Sendable {
    case honest
    /// Breaks every rule it can (`GarbageSpeaker`).
    case garbage
    /// Tells half of its neighbours one thing and half another (`Equivocator`).
    case equivocator
    /// Follows the specification, but for what it does not pass on.
    case withholder(Withholding)
}

/// What a member does not pass on to others.
public struct Withholding: Hashable, Sendable {
    /// The place of the only origin whose news it keeps to itself; `nil`: everybody's, and contents and evidence too.
    public var victim: Int?
    /// Until when it behaves: virtual time since the mesh was made.
    public var from: Duration
    /// How often it drops what it drops.
    public var perMille: UInt64

    public init(victim: Int? = nil, from: Duration = .zero, perMille: UInt64 = 1_000) {
        self.victim = victim
        self.from = from
        self.perMille = perMille
    }
}
