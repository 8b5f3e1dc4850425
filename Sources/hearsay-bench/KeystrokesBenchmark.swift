import Keystrokes

/// How much recording a core turns into profiles per second, without reading files and JSON.
///
/// A recorded key is counted as the 23 bytes it takes as a line of asciicast.
enum KeystrokesBenchmark {
    static let recordByteCount = 23

    static func run() {
        measure("few keys, 2,000 a session", sessions: 500, keys: 2_000, alphabet: 16)
        measure("many keys, 2,000 a session", sessions: 500, keys: 2_000, alphabet: 40)
        measure("one session, all digraphs new", sessions: 1, keys: 2_000_000, alphabet: 1_000_000)
    }

    private static func measure(_ name: String, sessions: Int, keys: Int, alphabet: UInt64) {
        var state: UInt64 = 0x9E37_79B9_7F4A_7C15
        let records = (0..<keys).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Array(String(Unicode.Scalar(UInt32(0x61 + (state >> 33) % alphabet)) ?? "?").utf8)
        }
        var hash: UInt64 = 0
        let elapsed = ContinuousClock().measure {
            for _ in 0..<sessions {
                var builder = ProfileBuilder()
                for (index, record) in records.enumerated() { builder.add(time: Double(index) * 0.11, kind: .input, data: record) }
                hash ^= builder.finish(recordedDuration: nil).digraphSimHash ?? 0
            }
        }
        let seconds = elapsed / .seconds(1)
        let megabytes = Double(sessions * keys * recordByteCount) / 1e6
        print("profiles, \(name): \(Int(megabytes / seconds)) MB/s of recording, \(Int(seconds / Double(sessions * keys) * 1e9)) ns a key")
    }
}
