import Cryptography
import NodeRuntime
import Primitives
import Testing
import WireFormat

@Suite struct InviteTokenTests {
    static func token(seed: UInt64) -> InviteToken {
        var random = SeededGenerator(seed: seed)
        return InviteToken(
            meshRoot: SigningKey(using: &random).verifyingKey, sponsor: OriginID(SigningKey(using: &random).verifyingKey.raw),
            transportKey: AgreementKey(using: &random).publicKey, inviteID: InviteID(using: &random), secret: random.bytes(count: 32),
            notAfter: Timestamp(milliseconds: 1_790_000_000_000),
            addresses: ["honey.example.edu:7946", "[2001:db8::7]:7946/7947", "192.0.2.1:1"].compactMap { NetworkAddress($0) })
    }

    @Test(arguments: [1, 2, 3] as [UInt64]) func aTokenSurvivesBeingALineOfText(seed: UInt64) throws {
        let token = Self.token(seed: seed)

        let read = try InviteToken("  \(token.text)\n")

        #expect(read.text == token.text && read.addresses == token.addresses && read.secret == token.secret && read.mesh == token.mesh)
        #expect(token.addresses.count == 3)
        #expect(token.text.utf8.allSatisfy { (0x21...0x7E).contains($0) })
    }

    @Test func everyShorterAndEveryChangedTokenIsRefused() {
        let text = Array(Self.token(seed: 4).text)
        for length in 0..<text.count { #expect(throws: InviteTokenError.self) { try InviteToken(String(text[..<length])) } }
        for place in text.indices {
            var changed = text
            changed[place] = changed[place] == "A" ? "B" : "A"
            #expect(throws: InviteTokenError.self) { try InviteToken(String(changed)) }
        }
    }

    @Test func somethingElseIsNamed() {
        #expect(throws: InviteTokenError.notAToken) { try InviteToken("hello") }
        #expect(throws: InviteTokenError.damaged) { try InviteToken("hearsay1:") }
        #expect(throws: InviteTokenError.damaged) { try InviteToken("hearsay1:" + String(repeating: "A", count: 10_000)) }
    }
}
