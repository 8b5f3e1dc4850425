import Keystrokes
import Testing

/// What a code betrays. Run one seed again with `swift test --filter FingerprintPrivacyTests`; the seed stands in the message.
@Suite struct FingerprintPrivacyTests {
    static let sessionCount = 1_000

    /// Version 1 is the control: if its code did not change, the generated passwords would be no test.
    @Test(arguments: [1, 2, 3] as [UInt64]) func aHiddenPasswordChangesNoVersion2CodeAndNearlyAllOfVersion1(seed: UInt64) throws {
        var dice = Dice(seed: seed)
        var changed = (version1: 0, version2: 0)
        for _ in 0..<Self.sessionCount {
            let session = SyntheticSession(using: &dice)
            let one = SyntheticSession.codes(of: session.events(password: SyntheticSession.password(using: &dice)))
            let other = SyntheticSession.codes(of: session.events(password: SyntheticSession.password(using: &dice)))

            let code = try #require(one.version2?.code, "seed \(seed)")
            if other.version2?.code != code || other.version2 != one.version2 { changed.version2 += 1 }
            if try #require(one.version1, "seed \(seed)") != other.version1 { changed.version1 += 1 }
        }
        #expect(changed.version2 == 0, "seed \(seed)")
        #expect(changed.version1 > Self.sessionCount * 95 / 100, "seed \(seed)")
    }

    /// It is the filter that does it: what is echoed is in the code.
    @Test(arguments: [4] as [UInt64]) func aPasswordTypedWithEchoChangesTheCode(seed: UInt64) {
        var dice = Dice(seed: seed)
        var changedCount = 0
        for _ in 0..<100 {
            let session = SyntheticSession(using: &dice)
            let one = SyntheticSession.codes(of: session.events(password: SyntheticSession.password(using: &dice), isEchoed: true))
            let other = SyntheticSession.codes(of: session.events(password: SyntheticSession.password(using: &dice), isEchoed: true))
            if one.version2?.code != other.version2?.code { changedCount += 1 }
        }
        #expect(changedCount > 80, "seed \(seed)")
    }
}
