import Testing

@testable import Keystrokes

@Suite struct FingerprintEdgeTests {
    /// Keys 100 ms apart, each with its echo.
    static func type(_ text: String, into builder: inout FingerprintBuilder, from start: Int64 = 0, step: Int64 = 100_000, isEchoed: Bool = true) {
        for (index, key) in text.utf8.enumerated() {
            builder.add(microseconds: start + Int64(index) * step, kind: .input, data: [key])
            if isEchoed { builder.add(microseconds: start + Int64(index) * step + 1, kind: .output, data: [key]) }
        }
    }

    static func keptPairCount(_ text: String, step: Int64 = 100_000) -> Int? {
        var builder = FingerprintBuilder()
        type(text, into: &builder, step: step)
        return builder.finish()?.keptPairCount
    }

    @Test func withoutOutputThereIsNoFingerprint() {
        var builder = FingerprintBuilder()
        Self.type(String(repeating: "abcd", count: 30), into: &builder, isEchoed: false)
        #expect(builder.finish() == nil)
        #expect(FingerprintBuilder().finish() == nil)
    }

    @Test func aKeyHeldDownIsNoTyping() {
        #expect(Self.keptPairCount("abb") == 2, "ab, bb")
        #expect(Self.keptPairCount("abbb") == 1, "ab")
        #expect(Self.keptPairCount("abbbc") == 2, "ab, bc")
        #expect(Self.keptPairCount("a\u{7F}\u{7F}b") == 2, "Backspace twice is no pair, with its neighbours it is")
    }

    @Test func pairsAreAboveZeroAndAtMostOneAndAHalfSecondsApart() {
        #expect(Self.keptPairCount("abc", step: 1_500_000) == 2)
        #expect(Self.keptPairCount("abc", step: 1_500_001) == 0)
        #expect(Self.keptPairCount("abc", step: 1) == 2)
        #expect(Self.keptPairCount("abc", step: 0) == 0)
        #expect(Self.keptPairCount("abc", step: -1) == 0)
    }

    @Test func noPairGoesAcrossAPasteOrAHiddenLine() {
        var pasted = FingerprintBuilder()
        Self.type("ab", into: &pasted)
        pasted.add(microseconds: 250_000, kind: .input, data: Array("xyz".utf8))
        Self.type("cd", into: &pasted, from: 300_000)
        #expect(pasted.finish()?.keptPairCount == 2)

        var hidden = FingerprintBuilder()
        Self.type("ab\r", into: &hidden)
        Self.type("secret\r", into: &hidden, from: 300_000, isEchoed: false)
        Self.type("cd", into: &hidden, from: 1_000_000)
        #expect(hidden.finish()?.keptPairCount == 3, "ab, b Enter, cd")
    }

    @Test func anOverlongLineEndsWithItsEnter() {
        var builder = FingerprintBuilder(lineLimit: 5, echoLimit: 100)
        Self.type("abcdef\rabc\r", into: &builder)
        #expect(builder.finish()?.keptPairCount == 3, "ab, bc, c Enter of the second line")
    }

    @Test(arguments: [.nan, .infinity, -.infinity, 1.1e12, -1.1e12, .greatestFiniteMagnitude] as [Double])
    func eventsAtImpossibleTimesArePassedOver(time: Double) {
        var builder = FingerprintBuilder()
        builder.add(time: time, kind: .output, data: [0x24])
        #expect(builder.finish() == nil)
    }

    @Test(arguments: [Int64.min, -1_000_000_000_000_000_001, 1_000_000_000_000_000_001, .max])
    func microsecondsHaveTheSameLimit(time: Int64) {
        var builder = FingerprintBuilder()
        builder.add(microseconds: time, kind: .output, data: [0x24])
        #expect(builder.finish() == nil)
    }

    @Test func theFurthestTimesAllowedDoNotTrap() {
        var builder = FingerprintBuilder()
        for time in [1e12, -1e12, 1e12] { builder.add(time: time, kind: .input, data: [0x61]) }
        builder.add(time: 0, kind: .output, data: Array("aaa".utf8))
        #expect(builder.finish()?.keptPairCount == 0)
    }

    /// Bytes of any value as keys and as echo, escapes above all.
    @Test(arguments: [1, 2, 3] as [UInt64]) func arbitraryBytesDoNotTrap(seed: UInt64) {
        var dice = Dice(seed: seed)
        let favourites: [UInt8] = [0x1B, 0x5B, 0x5D, 0x07, 0x5C, 0x0D, 0x61, 0xC3, 0xA4, 0xE2, 0xF0, 0x80]
        var builder = FingerprintBuilder(lineLimit: 50, echoLimit: 200)
        for index in 0..<20_000 {
            let data = (0..<Int.random(in: 0...5, using: &dice)).map { _ in
                Bool.random(using: &dice) ? UInt8.random(in: 0...255, using: &dice) : favourites.randomElement(using: &dice) ?? 0
            }
            let kind: SessionEventKind = [.input, .output, .other].randomElement(using: &dice) ?? .other
            builder.add(microseconds: Int64(index) * 50_000, kind: kind, data: data)
        }
        #expect((builder.finish()?.keptPairCount ?? 0) > 0, "seed \(seed)")
    }

    @Test func divisionRoundsDown() {
        #expect([(7, 2), (-7, 2), (-8, 2), (-1, 96), (0, 5)].map { floorDivide($0.0, by: $0.1) } == [3, -4, -4, -1, 0])
    }
}
