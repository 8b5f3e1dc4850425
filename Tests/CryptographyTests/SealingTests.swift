import Primitives
import Testing

@testable import Cryptography

@Suite struct SealingTests {
    struct File: Decodable {
        struct Good: Decodable {
            let name, counter: String
            let key, header, plaintext, sealed: HexBytes
        }
        struct Bad: Decodable {
            let name, counter: String
            let key, header, sealed: HexBytes
        }
        let good: [Good]
        let bad: [Bad]
    }

    @Test func sealingIsThatOfRFC8439() throws {
        for vector in try vectors("cryptography/sealing.json", as: File.self).good {
            let key = try SealingKey(SecretBytes(copying: vector.key.bytes)).orThrow("no key")
            let counter = try UInt64(vector.counter).orThrow("no counter")
            let sealed = key.seal(vector.plaintext.bytes, counter: counter, authenticating: vector.header.bytes)
            #expect(sealed == vector.sealed.bytes, "\(vector.name)")
            #expect(key.open(sealed, counter: counter, authenticating: vector.header.bytes) == vector.plaintext.bytes, "\(vector.name)")
        }
    }

    @Test func whatWasChangedDoesNotOpen() throws {
        for vector in try vectors("cryptography/sealing.json", as: File.self).bad {
            let key = try SealingKey(SecretBytes(copying: vector.key.bytes)).orThrow("no key")
            let counter = try UInt64(vector.counter).orThrow("no counter")
            #expect(key.open(vector.sealed.bytes, counter: counter, authenticating: vector.header.bytes) == nil, "\(vector.name)")
        }
    }

    @Test(arguments: [0, 31, 33]) func aKeyHas32Bytes(count: Int) {
        #expect(SealingKey(SecretBytes(copying: [UInt8](repeating: 1, count: count))) == nil)
        #expect(AgreementKey(secret: SecretBytes(copying: [UInt8](repeating: 1, count: count))) == nil)
    }
}

@Suite struct KeyAgreementTests {
    struct File: Decodable {
        struct Good: Decodable {
            let name: String
            let secret, `public`, peer, shared: HexBytes
        }
        struct Iteration: Decodable {
            let count: Int
            let result: HexBytes
        }
        struct Bad: Decodable {
            let name: String
            let secret, peer: HexBytes
        }
        let good: [Good]
        let iterations: [Iteration]
        let bad: [Bad]
    }

    @Test func agreementIsThatOfRFC7748() throws {
        for vector in try vectors("cryptography/x25519.json", as: File.self).good {
            let key = try AgreementKey(secret: SecretBytes(copying: vector.secret.bytes)).orThrow("no key")
            #expect(key.publicKey.bytes == vector.public.bytes, "\(vector.name)")
            #expect(key.agree(with: TransportKey(try vector.peer.bytes32)) == vector.shared.bytes, "\(vector.name)")
        }
    }

    /// RFC 7748 §5.2: each result becomes the next scalar.
    @Test func aThousandAgreementsInARowEndWhereTheyShould() throws {
        let iterations = try vectors("cryptography/x25519.json", as: File.self).iterations
        var scalar = [9] + [UInt8](repeating: 0, count: 31)
        var point = scalar
        for count in 1...1_000 {
            let key = try AgreementKey(secret: SecretBytes(copying: scalar)).orThrow("no key")
            let result = try key.agree(with: TransportKey(bytes: point).orThrow("no point")).orThrow("no result")
            (scalar, point) = (result, scalar)
            for vector in iterations where vector.count == count { #expect(scalar == vector.result.bytes, "after \(count)") }
        }
        #expect(iterations.map(\.count) == [1, 1_000])
    }

    @Test func aKeyThatGivesZerosIsRefused() throws {
        let bad = try vectors("cryptography/x25519.json", as: File.self).bad
        #expect(bad.count == 14)
        for vector in bad {
            let key = try AgreementKey(secret: SecretBytes(copying: vector.secret.bytes)).orThrow("no key")
            #expect(key.agree(with: TransportKey(try vector.peer.bytes32)) == nil, "\(vector.name)")
        }
    }

    @Test func bothSidesAgree() throws {
        var random = SeededGenerator(seed: 11)
        let (one, two) = (AgreementKey(using: &random), AgreementKey(using: &random))
        let shared = try one.agree(with: two.publicKey).orThrow("no agreement")
        #expect(two.agree(with: one.publicKey) == shared)
        #expect(try AgreementKey(secret: one.secretBytes()).orThrow("no key").publicKey == one.publicKey)
    }
}

@Suite struct SecretBytesTests {
    @Test func aSecretIsComparedAndCutAsBytes() {
        let secret = SecretBytes(copying: [1, 2, 3])
        let same = SecretBytes(copying: [1, 2, 3])
        let other = SecretBytes(copying: [1, 2, 4])
        let longer = SecretBytes(copying: [1, 2, 3, 0])
        // A macro would copy its operands, and a secret cannot be copied.
        let verdicts = [secret == same, secret == other, secret == longer, secret == secret.copy()]
        #expect(verdicts == [true, false, false, true])
        let (two, all) = (secret.prefix(2).exposed(), secret.prefix(9).exposed())
        #expect(two == [1, 2])
        #expect(all == [1, 2, 3])
    }

    @Test func anEmptySecretIsNoTrap() {
        let secret = SecretBytes(copying: [])
        let exposed = secret.exposed()
        #expect(exposed.isEmpty)
    }

    @Test func wipingLeavesZeros() {
        var bytes: [UInt8] = [1, 2, 3]
        SecretBytes.wipe(&bytes)
        #expect(bytes == [0, 0, 0])
    }
}
