import Foundation

/// A file descriptor that is closed once, when its owner goes.
///
/// A class whose initialiser throws after all its properties are set runs its `deinit`: one that closes what it holds in both places
/// closes twice, and the second time perhaps what another thread has just opened under the same number. This type leaves no second place.
public struct OwnedDescriptor: ~Copyable, Sendable {
    /// What the system knows it by; negative if nothing was opened.
    public let number: Int32

    /// Takes over a descriptor that nobody else closes.
    public init(_ number: Int32) { self.number = number }

    public var isOpen: Bool { number >= 0 }

    deinit { if number >= 0 { close(number) } }
}
