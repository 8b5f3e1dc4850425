import Primitives
import Testing

@Suite struct DomainNameTests {
    @Test(arguments: ["a.b", "example.org", "xn--zrich-kva.example", "1.2.3.a4", "a-b.c-d", String(repeating: "a", count: 63) + ".org"])
    func aNameInNormalFormIsTaken(text: String) {
        #expect(DomainName(text)?.text == text)
        #expect(DomainName(text)?.bytes == Array(text.utf8))
    }

    @Test(arguments: [
        "", "a", "ab", "localhost", ".a.b", "a.b.", "a..b", "-a.b", "a-.b", "a.-b", "a.b-", "A.b", "a_b.c", "a b.c", "a.1", "192.0.2.1", "ä.de", "a.b\0",
        "info@a.b",
        String(repeating: "a", count: 64) + ".org",
    ])
    func anyOtherIsRefused(text: String) { #expect(DomainName(text) == nil) }

    @Test func aNameHasAtMost253Bytes() {
        let label = String(repeating: "a", count: 63)
        let longest = [label, label, label, String(repeating: "a", count: 61)].joined(separator: ".")
        #expect(longest.utf8.count == 253)
        #expect(DomainName(longest) != nil)
        #expect(DomainName(longest + "a") == nil)
    }

    @Test func namesAreOrderedAsBytes() throws {
        let names = try ["a-b.c", "a.b", "a.c", "aa.b"].map { try #require(DomainName($0)) }
        #expect(names.sorted() == names)
    }

    @Test(arguments: [1, 2] as [UInt64]) func noiseNeverTraps(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let letters = Array("ab.-1A_".utf8)
        for _ in 0..<5_000 {
            let bytes = (0..<random.number(below: 12)).map { _ in letters[Int(random.number(below: UInt64(letters.count)))] }
            guard let name = DomainName(bytes) else { continue }
            #expect(name.bytes == bytes, "seed \(seed)")
            #expect(!bytes.contains(UInt8(ascii: "A")) && !bytes.contains(UInt8(ascii: "_")), "seed \(seed)")
        }
    }
}

@Suite struct BytesTests {
    @Test func hexadecimalTextComesBack() {
        #expect(Hex.encode([0, 15, 255]) == "000fff")
        #expect(Hex.decode("000Fff") == [0, 15, 255])
        #expect(Hex.decode("") == [])
        for text in ["0", "0g", "g0", " 00", "00 ", "0x00", "é0", "٠٠"] { #expect(Hex.decode(text) == nil, "\(text)") }
    }

    @Test(arguments: [1, 2, 3] as [UInt64]) func thirtyTwoBytesAreOrderedAsBytes(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<500 {
            let left = random.bytes(count: 32)
            var right = left
            right[Int(random.number(below: 32))] = UInt8(truncatingIfNeeded: random.next())
            let (one, two) = try (#require(Bytes32(left)), #require(Bytes32(right)))
            #expect((one < two) == left.lexicographicallyPrecedes(right), "seed \(seed)")
            #expect((one == two) == (left == right), "seed \(seed)")
            #expect(one.bytes == left && Bytes32(hex: one.hex) == one, "seed \(seed)")
        }
    }

    @Test(arguments: [0, 31, 33, 64]) func thirtyTwoBytesAreNoOtherNumber(count: Int) {
        #expect(Bytes32([UInt8](repeating: 1, count: count)) == nil)
        #expect(Bytes32(hex: String(repeating: "01", count: count)) == nil)
    }

    @Test func theNameOfAnInvitationHasSixteenBytes() {
        var random = SeededGenerator(seed: 1)
        let name = InviteID(using: &random)
        #expect(InviteID(bytes: name.bytes) == name)
        #expect(name.bytes.count == 16 && name.description.utf8.count == 32)
        #expect(InviteID(bytes: name.bytes.dropLast()) == nil)
        #expect(InviteID(bytes: name.bytes + [0]) == nil)
    }
}
