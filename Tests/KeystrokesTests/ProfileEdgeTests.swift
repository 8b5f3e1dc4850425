import Testing

@testable import Keystrokes

@Suite struct ProfileEdgeTests {
    func profile(_ keys: [(Double, [UInt8])], duration: Double? = nil, limit: Int = ProfileBuilder.recordLimit) -> SessionProfile {
        var builder = ProfileBuilder(recordLimit: limit)
        for (time, data) in keys { builder.add(time: time, kind: .input, data: data) }
        return builder.finish(recordedDuration: duration)
    }

    @Test func anEmptySessionHasCountsButNoMeasures() {
        let empty = profile([])
        for name in SessionProfile.columnNames {
            let isCount = name.contains("hist") || name == "total_keystrokes"
            #expect(empty.value(of: name) == (isCount ? .integer(0) : name == "kd_top_bigrams" ? .text("[]") : .null), "\(name)")
        }
        #expect(empty.value(of: "attacker_ip") == .null)
    }

    /// Beyond the limit only the session's length goes on.
    @Test func recordsBeyondTheLimitAreNotCountedAndTheProfileSaysSo() {
        let keys = (0..<30).map { (Double($0) / 10, [0x61 + UInt8($0 % 9)]) }
        let whole = profile(keys, limit: 30)
        let cut = profile(keys, limit: 29)
        #expect(!whole.isTruncated)
        #expect(whole.totalKeystrokes == 30)
        #expect(cut.isTruncated)
        #expect(cut.totalKeystrokes == 29)
        #expect(cut.sessionDuration == whole.sessionDuration)
        #expect(cut.topBigrams == profile(Array(keys.dropLast())).topBigrams)
    }

    /// A damaged recording: whatever cannot be a time is as if it were not there.
    @Test(arguments: [.nan, .infinity, -.infinity, 1e13, -1e300, .greatestFiniteMagnitude] as [Double])
    func aRecordWithoutARealTimeIsPassedOver(time: Double) {
        let good: [(Double, [UInt8])] = [(1, [0x61]), (1.2, [0x62]), (4, [0x0D])]
        #expect(profile(Array(good.prefix(1)) + [(time, [0x63])] + good.suffix(2)) == profile(good))
        #expect(profile([(time, [0x63])]) == profile([]))
        #expect(profile(good, duration: time).sessionDuration == 4)
    }

    @Test func theLargestTimesGiveFiniteColumns() {
        let far = ProfileBuilder.timeLimit
        let extreme = profile([(-far, [0x61]), (far, [0x62]), (-far, [0x61]), (far, [0x0D])])
        for name in SessionProfile.columnNames {
            if case .real(let value) = extreme.value(of: name) { #expect(value.isFinite, "\(name)") }
        }
        #expect(extreme.ikiP95 == 10)
        #expect(extreme.thinkRatio == 1)
    }

    /// An empty record is no keystroke, but it is not one key either: the digraph across it is not counted.
    @Test func anEmptyRecordBreaksTheChainAndIsNoKeystroke() {
        let broken = profile([(1, [0x61]), (1.1, []), (1.25, [0x62])])
        #expect(broken.totalKeystrokes == 2)
        #expect(broken.pauseHistThink == 1)
        #expect(broken.topBigrams == "[]")
    }

    @Test func bigramsAreOneLineOfJSONWithShortestNumbers() {
        let keys: [[UInt8]] = [[0x22], [0x5C], [0x0D], [0], [0x7F], [0xC3, 0xA9], [0xF0, 0x9F, 0x98, 0x80], [0xFF]]
        let found = profile(keys.enumerated().map { (Double($0.offset) * 0.125, $0.element) }).topBigrams
        let expected = [
            #"["\u0000\u007f",1,0.125]"#, #"["\u000d\u0000",1,0.125]"#, #"["\"\\",1,0.125]"#, #"["\\\u000d",1,0.125]"#, #"["\u007fé",1,0.125]"#,
            #"["é😀",1,0.125]"#, #"["😀\#u{FFFD}",1,0.125]"#,
        ]
        #expect(found == "[" + expected.joined(separator: ",") + "]")
    }

    @Test func onlyThe32CommonestBigramsAreListed() {
        // Each of 40 letters followed by a full stop; the later the letter the more often.
        var keys: [(Double, [UInt8])] = []
        for letter in UInt8(0)..<40 {
            for _ in 0...letter {
                keys.append((Double(keys.count) / 8, [0x41 + letter]))
                keys.append((Double(keys.count) / 8, [0x2E]))
                keys.append((Double(keys.count) / 8, []))
            }
        }
        let list = profile(keys).topBigrams
        #expect(profile(keys).distinctDigraphCount == 40)
        #expect(list.count { $0 == "[" } == 1 + 32 + 1)  // One more for the bracket that is one of the letters.
        #expect(list.hasPrefix(#"[["h.",40,0.125],["g.",39,0.125]"#))
        #expect(list.hasSuffix(#"["I.",9,0.125]]"#))
    }

    @Test func theHashIsABlobOfEightBytesMostSignificantFirst() {
        var sample = profile([])
        sample.digraphSimHash = 0x0102_0304_0506_0708
        #expect(sample.value(of: "kd_digraph_simhash") == .blob([1, 2, 3, 4, 5, 6, 7, 8]))
    }

    @Test func theReleaseGateCountsSingleKeysOnly() {
        let typed = profile([(1, [0x61]), (2, [0xC3, 0xA9]), (3, [0xFF]), (4, [0x61, 0x62]), (5, [0x1B, 0x5B, 0x41]), (6, [0x65, 0xCC, 0x81])])
        #expect(typed.typedKeyCount == 3)
    }
}
