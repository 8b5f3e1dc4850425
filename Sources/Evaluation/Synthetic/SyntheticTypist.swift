import Foundation
import Primitives

/// Somebody who does not exist, and types like nobody else: for measuring and testing fingerprints where real recordings must not be shipped.
///
/// **The model.** The time between two keys is 2 to the power of a sum, in octaves of a millisecond:
///
/// | part | what it is | differs by |
/// |---|---|---|
/// | level | how fast they type | person; a little from day to day |
/// | class | what the pair asks of the hands: other hand, rolling, same finger, into a word, a symbol … (`PairClass`) | person, less from day to day |
/// | pair | this very pair: common to all people (an awkward reach is awkward for all), and an own part | pair; person and pair |
/// | noise | normal and, to the slow side, exponential | key; its size by person and a little by day |
/// | hesitation | now and then half an octave to three octaves more, more often at the start of a word | key; how often by person |
///
/// A session adds what a shell shows: prompts and echo, thinking before a line, wrong keys struck beside the right ones and taken back with
/// Backspace, words completed with Tab, lines fetched with an arrow key, now and then a pasted line, passwords without echo, and the network's
/// jitter. Each person has commands they like. A session of another *day* draws its own drift of level, classes and noise.
///
/// Each line draws from a generator of its own, so that another password in one line changes the timing of no other.
///
/// **What it is worth.** Centres and spreads between people were set so that the features of schema_version 2 scatter about as the priors of
/// `Protocol/fingerprint-2.md` §5 say that real people's do (how uneven people are, `q90` and `iqr`, scatters a third less); the drift from day to
/// day is a choice that brings the error rates of version 2 into the region of its §9. So figures measured on these people show that the tools work
/// and how versions compare in kind; they are no evidence of how well anybody real can be told apart. There are no scripts among them, no other
/// keyboard layouts, and nobody who tries to hide.
public struct SyntheticTypist: Sendable {
    /// Names all draws of this person.
    let name: (seed: UInt64, person: UInt64)
    /// log2 of milliseconds.
    let level: Double
    let classes: [Double]
    let noise: Double
    let skew: Double
    let hesitation: Double
    let errorRate: Double
    let tabHabit: Double
    let arrowHabit: Double
    let pasteHabit: Double
    /// Standard deviation of the times at which keys arrive, in milliseconds.
    let jitter: Double
    /// All programs, the ones this person likes in front.
    let programs: [String]

    public init(seed: UInt64, person: Int) {
        name = (seed, UInt64(person))
        var dice = SeededGenerator(of: seed, UInt64(person), 1)
        level = dice.normal(Population.level.mean, Population.level.deviation)
        let hands = dice.normal(0, Population.handDeviation)
        classes = PairClass.allCases.map { pairClass in
            let (mean, deviation) = Population.classes[pairClass.rawValue]
            let shared = pairClass.isRoll ? hands : pairClass.isAlternation ? -hands : 0
            return mean + shared + dice.normal(0, deviation)
        }
        noise = max(0.2, dice.normal(Population.noise.mean, Population.noise.deviation))
        skew = max(0.05, dice.normal(Population.skew.mean, Population.skew.deviation))
        hesitation = dice.real(0.01...0.05)
        errorRate = min(0.08, 0.02 * exp2(dice.normal(0, 0.8)))
        tabHabit = dice.happens(0.5) ? dice.real(0.2...0.7) : 0
        arrowHabit = dice.real(0...0.08)
        pasteHabit = dice.happens(0.3) ? dice.real(0...0.1) : 0
        jitter = dice.real(1...8)
        // A third of the programs moves to where chance puts it; the rest keeps the common order.
        var ranked = Vocabulary.programs.enumerated().map { (rank: Double($0.offset), program: $0.element) }
        for place in ranked.indices where dice.happens(0.33) { ranked[place].rank = dice.real(0...Double(ranked.count)) }
        programs = ranked.sorted { $0.rank < $1.rank }.map(\.program)
    }

    /// What they type of their own accord on that day.
    public func script(_ kind: SyntheticScript.Kind, keyCount: Int, session: Int) -> SyntheticScript {
        var dice = SeededGenerator(of: name.seed, name.person, 2, UInt64(session))
        return SyntheticScript(kind, keyCount: keyCount, programs: programs, using: &dice)
    }

    /// How they type on a day: sessions of one day share it.
    func mood(day: Int) -> Mood {
        var dice = SeededGenerator(of: name.seed, name.person, 3, UInt64(day))
        return Mood(
            level: level + dice.normal(0, Population.levelDrift),
            classes: classes.map { $0 + dice.normal(0, Population.classDrift) },
            noise: noise * exp2(dice.normal(0, Population.noiseDrift)), skew: skew * exp2(dice.normal(0, Population.noiseDrift)))
    }

    struct Mood: Sendable {
        let level: Double
        let classes: [Double]
        let noise: Double
        let skew: Double
    }

    /// Milliseconds from one key to the next.
    func interval(_ first: UInt8, _ second: UInt8, mood: Mood, using dice: inout SeededGenerator) -> Double {
        let pairClass = PairClass(first, second)
        var octaves = mood.level + mood.classes[pairClass.rawValue] + ownOffset(first, second) + Population.commonOffset(first, second)
        octaves += dice.normal(0, mood.noise) + dice.exponential(mean: mood.skew) - mood.skew * Population.skewCentre
        if dice.happens(pairClass == .intoWord || pairClass == .symbol ? 3 * hesitation : hesitation) { octaves += dice.real(0.5...3) }
        return exp2(min(octaves, 14))
    }

    private func ownOffset(_ first: UInt8, _ second: UInt8) -> Double {
        var dice = SeededGenerator(of: name.seed, name.person, 4, UInt64(first) << 8 | UInt64(second))
        return dice.normal(0, Population.ownPairDeviation)
    }
}

/// How people differ, in octaves. Set by comparing features with the priors of schema_version 2; see `SyntheticTypist`.
enum Population {
    static let level = (mean: 7.2, deviation: 0.42)
    static let noise = (mean: 0.42, deviation: 0.11)
    static let skew = (mean: 0.32, deviation: 0.16)
    /// The median of an exponential distribution, in means.
    static let skewCentre = 0.69
    static let handDeviation = 0.09
    static let commonPairDeviation = 0.22
    static let ownPairDeviation = 0.14
    static let levelDrift = 0.12
    static let classDrift = 0.10
    static let noiseDrift = 0.15

    /// By `PairClass`: into word, out of word, same key, from left, from right, left in, left out, right in, right out, same finger, symbol, enter,
    /// correction, other.
    static let classes: [(mean: Double, deviation: Double)] = [
        (0.45, 0.36), (-0.28, 0.20), (-0.08, 0.36), (-0.18, 0.15), (-0.14, 0.15), (0.1, 0.20), (0.05, 0.18), (-0.08, 0.24), (-0.05, 0.2),
        (0.45, 0.2), (0.75, 0.25), (0.3, 0.3), (0.3, 0.3), (0.4, 0.3),
    ]

    /// The same for everybody and every seed.
    static func commonOffset(_ first: UInt8, _ second: UInt8) -> Double {
        var dice = SeededGenerator(of: 0x70_6169_7273, UInt64(first) << 8 | UInt64(second))
        return dice.normal(0, commonPairDeviation)
    }
}

extension PairClass {
    var isRoll: Bool { [.leftInward, .leftOutward, .rightInward, .rightOutward].contains(self) }
    var isAlternation: Bool { self == .fromLeft || self == .fromRight }
}
