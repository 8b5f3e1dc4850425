import Keystrokes

/// How much recording a core turns into schema_version 2 fingerprints per second, without reading files and JSON.
///
/// An event is counted as the bytes it takes as a line of asciicast: 22 and its data.
enum FingerprintBenchmark {
    static let lineByteCount = 22

    static func run() {
        measure("echoed key by key", sessions: 500, keys: 2_000, hidden: false, outputByteCount: 1)
        measure("typed without echo", sessions: 500, keys: 2_000, hidden: true, outputByteCount: 1)
        measure("a full screen redrawn at every key", sessions: 20, keys: 2_000, hidden: false, outputByteCount: 2_000)
        measure("one session", sessions: 1, keys: 1_000_000, hidden: false, outputByteCount: 1)
    }

    private static func measure(_ name: String, sessions: Int, keys: Int, hidden: Bool, outputByteCount: Int) {
        var state: UInt64 = 0x9E37_79B9_7F4A_7C15
        var byteCount = 0
        var events: [(kind: SessionEventKind, data: [UInt8])] = [(.output, [0x24])]
        for index in 0..<keys {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            let key = index % 40 == 39 ? 0x0D : index % 7 == 6 ? 0x20 : UInt8(0x61 + (state >> 33) % 26)
            events.append((.input, [key]))
            if !hidden { events.append((.output, Array(repeating: key, count: outputByteCount))) }
        }
        for event in events { byteCount += lineByteCount + event.data.count }
        var hash: UInt64 = 0
        let elapsed = ContinuousClock().measure {
            for _ in 0..<sessions {
                var builder = FingerprintBuilder()
                for (index, event) in events.enumerated() {
                    builder.add(microseconds: Int64(index) * 60_000 + Int64(index % 13) * 9_000, kind: event.kind, data: event.data)
                }
                hash ^= builder.finish()?.code ?? 1
            }
        }
        let seconds = elapsed / .seconds(1)
        let megabytes = Double(sessions * byteCount) / 1e6
        print("fingerprints, \(name): \(Int(megabytes / seconds)) MB/s of recording, \(Int(seconds / Double(sessions * keys) * 1e9)) ns a key [\(hash & 1)]")
    }
}
