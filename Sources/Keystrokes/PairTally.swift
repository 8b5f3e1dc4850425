/// Counts the pairs of keys of a session by level and group (`Protocol/fingerprint-2.md` §3): of constant size, whatever the session's.
struct PairTally: Sendable {
    /// Keys further apart than this, in microseconds, are no pair.
    static let longestPair: Int64 = 1_500_000
    /// How far from the median level a pair counts at most.
    static let furthestLevel = 40

    private(set) var keptCount = 0
    private var levels = [Int](repeating: 0, count: Level.count)
    /// One row of levels for every group.
    private var groups = [Int](repeating: 0, count: PairGroup.allCases.count * Level.count)
    private var previous: (key: UInt32, time: Int64)?
    /// A key pressed twice so far: kept if a third does not follow, because then it is the keyboard that repeats.
    private var repetition = (pairCount: 0, level: 0)

    /// - Parameter key: `nil` is a break; no pair goes across it.
    mutating func add(_ key: UInt32?, at time: Int64) {
        guard let key else {
            settleRepetition()
            previous = nil
            return
        }
        if let previous, time > previous.time, time - previous.time <= Self.longestPair {
            let level = Level.of(microseconds: time - previous.time)
            if key == previous.key {
                repetition.pairCount += 1
                repetition.level = level
            } else {
                settleRepetition()
                keep(previous.key, key, level)
            }
        } else {
            settleRepetition()
        }
        previous = (key, time)
    }

    /// No more keys follow.
    mutating func finish() { add(nil, at: 0) }

    private mutating func settleRepetition() {
        defer { repetition.pairCount = 0 }
        guard repetition.pairCount == 1, let key = previous?.key, key != 0x7F, key != 0x08 else { return }
        keep(key, key, repetition.level)
    }

    private mutating func keep(_ first: UInt32, _ second: UInt32, _ level: Int) {
        keptCount += 1
        levels[level] += 1
        if let group = PairGroup(first, second) { groups[group.rawValue * Level.count + level] += 1 }
    }

    /// The features that are present, in 1/256 octave, in the order of §5. For at least one kept pair.
    func features() -> [(feature: TypingFeature, value: Int, count: Int)] {
        let middle = quantile(percent: 50)
        func sum(_ wanted: [PairGroup]) -> (sum: Int, count: Int) {
            var (sum, count) = (0, 0)
            for group in wanted {
                for level in 0..<Level.count {
                    let pairCount = groups[group.rawValue * Level.count + level]
                    sum += pairCount * min(max(level - middle, -Self.furthestLevel), Self.furthestLevel)
                    count += pairCount
                }
            }
            return (sum, count)
        }
        func mean(_ group: PairGroup) -> (value: Int, count: Int)? {
            let (sum, count) = sum([group])
            return count >= 2 ? (floorDivide(16 * sum, by: count), count) : nil
        }
        var alternationOverRolls: (value: Int, count: Int)?
        let (alternations, rolls) = (sum(PairGroup.alternations), sum(PairGroup.rolls))
        if alternations.count >= 4, rolls.count >= 4 {
            let value = floorDivide(16 * alternations.sum, by: alternations.count) - floorDivide(16 * rolls.sum, by: rolls.count)
            alternationOverRolls = (value, min(alternations.count, rolls.count))
        }
        let found: [(TypingFeature, (value: Int, count: Int)?)] = [
            (.median, (16 * middle, keptCount)), (.spaceToLetter, mean(.spaceToLetter)), (.letterToSpace, mean(.letterToSpace)),
            (.slowest, (16 * (quantile(percent: 90) - middle), keptCount)), (.fastest, (16 * (quantile(percent: 5) - middle), keptCount)),
            (.spread, (16 * (quantile(percent: 75) - quantile(percent: 25)), keptCount)), (.doubleLetter, mean(.doubleLetter)),
            (.alternationFromRight, mean(.rightToLeft)), (.alternationOverRolls, alternationOverRolls), (.leftInwardRoll, mean(.leftInward)),
            (.rightInwardRoll, mean(.rightInward)),
        ]
        return found.compactMap { feature, measured in measured.map { (feature, $0.value, $0.count) } }
    }

    /// The level at place ⌊(n − 1) · percent / 100⌋ of all kept pairs, ascending.
    private func quantile(percent: Int) -> Int {
        var remaining = (keptCount - 1) * percent / 100
        for level in 0..<Level.count {
            guard remaining >= levels[level] else { return level }
            remaining -= levels[level]
        }
        preconditionFailure("one of \(keptCount) pairs is at place \(percent) %")
    }
}

/// Sixteenths of an octave of a time in milliseconds: ⌊16 · log2⌋, in integers only.
enum Level {
    private static let longest = Int(PairTally.longestPair / 1_000)
    private static let thresholds = [1070, 1117, 1167, 1218, 1272, 1328, 1387, 1449, 1513, 1580, 1650, 1723, 1799, 1879, 1962]
    private static let table = (0...longest).map { UInt8($0 == 0 ? 0 : of(milliseconds: $0)) }
    /// How many levels there are, up to that of the longest pair: 0 to 168.
    static let count = of(milliseconds: longest) + 1

    /// Of a valid pair's time: above 0, at most `PairTally.longestPair`.
    static func of(microseconds: Int64) -> Int { Int(table[max(1, Int((microseconds + 500) / 1_000))]) }

    /// Exact for 1 to 1,500.
    static func of(milliseconds: Int) -> Int {
        let exponent = Int.bitWidth - 1 - milliseconds.leadingZeroBitCount
        let mantissa = (milliseconds << 10) >> exponent
        return 16 * exponent + thresholds.count { $0 <= mantissa }
    }
}

/// What two keys ask of the hands on a QWERTY keyboard. Wrong for other layouts, but in the same way each time that person types.
enum PairGroup: Int, CaseIterable {
    case spaceToLetter, letterToSpace, doubleLetter, leftToRight, rightToLeft, leftInward, leftOutward, rightInward, rightOutward

    static let alternations: [PairGroup] = [.leftToRight, .rightToLeft]
    static let rolls: [PairGroup] = [.leftInward, .leftOutward, .rightInward, .rightOutward]

    /// Fingers 0 (left little) to 7 (right little) of ASCII a-z; -1 for all other keys.
    private static let fingers: [Int8] = {
        var fingers = [Int8](repeating: -1, count: 128)
        for row in ["qwertyuiop", "asdfghjkl", "zxcvbnm"] {
            for (letter, finger) in zip(row.utf8, [0, 1, 2, 3, 3, 4, 4, 5, 6, 7] as [Int8]) { fingers[Int(letter)] = finger }
        }
        return fingers
    }()

    /// `nil`: in no group.
    init?(_ first: UInt32, _ second: UInt32) {
        guard first < 128, second < 128 else { return nil }
        let (from, to) = (Self.fingers[Int(first)], Self.fingers[Int(second)])
        switch (from >= 0, to >= 0) {
        case (false, true) where first == 0x20: self = .spaceToLetter
        case (true, false) where second == 0x20: self = .letterToSpace
        case (true, true):
            if first == second { self = .doubleLetter; return }
            switch (from <= 3, to <= 3) {
            case (true, false): self = .leftToRight
            case (false, true): self = .rightToLeft
            case _ where from == to: return nil
            // Index fingers are 3 and 4.
            case (true, true): self = from < to ? .leftInward : .leftOutward
            case (false, false): self = from > to ? .rightInward : .rightOutward
            }
        default: return nil
        }
    }
}
