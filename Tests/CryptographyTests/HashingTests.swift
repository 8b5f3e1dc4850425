import Primitives
import Testing

@testable import Cryptography

@Suite struct HashingTests {
    struct Hashes: Decodable {
        struct Good: Decodable {
            let key: HexBytes?
            let input, hash: HexBytes
        }
        let good: [Good]
    }
    struct Streams: Decodable {
        struct Good: Decodable { let key, stream: HexBytes }
        let good: [Good]
    }
    struct Codes: Decodable {
        struct Good: Decodable {
            let name: String
            let key, message, mac: HexBytes
        }
        let good: [Good]
    }

    @Test func blake2bIsThatOfRFC7693() throws {
        for vector in try vectors("cryptography/blake2b.json", as: Hashes.self).good {
            let input = vector.input.bytes
            #expect(BLAKE2b.hash(input).bytes == vector.hash.bytes, "\(input.count) bytes")
            #expect(BLAKE2b.hash([9] + input + [9], range: 1..<1 + input.count).bytes == vector.hash.bytes, "a part of an array")

            var result = [UInt8](repeating: 0, count: 32)
            input.withUnsafeBytes { input in result.withUnsafeMutableBytes { BLAKE2b.hash(input, into: $0.baseAddress!) } }
            #expect(result == vector.hash.bytes, "\(input.count) bytes, in place")
        }
    }

    @Test func aRangeIsCutToWhatThereIs() {
        #expect(BLAKE2b.hash([1, 2, 3], range: 1..<99) == BLAKE2b.hash([2, 3]))
        #expect(BLAKE2b.hash([1, 2, 3], range: 7..<9) == BLAKE2b.hash([]))
    }

    @Test func sipHashIsThatOfItsPaper() throws {
        for vector in try vectors("cryptography/siphash.json", as: Hashes.self).good {
            let key = try vector.key.orThrow("no key").bytes
            let number = vector.hash.bytes.reduce(0) { $0 << 8 | UInt64($1) }
            let input = vector.input.bytes
            #expect(SipHash.hash(input, key: key) == number, "\(input.count) bytes")
            #expect(SipHash.hash([7] + input + [7], range: 1..<1 + input.count, key: key) == number, "a part of an array")
        }
    }

    @Test func chaCha20IsThatOfRFC8439() throws {
        for vector in try vectors("cryptography/chacha20.json", as: Streams.self).good {
            #expect(ChaCha20.stream(key: vector.key.bytes, count: vector.stream.bytes.count) == vector.stream.bytes)
        }
    }

    @Test func hmacIsThatOfRFC4231() throws {
        for vector in try vectors("cryptography/hmac-sha256.json", as: Codes.self).good {
            #expect(SHA256.authenticate(vector.message.bytes, key: vector.key.bytes) == vector.mac.bytes, "\(vector.name)")
        }
    }

    @Test func sha256IsThatOfFIPS180() {
        #expect(Hex.encode(SHA256.hash(Array("abc".utf8))) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        #expect(Hex.encode(SHA256.hash([])) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    }
}
