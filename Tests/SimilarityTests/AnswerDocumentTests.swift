import Foundation
import Ledger
import Primitives
import Testing

@testable import Similarity

@Suite struct AnswerDocumentTests {
    private let day = Day(number: 20_000)

    private func head(of origin: OriginID, issuedAt: UInt64, lifetimeSeconds: UInt32) throws -> Head {
        try #require(
            Head(
                origin: origin, position: HeadPosition(generation: 2, sequence: 41), issuedAt: Timestamp(milliseconds: issuedAt),
                lifetimeSeconds: lifetimeSeconds, manifestRoot: Digest(bytes: [UInt8](repeating: 0, count: 32))!, entryCount: 0, sightingCount: 0,
                dataByteCount: 0, historyRoot: Digest(bytes: [UInt8](repeating: 0, count: 32))!))
    }

    /// The example of `Protocol/answers.md` §2, letter by letter.
    @Test func aSimHashAnswerIsThisText() throws {
        var samples = Samples(seed: 1)
        var index = SightingIndex(own: origin(0x11))
        let seen = [
            Seen(code: [0x0123_4567_89AB_CDEE], origin: origin(0x22), day: day, sessions: 3, strength: 8),
            Seen(code: [0xFEDC_BA98_7654_3210], origin: origin(0x22), day: day, sessions: 1, strength: 9),
        ]
        index.add(samples.bucket(seen, on: day), of: origin(0x22))
        index.set(try head(of: origin(0x22), issuedAt: 1_728_000_000_000, lifetimeSeconds: 60))
        let text = index.ask([0x0123_4567_89AB_CDEF], in: .sessionSimHash1, .nearest(1)).document(at: Timestamp(milliseconds: 1_728_000_059_999))
        let histogram = ([0, 1] + [Int](repeating: 0, count: 62) + [1]).map { "\($0)" }.joined(separator: ",")
        let operator22 = String(repeating: "22", count: 32)
        #expect(
            text == #"{"seen":true,"operators":1,"seen_by_own":false,"sessions":3,"own_sessions":0,"first_day":"2024-10-04","last_day":"2024-10-04","#
                + #""radius":8,"nearest_distance":1,"matches":[{"code":"0123456789abcdee","distance":1,"origin":"\#(operator22)","day":"2024-10-04","#
                + #""sessions":3,"strength":8,"own":false}],"histogram":[\#(histogram)],"stream":{"kind":1,"schema_version":1},"#
                + #""freshness":[{"origin":"\#(operator22)","generation":2,"sequence":41,"issued_at_ms":1728000000000,"current":true}]}"#)
    }

    @Test func aDomainAnswerIsThisText() throws {
        var samples = Samples(seed: 2)
        let domain = try #require(DomainName("victim.example"))
        var index = SightingIndex(own: origin(0x22))
        index.add(samples.domainBucket([SmtpTargetSighting(day: day, domain: domain, count: 5, attackers: 2)], on: day), of: origin(0x22))
        let operator22 = String(repeating: "22", count: 32)
        #expect(
            index.ask(domain).document(at: .zero)
                == #"{"domain":"victim.example","seen":true,"operators":0,"seen_by_own":true,"reported_count":5,"own_reported_count":5,"#
                + #""attacker_days":2,"own_attacker_days":2,"days":1,"first_day":"2024-10-04","last_day":"2024-10-04","#
                + #""matches":[{"origin":"\#(operator22)","day":"2024-10-04","reported_count":5,"attackers":2,"own":true}],"#
                + #""stream":{"kind":2,"schema_version":1},"freshness":[]}"#)
    }

    @Test func whatIsNotThereIsNull() throws {
        let index = SightingIndex(own: origin(1))
        let object = try #require(
            try JSONSerialization.jsonObject(with: Data(index.ask([7], in: .sessionSimHash1, .nearest(3)).document(at: .zero).utf8)) as? [String: Any])
        for key in ["first_day", "last_day", "nearest_distance"] { #expect(object[key] is NSNull, "\(key)") }
        #expect((object["histogram"] as? [Int]) == [Int](repeating: 0, count: 65))
        #expect((object["matches"] as? [Any])?.isEmpty == true)
    }

    /// A head counts as current until its lifetime has passed, and no millisecond longer.
    @Test func freshnessIsToTheMillisecond() throws {
        var index = SightingIndex(own: origin(1))
        index.set(try head(of: origin(2), issuedAt: 1_000, lifetimeSeconds: 2))
        let answer = index.ask([7], in: .sessionSimHash1, .within(8))
        #expect(answer.document(at: Timestamp(milliseconds: 2_999)).contains(#""current":true"#))
        #expect(answer.document(at: Timestamp(milliseconds: 3_000)).contains(#""current":false"#))
    }

    @Test func originsAreNamedInOrderEachWithItsNewestHead() throws {
        var index = SightingIndex(own: origin(1))
        for number: UInt8 in [9, 3, 200, 3] { index.set(try head(of: origin(number), issuedAt: UInt64(number), lifetimeSeconds: 1)) }
        #expect(index.freshnessOfOrigins.map(\.origin) == [origin(3), origin(9), origin(200)])
    }

    @Test func codesOfAnyWidthAreHexDigitsMostSignificantFirst() {
        var samples = Samples(seed: 3, wordsPerCode: 2)
        var index = SightingIndex(own: origin(1))
        index.add(samples.bucket([Seen(code: [0xA, 0xB], origin: origin(2), day: day, sessions: 1, strength: 0)], on: day), of: origin(2))
        let text = index.ask([0xA, 0xB], in: .sessionSimHash1, .nearest(1)).document(at: .zero)
        #expect(text.contains(#""code":"000000000000000a000000000000000b""#))
    }

    /// Every control character, both that JSON reserves, and letters of other scripts come back as they went in.
    @Test func everyTextSurvivesTheWriter() throws {
        var texts = (0...0x7F).compactMap { Unicode.Scalar($0) }.map { "a\($0)z" }
        texts += ["\"\\\"", "é\u{301}漢🦊", "\u{2028}\u{2029}", ""]
        var json = JSONText()
        json.object { json in
            json.array("texts") { json in for text in texts { json.value(nil, text) } }
            json.object("empty") { _ in }
            json.array("none") { _ in }
            json.value("largest", UInt64.max)
            json.value("no \"key\"", false)
        }
        #expect(!json.text.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x7F })
        let object = try #require(try JSONSerialization.jsonObject(with: Data(json.text.utf8)) as? [String: Any])
        let read = try #require(object["texts"] as? [String])
        #expect(read.map { Array($0.unicodeScalars) } == texts.map { Array($0.unicodeScalars) })
        #expect((object["largest"] as? NSNumber)?.uint64Value == .max)
        #expect(object["no \"key\""] as? Bool == false)
        #expect((object["empty"] as? [String: Any])?.isEmpty == true && (object["none"] as? [Any])?.isEmpty == true)
    }
}
