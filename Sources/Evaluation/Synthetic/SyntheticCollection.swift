import Keystrokes
import Primitives

/// So many synthetic typists with so many sessions each, one a day: what `hearsay evaluate --synthetic` measures.
public struct SyntheticCollection: Sendable {
    /// Of a session, correction not included; a session's own is drawn, as many short ones as long ones.
    public static let keyCounts = 80...2_000

    public let personCount: Int
    public let sessionCount: Int
    public let seed: UInt64
    /// `nil`: drawn from `keyCounts`.
    public let keyCount: Int?

    public init(personCount: Int, sessionCount: Int, keyCount: Int? = nil, seed: UInt64) {
        (self.personCount, self.sessionCount, self.keyCount, self.seed) = (personCount, sessionCount, keyCount, seed)
    }

    /// Three of four sessions are at a shell, the others prose.
    public func session(_ session: Int, of person: Int) -> SyntheticSession {
        let typist = SyntheticTypist(seed: seed, person: person)
        var dice = SeededGenerator(of: seed, UInt64(person), 6, UInt64(session))
        let kind: SyntheticScript.Kind = dice.happens(0.75) ? .shell : .prose
        let script = typist.script(kind, keyCount: keyCount ?? Self.drawKeyCount(using: &dice), session: session)
        return SyntheticSession(script, by: typist, session: session, day: session)
    }

    /// In every octave as many.
    private static func drawKeyCount(using dice: inout SeededGenerator) -> Int {
        Int(dice.octaves(from: Double(keyCounts.lowerBound), to: Double(keyCounts.upperBound)))
    }
}
