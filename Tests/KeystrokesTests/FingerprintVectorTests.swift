import Foundation
import Testing

@testable import Keystrokes

@Suite struct FingerprintVectorTests {
    private static func items(_ file: String) throws -> [Any] {
        let data = try Data(contentsOf: ProfileVectorTests.folder("fingerprint-2").appendingPathComponent(file))
        return try #require((try JSONSerialization.jsonObject(with: data) as? [String: Any])?["items"] as? [Any])
    }

    @Test func allVectorsPassBitForBit() throws {
        let items = try Self.items("vectors.json")
        for case let item as [String: Any] in items {
            let id = try #require(item["id"] as? String)
            var builder = FingerprintBuilder()
            for event in try #require(item["events"] as? [[Any]]) {
                let (time, text) = (try #require(event[0] as? NSNumber).doubleValue, try #require(event[2] as? String))
                builder.add(time: time, kind: event[1] as? String == "i" ? .input : .output, data: Array(text.utf8))
            }
            let found = builder.finish()
            guard let expected = item["expected"] as? [String: Any] else {
                #expect(found == nil, "\(id)")
                continue
            }
            let fingerprint = try #require(found, "\(id)")
            #expect(fingerprint.keptPairCount == expected["pairs"] as? Int, "\(id)")
            #expect(fingerprint.code == (expected["simhash"] as? String).flatMap { UInt64($0, radix: 16) }, "\(id)")
            #expect(fingerprint.lengthClass.map(Int.init) == expected["class"] as? Int, "\(id)")
            let features = Dictionary(uniqueKeysWithValues: fingerprint.features.map { ($0.name, [$0.value, $0.count]) })
            #expect(features == (expected["features"] as? [String: [Int]]) ?? [:], "\(id)")
        }
        #expect(items.count == 46)
    }

    @Test func everyTokenHasTheHashOfItsName() throws {
        var tokens: [String: UInt64] = [:]
        for feature in TypingFeature.all {
            for (offset, hash) in feature.tokens.hashes.enumerated() {
                let token = "\(feature.name):\(feature.tokens.firstBin + offset)"
                #expect(hash == SHA256.firstWord(of: "gk2/30/" + token), "\(token)")
                tokens[token] = hash
            }
        }
        let items = try Self.items("tokens.json").compactMap { $0 as? [String] }
        #expect(tokens == Dictionary(uniqueKeysWithValues: items.map { ($0[0], UInt64($0[1], radix: 16) ?? 0) }))
    }

    @Test func theTestsOwnSHA256IsTheStandards() {
        // FIPS 180-4, "abc", and the empty text.
        #expect(SHA256.firstWord(of: "abc") == 0xba78_16bf_8f01_cfea)
        #expect(SHA256.firstWord(of: "") == 0xe3b0_c442_98fc_1c14)
    }

    @Test func everyValueThatCanBeMeasuredHasItsTokens() {
        let (pause, clamped, difference) = (16 * (Level.count - 1), 16 * PairTally.furthestLevel, 32 * PairTally.furthestLevel)
        let ranges = [
            "M": 0...pause, "q90": 0...pause, "q05": -pause...0, "iqr": 0...pause, "spd": -difference...difference,
        ]
        for feature in TypingFeature.all {
            for value in ranges[feature.name] ?? -clamped...clamped {
                let bin = Int((Double(value) / Double(feature.width)).rounded(.down))
                let (indices, index) = (feature.tokens.hashes.indices, bin - feature.tokens.firstBin)
                #expect(indices.contains(index) && indices.contains(index + 2), "\(feature.name) \(value)")
            }
            #expect(feature.prior.reduce(0, +) == 512, "\(feature.name)")
        }
    }

    @Test func levelsAreSixteenthsOfAnOctave() {
        for milliseconds in 1...1_500 {
            #expect(Level.of(milliseconds: milliseconds) == Int((16 * log2(Double(milliseconds))).rounded(.down)), "\(milliseconds) ms")
        }
    }
}

/// Of short texts only, straight from FIPS 180-4; its constants are computed as it defines them.
enum SHA256 {
    private static let primes = (2...311).filter { number in !(2..<number).contains { number.isMultiple(of: $0) } }

    private static func fraction(_ root: Double) -> UInt32 { UInt32((root - root.rounded(.down)) * 4_294_967_296) }

    static func firstWord(of text: String) -> UInt64 {
        let constants = primes.map { fraction(cbrt(Double($0))) }
        var block = Array(text.utf8)
        precondition(block.count < 56, "one block holds \(text)")
        let bitCount = block.count * 8
        block += [0x80] + Array(repeating: 0, count: 61 - block.count) + [UInt8(bitCount >> 8), UInt8(bitCount & 0xFF)]
        func turned(_ word: UInt32, _ count: UInt32) -> UInt32 { word >> count | word << (32 - count) }
        var words = stride(from: 0, to: 64, by: 4).map { place in block[place..<place + 4].reduce(UInt32(0)) { $0 << 8 | UInt32($1) } }
        for place in 16..<64 {
            let (early, late) = (words[place - 15], words[place - 2])
            let first = turned(early, 7) ^ turned(early, 18) ^ early >> 3
            let second = turned(late, 17) ^ turned(late, 19) ^ late >> 10
            words.append(words[place - 16] &+ first &+ words[place - 7] &+ second)
        }
        let start = primes.prefix(8).map { fraction(Double($0).squareRoot()) }
        var state = start
        for place in 0..<64 {
            let (a, b, c, e, f, g) = (state[0], state[1], state[2], state[4], state[5], state[6])
            let choice = (e & f) ^ (~e & g)
            let one = state[7] &+ (turned(e, 6) ^ turned(e, 11) ^ turned(e, 25)) &+ choice &+ constants[place] &+ words[place]
            let two = (turned(a, 2) ^ turned(a, 13) ^ turned(a, 22)) &+ ((a & b) ^ (a & c) ^ (b & c))
            state = [one &+ two] + state[0..<3] + [state[3] &+ one] + state[4..<7]
        }
        return UInt64(start[0] &+ state[0]) << 32 | UInt64(start[1] &+ state[1])
    }
}
