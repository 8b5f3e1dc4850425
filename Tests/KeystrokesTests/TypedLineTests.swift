import Foundation
import Testing

@testable import Keystrokes

@Suite struct TypedLineTests {
    static func isHidden(_ keys: [String], echo: [String], eventLimit: Int = 1_000, echoLimit: Int = 1_000) -> Bool {
        var line = TypedLine(eventLimit: eventLimit, echoLimit: echoLimit)
        for key in keys { line.type(TypedLine.Event(time: 0, key: KeyText.singleKey(in: Array(key.utf8).span))) }
        for text in echo { line.show(Array(text.utf8).span) }
        return line.isHidden()
    }

    static func keys(_ text: String) -> [String] { text.unicodeScalars.map { String($0) } }

    @Test func aLineIsHiddenIfLessThanHalfOfItComesBack() {
        #expect(Self.isHidden(Self.keys("secret\r"), echo: ["\r\n"]))
        #expect(Self.isHidden(Self.keys("secret\r"), echo: ["se", "\r\n"]))
        #expect(!Self.isHidden(Self.keys("secret\r"), echo: ["s", "e", "c"]))
        #expect(Self.isHidden(Self.keys("secret\r"), echo: ["******"]))
        #expect(!Self.isHidden(["\r"], echo: []))
        #expect(!Self.isHidden(["\u{7F}", "\u{1B}[A", "\r"], echo: []), "nothing printable, so nothing to hide")
    }

    @Test func theOrderOfTheEchoCounts() {
        #expect(!Self.isHidden(Self.keys("abcd"), echo: ["xaxb"]))
        #expect(Self.isHidden(Self.keys("abcd"), echo: ["dcba"]))
        #expect(!Self.isHidden(Self.keys("äöü€"), echo: ["ä€"]))
        #expect(Self.isHidden(Self.keys("äöü€"), echo: ["€ä"]))
    }

    @Test(arguments: [
        ("\u{1B}[1;31mls", "ls"), ("\u{1B}]0;secret\u{07}ls", "ls"), ("\u{1B}]0;secret\u{1B}\\ls", "ls"), ("\u{1B}Mls", "ls"), ("\u{1B}]0;ls", "0;ls"),
        ("\u{1B}[12", "\u{1B}[12"), ("\u{1B}[1\u{07}", "\u{1B}[1\u{07}"), ("\u{1B}", "\u{1B}"), ("\u{1B}[ qls", "ls"), ("a\u{1B}(B", "a\u{1B}(B"),
    ]) func escapesAreNoEcho(printed: String, shown: String) {
        var keys: [UInt32] = []
        EchoText.appendKeys(of: Array(printed.utf8).span, to: &keys)
        #expect(keys == shown.unicodeScalars.map(\.value))
    }

    /// Compared with searching every key to the end.
    @Test(arguments: [1, 2] as [UInt64]) func itAgreesWithTheSlowSearch(seed: UInt64) {
        var dice = Dice(seed: seed)
        let alphabet = Self.keys("abcdeä€\u{1}")
        var hiddenCount = 0
        for _ in 0..<2_000 {
            let typed = (0..<Int.random(in: 0...9, using: &dice)).compactMap { _ in alphabet.randomElement(using: &dice) }
            let echo = (0..<Int.random(in: 0...12, using: &dice)).compactMap { _ in alphabet.randomElement(using: &dice) }
            var (rest, found) = (echo[...], 0)
            let printable = typed.filter { $0 != "\u{1}" }
            for key in printable {
                guard let place = rest.firstIndex(of: key) else { continue }
                rest = rest[(place + 1)...]
                found += 1
            }
            let expected = 2 * found < printable.count
            #expect(Self.isHidden(typed, echo: echo) == expected, "seed \(seed): \(typed) \(echo)")
            if expected { hiddenCount += 1 }
        }
        #expect((200...1_800).contains(hiddenCount), "both kinds occur")
    }

    @Test func anOverlongLineIsHidden() {
        #expect(!Self.isHidden(Self.keys("abcd"), echo: ["abcd"], eventLimit: 4))
        #expect(Self.isHidden(Self.keys("abcde"), echo: ["abcde"], eventLimit: 4))
    }

    @Test func whatIsPrintedBeyondTheLimitIsNoEcho() {
        #expect(!Self.isHidden(Self.keys("abcd"), echo: ["xx", "abcd"], echoLimit: 4))
        #expect(Self.isHidden(Self.keys("abcd"), echo: ["xx", "abcd"], echoLimit: 3))
    }
}
