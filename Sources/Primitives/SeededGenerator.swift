/// A small, fast random generator that gives the same numbers for the same seed on every machine (SplitMix64).
///
/// For simulations, tests and choices that no adversary gains from guessing. Never for keys.
public struct SeededGenerator: RandomNumberGenerator, Sendable {
    private var state: UInt64

    public init(seed: UInt64) { state = seed }

    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

extension RandomNumberGenerator {
    /// A number in `0 ..< bound` (`bound > 0`), unbiased, by a method that is ours and so never changes under a seed.
    public mutating func number(below bound: UInt64) -> UInt64 {
        precondition(bound > 0, "a number below zero was asked for")
        // Lemire, "Fast Random Integer Generation in an Interval": multiply, reject the short remainder.
        var product = next().multipliedFullWidth(by: bound)
        if product.low < bound {
            let threshold = (0 &- bound) % bound
            while product.low < threshold { product = next().multipliedFullWidth(by: bound) }
        }
        return product.high
    }

    /// A duration in `0 ... longest`, to nanoseconds.
    public mutating func duration(upTo longest: Duration) -> Duration {
        let nanoseconds = longest.clampedNanoseconds
        guard nanoseconds > 0 else { return .zero }
        return .nanoseconds(Int64(number(below: UInt64(nanoseconds) + 1)))
    }

    /// Random bytes, most significant byte of each draw first.
    public mutating func bytes(count: Int) -> [UInt8] {
        var bytes = [UInt8]()
        bytes.reserveCapacity(count)
        while bytes.count < count {
            let draw = next()
            for shift in stride(from: 56, through: 0, by: -8) where bytes.count < count {
                bytes.append(UInt8(truncatingIfNeeded: draw >> UInt64(shift)))
            }
        }
        return bytes
    }
}

extension MutableCollection where Self: RandomAccessCollection {
    /// Fisher-Yates, written out so that a seed gives the same order with every standard library.
    public mutating func reorder(using random: inout some RandomNumberGenerator) {
        var remaining = count
        while remaining > 1 {
            let chosen = Int(random.number(below: UInt64(remaining)))
            remaining -= 1
            swapAt(index(startIndex, offsetBy: remaining), index(startIndex, offsetBy: chosen))
        }
    }
}

extension RandomAccessCollection {
    /// At most `count` different elements, in random order.
    public func sample(_ count: Int, using random: inout some RandomNumberGenerator) -> [Element] {
        var elements = Array(self)
        elements.reorder(using: &random)
        return Array(elements.prefix(Swift.max(0, count)))
    }

    /// One element, or `nil` if there is none.
    public func pick(using random: inout some RandomNumberGenerator) -> Element? {
        guard !isEmpty else { return nil }
        return self[index(startIndex, offsetBy: Int(random.number(below: UInt64(count))))]
    }
}
