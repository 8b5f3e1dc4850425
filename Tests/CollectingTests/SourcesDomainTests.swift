import Foundation
import Testing

@testable import Collecting

@Suite struct SourcesDomainTests {
    private struct Vector: Decodable {
        let raw: String
        let domain: String?
    }

    /// Where we differ from DECNET's extraction: by what it was given, what we give, and why.
    private static let differences: [String: (ours: String?, reason: String)] = [
        "a@foo..com": (nil, "an empty label is no name"),
        "a@-foo-.com": (nil, "a label neither begins nor ends with a hyphen"),
        "a@foo.com1": (nil, "the name is taken whole: foo.com is somebody else's"),
        "a@foo.xn--p1ai": ("foo.xn--p1ai", "an international top level is one too; foo.xn is nobody's"),
        "a@bücher.example.com": ("xn--bcher-kva.example.com", "international names in their registered form"),
        "a@пример.рф": ("xn--e1afmkfd.xn--p1ai", "international names in their registered form"),
        "a@one.example.com,b@two.example.com": ("two.example.com", "lists are split before; in one address the last @ counts"),
        "a@foo.com:25": (nil, "a port is no part of an address: the whole is refused, not cut"),
        "a@foo.com-": (nil, "the name is taken whole"),
        "a@foo.com.-": (nil, "the name is taken whole"),
        "a@.foo.com": (nil, "an empty label is no name"),
        "a@example.corp": (nil, "corp is never delegated"),
    ]

    @Test func weDifferFromDecnetOnlyWhereWeSay() throws {
        let vectors = try JSONDecoder().decode([Vector].self, from: Data(try Samples.bytes("formats/smtp_domain_vectors.json")))
        #expect(vectors.count == 45)
        var unused = Set(Self.differences.keys)

        for vector in vectors {
            let ours = DomainNormalizer.domain(ofRecipient: vector.raw)?.text
            if let difference = Self.differences[vector.raw] {
                unused.remove(vector.raw)
                #expect(ours == difference.ours, "\(vector.raw): \(difference.reason)")
                #expect(ours != vector.domain, "\(vector.raw) is no difference")
            } else {
                #expect(ours == vector.domain, "\(vector.raw)")
            }
        }

        #expect(unused.isEmpty)
    }

    /// RFC 3492 §7.1 and names that are registered.
    @Test(arguments: [
        ("münchen.de", "xn--mnchen-3ya.de"), ("MÜNCHEN.DE", "xn--mnchen-3ya.de"), ("mu\u{308}nchen.de", "xn--mnchen-3ya.de"),
        ("他们为什么不说中文.com", "xn--ihqwcrb4cv8a8dqg056pqjye.com"), ("почемужеонинеговорятпорусски.com", "xn--b1abfaaepdrnnbgefbadotcwatmq2g4l.com"),
        ("例え.テスト", "xn--r8jz45g.xn--zckzah"), ("日本。jp", "xn--wgv71a.jp"), ("faß.de", "xn--fa-hia.de"),
    ])
    func internationalNamesTakeTheirRegisteredForm(text: String, encoded: String) {
        #expect(DomainNormalizer.domain(text)?.text == encoded)
    }

    @Test(arguments: [
        "", ".", "com", "com.", "a.b..", "192.0.2.1", "[192.0.2.1]", "2001:db8::1", "a_b.com", "a b.com", "x.test", "x.localhost", "x.local", "x.example",
        "x.invalid", "x.onion", "x.internal", "x.com1", "ｅxample.com", "ﬁ.com", "a\u{200D}b.com", "\u{301}a.com", "xn--ü.com", "-ü.com", "☃.com",
        "a\u{202E}b.com",
        "a\u{0}b.com",
        String(repeating: "a", count: 64) + ".com", String(repeating: "ü", count: 64) + ".com", String(repeating: "a.", count: 200) + "com",
        String(repeating: "ü.", count: 100_000),
    ])
    func whatIsNoPublicNameIsRefused(text: String) {
        #expect(DomainNormalizer.domain(text) == nil)
    }

    /// Nothing random comes out as anything but a name, and a name comes out as itself.
    @Test(arguments: [1, 2, 3] as [UInt64])
    func normalisingTwiceIsNormalisingOnce(seed: UInt64) {
        var dice = SeededDice(state: seed)
        let scalars = Array("abcz019-._@<> ÄüßжЯ中。\u{308}\u{200D}\u{0}".unicodeScalars)
        for _ in 0..<5_000 {
            var text = String.UnicodeScalarView()
            for _ in 0..<Int.random(in: 0...16, using: &dice) { text.append(scalars.randomElement(using: &dice) ?? "a") }
            text.append(contentsOf: ".com".unicodeScalars)
            guard let once = DomainNormalizer.domain(String(text)) else { continue }
            #expect(DomainNormalizer.domain(once.text) == once, "seed \(seed) \(String(text).debugDescription)")
        }
    }

    @Test(arguments: [
        ("mail.victim.co.uk", "victim.co.uk"), ("victim.com", "victim.com"), ("a.b.c.victim.xn--p1ai", "victim.xn--p1ai"), ("me.github.io", "me.github.io"),
    ])
    func theRegistrablePartIsByThePublicSuffixList(name: String, registrable: String) throws {
        #expect(DomainNormalizer.registrable(try #require(DomainNormalizer.domain(name)))?.text == registrable)
    }

    @Test(arguments: ["co.uk", "github.io"])
    func aPublicSuffixIsNobodys(name: String) throws {
        #expect(DomainNormalizer.registrable(try #require(DomainNormalizer.domain(name))) == nil)
    }
}
