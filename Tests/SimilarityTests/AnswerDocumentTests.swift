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

    private func ask(_ index: SightingIndex, _ code: UInt64, in stream: StreamID = .sessionSimHash1, nearest: Int? = nil) throws -> TypistAnswer {
        index.ask(try #require(TypistQuestion([.init(code: code, lengthClass: 2)], in: stream, selection: nearest.map { .nearest($0) })))
    }

    /// The example of `Protocol/answers.md` §2, letter by letter.
    @Test func aTypistAnswerIsThisText() throws {
        var samples = Samples(seed: 1)
        var index = SightingIndex(own: origin(0x11))
        let seen = [
            Seen(code: [0x0123_4567_89AB_CDEE], origin: origin(0x22), day: day, sessions: 3, strength: 1),
            Seen(code: [0xFEDC_BA98_7654_3210], origin: origin(0x22), day: day, sessions: 1, strength: 2),
        ]
        let records = seen.map { Record(key: Hex.decode(Hex.encode($0.code[0])) ?? [], value: [0, UInt8($0.sessions), $0.strength]) }
        index.add(samples.bucket(records, on: day, of: .sessionSimHash2, keyByteCount: 8, valueByteCount: 3), of: origin(0x22))
        index.set(try head(of: origin(0x22), issuedAt: 1_728_000_000_000, lifetimeSeconds: 60))
        let text = try ask(index, 0x0123_4567_89AB_CDEF, in: .sessionSimHash2).document(at: Timestamp(milliseconds: 1_728_000_059_999))
        let histogram = ([0, 1] + [Int](repeating: 0, count: 62) + [1]).map { "\($0)" }.joined(separator: ",")
        let operator22 = String(repeating: "22", count: 32)
        #expect(
            text
                == #"{"stream":{"kind":1,"schema_version":2},"candidates_searched":2,"prior":null,"confidence":{"table":"fingerprint-2/1","source":"\#(ConfidenceTable.fingerprint2.source)"},"#
                + #""sessions_asked":[{"code":"0123456789abcdef","length_class":2,"seen":true,"operators":1,"seen_by_own":false,"sessions":3,"own_sessions":0,"#
                + #""first_day":"2024-10-04","last_day":"2024-10-04","radius":10,"nearest_distance":1,"noise":false,"candidates":[{"code":"0123456789abcdee","#
                + #""distance":1,"origin":"\#(operator22)","day":"2024-10-04","sessions":3,"strength":1,"own":false,"as_near":1,"decibans":15,"#
                + #""likelihood_ratio":31.62,"posterior_odds":15.81,"words":"weak support: 1 candidate in 32 looks like this by chance, likely none of the 2 searched; "#
                + #"odds 16 to 1 for the same typist, if among them at all"}],"histogram":[\#(histogram)]}],"together":[],"#
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
                == #"{"domain":"victim.example","seen":true,"operators":0,"seen_by_own":true,"noise":false,"reported_count":5,"own_reported_count":5,"#
                + #""attacker_days":2,"own_attacker_days":2,"days":1,"first_day":"2024-10-04","last_day":"2024-10-04","#
                + #""matches":[{"origin":"\#(operator22)","day":"2024-10-04","reported_count":5,"attackers":2,"own":true}],"#
                + #""stream":{"kind":2,"schema_version":1},"freshness":[]}"#)
    }

    @Test func whatIsNotThereIsNull() throws {
        let index = SightingIndex(own: origin(1))
        let answer = try #require(
            try JSONSerialization.jsonObject(with: Data(ask(index, 7, nearest: 3).document(at: .zero).utf8)) as? [String: Any])
        let object = try #require((answer["sessions_asked"] as? [[String: Any]])?.first)
        for key in ["first_day", "last_day", "nearest_distance"] { #expect(object[key] is NSNull, "\(key)") }
        #expect((object["histogram"] as? [Int]) == [Int](repeating: 0, count: 65))
        #expect((object["candidates"] as? [Any])?.isEmpty == true)
        #expect(answer["confidence"] is NSNull && answer["prior"] is NSNull)
    }

    /// A head counts as current until its lifetime has passed, and no millisecond longer.
    @Test func freshnessIsToTheMillisecond() throws {
        var index = SightingIndex(own: origin(1))
        index.set(try head(of: origin(2), issuedAt: 1_000, lifetimeSeconds: 2))
        let answer = try ask(index, 7)
        #expect(answer.document(at: Timestamp(milliseconds: 2_999)).contains(#""current":true"#))
        #expect(answer.document(at: Timestamp(milliseconds: 3_000)).contains(#""current":false"#))
    }

    @Test func originsAreNamedInOrderEachWithItsNewestHead() throws {
        var index = SightingIndex(own: origin(1))
        for number: UInt8 in [9, 3, 200, 3] { index.set(try head(of: origin(number), issuedAt: UInt64(number), lifetimeSeconds: 1)) }
        #expect(index.freshnessOfOrigins.map(\.origin) == [origin(3), origin(9), origin(200)])
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
