import Primitives
import Testing

@testable import Cryptography

@Suite struct SigningTests {
    struct File: Decodable {
        struct Good: Decodable {
            let name: String
            let seed: HexBytes?
            let key, message, signature: HexBytes
        }
        struct Bad: Decodable {
            let name, refusal: String
            let key, message, signature: HexBytes
        }
        struct Tagged: Decodable {
            let seed: HexBytes
            let tag: String
            let body, message, signature: HexBytes
        }
        let good: [Good]
        let bad: [Bad]
        let tags: [Tagged]
    }

    @Test func publishedSignaturesCount() throws {
        for vector in try vectors("cryptography/ed25519.json", as: File.self).good {
            let key = VerifyingKey(try vector.key.bytes32)
            #expect(key.verifies(vector.signature.bytes, onRaw: vector.message.bytes), "\(vector.name)")
            guard let seed = vector.seed else { continue }
            #expect(SigningKey(seed: SecretBytes(copying: seed.bytes))?.verifyingKey == key, "\(vector.name)")
        }
    }

    /// Small-order keys and R, S of L and more, encodings that are not canonical: refused although most of the equations hold.
    @Test func whatTheRulesForbidIsRefused() throws {
        let bad = try vectors("cryptography/ed25519.json", as: File.self).bad
        #expect(Set(bad.map(\.refusal)) == ["small-order-key", "small-order-r", "s-not-reduced", "non-canonical-key", "not-on-curve", "mismatch", "length"])
        for vector in bad {
            let key = VerifyingKey(try vector.key.bytes32)
            #expect(!key.verifies(vector.signature.bytes, onRaw: vector.message.bytes), "\(vector.refusal): \(vector.name)")
        }
    }

    @Test func aTagIsPaddedAndComesFirst() throws {
        let vector = try vectors("cryptography/ed25519.json", as: File.self).tags.first.orThrow("no vector")
        let key = try SigningKey(seed: SecretBytes(copying: vector.seed.bytes)).orThrow("no key")

        let signature = key.sign(vector.body.bytes, as: SignatureTag("hearsay/v1/head"))

        #expect(vector.tag == "hearsay/v1/head")
        #expect(signature.bytes == vector.signature.bytes)
        #expect(key.verifyingKey.verifies(signature, on: vector.body.bytes, as: SignatureTag("hearsay/v1/head")))
        #expect(key.verifyingKey.verifies(signature.bytes, onRaw: vector.message.bytes))
        #expect(!key.verifyingKey.verifies(signature, on: vector.body.bytes, as: SignatureTag("hearsay/v1/peer")))
        #expect(!key.verifyingKey.verifies(signature, on: vector.body.bytes + [0], as: SignatureTag("hearsay/v1/head")))
    }

    @Test func aSeedComesBackOutOfItsKey() throws {
        var random = SeededGenerator(seed: 7)
        let key = SigningKey(using: &random)
        let again = try SigningKey(seed: key.seed()).orThrow("no key")
        #expect(again.verifyingKey == key.verifyingKey)
        #expect(SigningKey(seed: SecretBytes(copying: [UInt8](repeating: 1, count: 31))) == nil)
        #expect(SigningKey(seed: SecretBytes(copying: [UInt8](repeating: 1, count: 33))) == nil)
    }

    @Test(arguments: [0, 1, 63, 65, 128]) func aSignatureHas64Bytes(count: Int) {
        #expect(Signature([UInt8](repeating: 0, count: count)) == nil)
    }

    /// Random keys, signatures and messages never trap and never count.
    @Test(arguments: [1, 2, 3] as [UInt64]) func noiseIsNoSignature(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<2_000 {
            let key = VerifyingKey(try Bytes32(random.bytes(count: 32)).orThrow("no key"))
            let signature = random.bytes(count: Int(random.number(below: 4)) == 0 ? Int(random.number(below: 200)) : 64)
            #expect(!key.verifies(signature, onRaw: random.bytes(count: Int(random.number(below: 64)))), "seed \(seed)")
        }
    }
}
