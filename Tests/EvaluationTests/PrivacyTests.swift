import Evaluation
import Keystrokes
import Primitives
import Testing

/// What a code betrays: version 1 is the control throughout, for a test that it passed too would be none. `swift test --filter PrivacyTests` runs
/// the seeds again.
@Suite struct PrivacyTests {
    static let seeds: [UInt64] = [1, 2, 3, 4]
    /// With all seeds 10,000.
    static let sessionsPerSeed = 2_500

    /// A session with at least one password prompt, long enough for both codes.
    static func session(_ number: Int, seed: UInt64, using dice: inout SeededGenerator) -> (typist: SyntheticTypist, script: SyntheticScript) {
        let typist = SyntheticTypist(seed: seed, person: number)
        let script = typist.script(.shell, keyCount: 110 + number % 50, session: 0)
        return (typist, script.hiddenLines.isEmpty ? script.addingPasswordPrompt(using: &dice) : script)
    }

    static func codes(_ script: SyntheticScript, by typist: SyntheticTypist) -> (version1: SessionProfile, version2: Fingerprint2?) {
        SyntheticSession(script, by: typist, session: 0, day: 0).codes()
    }

    @Test(arguments: seeds) func anotherHiddenPasswordChangesNoVersion2CodeAndNearlyAllOfVersion1(seed: UInt64) throws {
        var dice = SeededGenerator(seed: seed)
        var changed = (version1: 0, version2: 0)
        for number in 0..<Self.sessionsPerSeed {
            let (typist, script) = Self.session(number, seed: seed, using: &dice)
            let one = Self.codes(script, by: typist)
            let other = Self.codes(script.replacingPasswords(using: &dice), by: typist)

            _ = try #require(one.version2?.code, "seed \(seed), session \(number)")
            _ = try #require(one.version1.digraphSimHash as UInt64?, "seed \(seed), session \(number)")
            if other.version2 != one.version2 { changed.version2 += 1 }
            if one.version1.digraphSimHash != other.version1.digraphSimHash { changed.version1 += 1 }
        }
        #expect(changed.version2 == 0, "seed \(seed)")
        #expect(changed.version1 > Self.sessionsPerSeed * 95 / 100, "seed \(seed)")
    }

    /// It is the filter that does it: a password that the terminal shows is in the code.
    @Test(arguments: [5] as [UInt64]) func aPasswordTypedWithEchoChangesTheCode(seed: UInt64) {
        var dice = SeededGenerator(seed: seed)
        var changedCount = 0
        for number in 0..<200 {
            let (typist, script) = Self.session(number, seed: seed, using: &dice)
            let one = Self.codes(script.echoingPasswords(), by: typist)
            let other = Self.codes(script.replacingPasswords(using: &dice).echoingPasswords(), by: typist)
            if one.version2?.code != other.version2?.code { changedCount += 1 }
        }
        #expect(changedCount > 160, "seed \(seed)")
    }

    /// Everybody types the same texts: are two people closer when both typed the same one?
    @Test(arguments: [SyntheticScript.Kind.shell, .prose], [6, 7] as [UInt64])
    func theSameSentenceBringsTypistsNoCloserInVersion2ButDoesInVersion1(kind: SyntheticScript.Kind, seed: UInt64) throws {
        let texts = (0..<8).map { SyntheticScript(kind, keyCount: kind == .prose ? 70 : 130, seed: seed &+ UInt64($0)) }
        let codes = (0..<60).map { person in
            let typist = SyntheticTypist(seed: seed, person: person)
            return texts.indices.map { text in
                let (version1, version2) = SyntheticSession(texts[text], by: typist, session: text, day: text).codes()
                return (version1: version1.digraphSimHash, version2: version2?.code)
            }
        }

        let version1 = try #require(Self.likelihoodThatTheSameTextIsCloser(codes.map { $0.map(\.version1) }))
        let version2 = try #require(Self.likelihoodThatTheSameTextIsCloser(codes.map { $0.map(\.version2) }))

        #expect(version2 <= 0.55, "seed \(seed)")
        #expect(version1 > 0.7, "seed \(seed)")
    }

    /// Between different persons only: the area under the curve, 0.5 if the text does not matter.
    private static func likelihoodThatTheSameTextIsCloser(_ codes: [[UInt64?]]) -> Double? {
        var (same, other) = ([UInt64](repeating: 0, count: 65), [UInt64](repeating: 0, count: 65))
        for (person, texts) in codes.enumerated() {
            for others in codes[(person + 1)...] {
                for (text, code) in texts.enumerated() {
                    for (otherText, otherCode) in others.enumerated() {
                        guard let code, let otherCode else { continue }
                        let distance = (code ^ otherCode).nonzeroBitCount
                        if text == otherText { same[distance] += 1 } else { other[distance] += 1 }
                    }
                }
            }
        }
        return DistanceCounts.probability(same, isBelow: other)
    }
}
