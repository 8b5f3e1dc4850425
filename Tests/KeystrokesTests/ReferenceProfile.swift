@testable import Keystrokes

/// A session's columns, computed slowly from all its events at once, in the order of the definitions (`Protocol/session-profile.md` §3 and §4).
struct ReferenceProfile {
    struct Event {
        var time: Double
        var kind: SessionEventKind
        var data: [UInt8]
    }

    let events: [Event]
    var duration: Double?

    private var keystrokes: [Event] { events.filter { $0.kind == .input && !$0.data.isEmpty } }
    private var raw: [Double] { zip(keystrokes, keystrokes.dropFirst()).map { max(0, $1.time - $0.time) } }

    func columns() -> [String: ColumnValue] {
        let (keystrokes, raw) = (keystrokes, raw)
        let clipped = raw.map { min(10, $0) }
        let enters: [[UInt8]] = [[13], [10], [13, 10], [13, 0]]
        var latencies: [Double] = []
        for (place, pair) in zip(keystrokes, keystrokes.dropFirst()).enumerated() where enters.contains(pair.1.data) && !enters.contains(pair.0.data) {
            latencies.append(clipped[place])
        }
        let session = duration ?? events.map { max(0, $0.time) }.max()
        let lastLine = keystrokes.lastIndex { $0.data.contains(13) || $0.data.contains(10) } ?? 0
        let thinking = raw.prefix(lastLine).filter { $0 > 2 }.reduce(0, +)
        let mean = clipped.reduce(0, +) / Double(clipped.count)
        let variance = clipped.map { ($0 - mean) * ($0 - mean) }.reduce(0, +) / Double(clipped.count)
        let starts = keystrokes.prefix(1).map(\.time) + raw.filter { $0 > 1 }

        func real(_ value: Double?, if condition: Bool = true) -> ColumnValue { condition ? value.map { .real($0) } ?? .null : .null }
        func rate(_ isKey: ([UInt8]) -> Bool) -> ColumnValue {
            real(Double(keystrokes.count { isKey($0.data) }) / Double(keystrokes.count), if: !keystrokes.isEmpty)
        }
        return [
            "kd_iki_mean": real(mean, if: !raw.isEmpty),
            "kd_iki_stdev": real(variance.squareRoot(), if: !raw.isEmpty),
            "kd_iki_p50": real(Self.quantile(clipped, 0.5)),
            "kd_iki_p95": real(Self.quantile(clipped, 0.95)),
            "kd_enter_latency_p50": real(Self.quantile(latencies, 0.5)),
            "kd_enter_latency_p95": real(Self.quantile(latencies, 0.95)),
            "kd_burst_ratio": real(Double(raw.count { $0 < 0.03 }) / Double(raw.count), if: !raw.isEmpty),
            "kd_think_ratio": real(min(1, thinking / (session ?? 0)), if: !raw.isEmpty && (session ?? 0) > 0),
            "kd_ctrl_backspace": rate { Set($0).isSubset(of: [0x7F, 0x08]) },
            "kd_ctrl_wkill": rate { Set($0) == [0x17] },
            "kd_ctrl_ukill": rate { Set($0) == [0x15] },
            "kd_ctrl_abort": rate { Set($0) == [0x03] },
            "kd_ctrl_eof": rate { Set($0) == [0x04] },
            "kd_tab_rate": rate { Set($0) == [0x09] },
            "kd_arrow_rate": rate(Self.isArrows),
            "kd_start_of_action_latency": real(Self.quantile(starts, 0.5)),
            "kd_pause_hist_burst": .integer(Int64(raw.count { $0 < 0.2 })),
            "kd_pause_hist_think": .integer(Int64(raw.count { $0 >= 0.2 && $0 < 1.5 })),
            "kd_pause_hist_distracted": .integer(Int64(raw.count { $0 >= 1.5 })),
            "total_keystrokes": .integer(Int64(keystrokes.count)),
            "session_duration_s": real(session),
            "kd_digraph_simhash": simHash(),
        ]
    }

    /// Every digraph (two keys of whole UTF-8 text or one stray byte) with its times.
    func digraphs() -> [(keys: [[UInt8]], times: [Double])] {
        var found: [(keys: [[UInt8]], times: [Double])] = []
        var previous: Event?
        for event in events where event.kind == .input {
            guard Self.isOneKey(event.data) else {
                previous = nil
                continue
            }
            if let before = previous, event.time - before.time > 0, event.time - before.time <= 1.5 {
                let keys = [before.data, event.data]
                if let place = found.firstIndex(where: { $0.keys == keys }) {
                    found[place].times.append(event.time - before.time)
                } else {
                    found.append((keys, [event.time - before.time]))
                }
            }
            previous = event
        }
        return found
    }

    private func simHash() -> ColumnValue {
        let digraphs = digraphs()
        guard digraphs.count >= 8, digraphs.map(\.times.count).reduce(0, +) >= 20 else { return .null }
        let votes = digraphs.map { keys, times in
            let median = Self.quantile(times, 0.5) ?? 0
            let bucket = [0.03, 0.06, 0.12, 0.25, 0.5, 1.0].filter { median >= $0 }.count
            let text = keys.map { String(validating: $0, as: UTF8.self) ?? "?" }.joined() + ":\(bucket)"
            return (hash: MD5.hash(Array(text.utf8)), weight: times.count)
        }
        var bits = [UInt8](repeating: 0, count: 8)
        for bit in 0..<64 {  // From the most significant bit of the first byte on.
            let sum = votes.map { $0.hash[bit / 8] >> UInt8(7 - bit % 8) & 1 == 1 ? $0.weight : -$0.weight }.reduce(0, +)
            if sum > 0 { bits[bit / 8] |= 1 << UInt8(7 - bit % 8) }
        }
        return .blob(bits)
    }

    private static func isOneKey(_ data: [UInt8]) -> Bool {
        data.count == 1 || String(validating: data, as: UTF8.self)?.unicodeScalars.count == 1
    }

    private static func isArrows(_ data: [UInt8]) -> Bool {
        var rest = String(decoding: data, as: UTF8.self).unicodeScalars.map { Character($0) }[...]
        while let escape = rest.popFirst() {
            guard escape == "\u{1B}", let bracket = rest.popFirst(), "[O".contains(bracket), let letter = rest.popFirst(), "ABCD".contains(letter)
            else { return false }
        }
        return true
    }

    private static func quantile(_ values: [Double], _ share: Double) -> Double? {
        guard !values.isEmpty else { return nil }
        let sorted = values.sorted()
        let place = Double(values.count - 1) * share
        let (below, above) = (sorted[Int(place.rounded(.down))], sorted[Int(place.rounded(.up))])
        return below + (above - below) * (place - place.rounded(.down))
    }
}
