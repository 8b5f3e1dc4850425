import Testing

@testable import Keystrokes

@Suite struct ProfileComparisonTests {
    /// SplitMix64.
    struct Dice: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var mixed = state
            mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
            mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
            return mixed ^ mixed >> 31
        }
    }

    /// Things that have gone wrong in such code: line ends, runs, arrows, look-alikes, stray and cut-off bytes, code points at every border.
    static let records: [[UInt8]] = [
        [13], [10], [13, 10], [13, 0], [13, 13], [9], [9, 9], [0x7F], [8], [0x7F, 8], [0x7F, 0x61], [0x17], [0x15], [3], [3, 3], [4], [0], [0x1B],
        [0x1B, 0x5B, 0x41], [0x1B, 0x4F, 0x44], [0x1B, 0x5B, 0x41, 0x1B, 0x4F, 0x42], [0x1B, 0x5B, 0x45], [0x1B, 0x5B], [0x1B, 0x5B, 0x31, 0x3B, 0x35, 0x43],
        [0x80], [0xFF], [0xC3], [0xC3, 0xA9], [0xC0, 0x80], [0xE0, 0x9F, 0xBF], [0xE0, 0xA0, 0x80], [0xED, 0x9F, 0xBF], [0xED, 0xA0, 0x80], [0xEE, 0x80, 0x80],
        [0xEF, 0xBF, 0xBD], [0xF0, 0x8F, 0xBF, 0xBF], [0xF0, 0x90, 0x80, 0x80], [0xF4, 0x8F, 0xBF, 0xBF], [0xF4, 0x90, 0x80, 0x80], [0xF0, 0x9F, 0x98],
        [0xF5, 0x80, 0x80, 0x80], [0xC3, 0x85], [0xE2, 0x84, 0xAB], [0x65, 0xCC, 0x81], Array("ls -la\r".utf8), Array("wget\n x".utf8), [],
    ]

    static func session(seed: UInt64) -> ReferenceProfile {
        var dice = Dice(state: seed)
        var time = Double.random(in: -1...3, using: &dice)
        let letters = Int.random(in: 1...6, using: &dice)
        let oddShare = Double.random(in: 0...0.6, using: &dice)
        let gaps = [0, 0.01, 0.03, 0.06, 0.12, 0.2, 0.25, 0.5, 1, 1.5, 2, 2.5, 12, -0.4]
        let events = (0..<Int.random(in: 0...250, using: &dice)).map { _ in
            // Half of the gaps stand exactly on a border.
            time += Bool.random(using: &dice) ? gaps.randomElement(using: &dice)! : Double.random(in: 0.01...0.4, using: &dice)
            let odd = Double.random(in: 0...1, using: &dice) < oddShare
            let data = odd ? records.randomElement(using: &dice)! : [0x61 + UInt8.random(in: 0..<UInt8(letters), using: &dice)]
            let kind: SessionEventKind = [.input, .input, .input, .input, .output, .other].randomElement(using: &dice)!
            return ReferenceProfile.Event(time: time, kind: kind, data: data)
        }
        return ReferenceProfile(events: events, duration: Bool.random(using: &dice) ? nil : Double.random(in: 0...60, using: &dice))
    }

    static func profile(of session: ReferenceProfile) -> SessionProfile {
        var builder = ProfileBuilder()
        for event in session.events { builder.add(time: event.time, kind: event.kind, data: event.data) }
        return builder.finish(recordedDuration: session.duration)
    }

    /// The builder against the definitions written down once more, slowly. A seed names one session: `ProfileComparisonTests.session(seed:)`.
    @Test(arguments: [0 as UInt64, 1_000, 2_000, 0xC0FFEE]) func theBuilderAgreesWithTheDefinitionsReadSlowly(firstSeed: UInt64) {
        var hashed = 0
        for seed in firstSeed..<firstSeed + 100 {
            let session = Self.session(seed: seed)
            let (profile, expected) = (Self.profile(of: session), session.columns())
            for name in SessionProfile.columnNames where name != "kd_top_bigrams" {
                switch (profile.value(of: name), expected[name]) {
                case (.real(let found), .real(let wanted)): #expect(ProfileVectorTests.isClose(found, wanted), "seed \(seed) \(name)")
                case (let found, let wanted): #expect(found == wanted, "seed \(seed) \(name)")
                }
            }
            let digraphs = session.digraphs()
            #expect(profile.distinctDigraphCount == digraphs.count, "seed \(seed)")
            #expect(profile.digraphSampleCount == digraphs.map(\.times.count).reduce(0, +), "seed \(seed)")
            if profile.digraphSimHash != nil { hashed += 1 }
        }
        #expect(hashed > 30, "most sessions from seed \(firstSeed) on have too few digraphs to compare a hash")
    }

    /// What a recording that still grows shows at any moment is what its beginning alone would have shown.
    @Test(arguments: [7, 77] as [UInt64]) func aProfileOnTheWayEqualsThatOfTheRecordsSoFar(seed: UInt64) {
        let session = Self.session(seed: seed)
        var streaming = ProfileBuilder()
        for (place, event) in session.events.enumerated() {
            let onTheWay = streaming
            let sofar = ReferenceProfile(events: Array(session.events.prefix(place)))
            #expect(onTheWay.finish(recordedDuration: nil) == Self.profile(of: sofar), "seed \(seed), \(place) events")
            // From the middle of a longer buffer, as a reader would hand it over.
            let buffer = [0xFF] + event.data + [0x0D]
            streaming.add(time: event.time, kind: event.kind, data: buffer.span.extracting(1..<buffer.count - 1))
        }
        #expect(streaming.finish(recordedDuration: session.duration) == Self.profile(of: session), "seed \(seed)")
    }
}
