import Cryptography
import Foundation
import Keystrokes
import Primitives

/// An asciicast of version 2 or 3 with input events: one session a file.
struct AsciicastReader {
    let path: String

    func read(_ emit: (SourceItem) throws -> Void) throws {
        let reader = try LineReader(path: path)
        func problem(_ offset: Int64?, _ reason: String) throws { try emit(.problem(SourceProblem(file: path, offset: offset, reason: reason))) }
        guard let first = try reader.next(), let header = Header(first.bytes) else { return try problem(0, "no asciicast header") }
        var builder = RecordingBuilder()
        var identity = BLAKE2b.hash(Array(first.bytes))
        var identifyingCount = 0
        var microseconds: Int64 = 0
        var inputCount = 0
        var code: [UInt8] = []
        var data: [UInt8] = []
        while let line = try reader.next() {
            guard let byte = line.bytes.first, byte != UInt8(ascii: "#") || header.version < 3 else {
                if line.isTooLong { try problem(line.offset, "a line of over \(LineReader.lineLimit) bytes was passed over") }
                continue
            }
            var time = 0.0
            do throws(JSONCursor.Malformed) {
                var cursor = JSONCursor(line.bytes)
                try cursor.expect(UInt8(ascii: "["))
                time = try cursor.number()
                try cursor.expect(UInt8(ascii: ","))
                try cursor.string(into: &code)
                try cursor.expect(UInt8(ascii: ","))
                if try cursor.peek() == UInt8(ascii: "\"") { try cursor.string(into: &data) } else { try cursor.skip() }
                try cursor.expect(UInt8(ascii: "]"))
                try cursor.finish()
            } catch {
                try problem(line.offset, line.isTorn ? "the last line is cut off" : "not an event at byte \(error.place) of the line")
                continue
            }
            // A time in the header and the first event tell recordings apart; without that time only the whole does.
            if identifyingCount == 0 || header.startedAt == nil {
                identity = BLAKE2b.hash(Array(identity.bytes) + Array(line.bytes))
                identifyingCount += 1
            }
            if header.version == 3 {
                // Intervals, added as whole microseconds so that errors do not add up.
                guard time.magnitude < 1e12 else {
                    try problem(line.offset, "an interval of over 30,000 years")
                    continue
                }
                microseconds &+= Int64((time * 1_000_000).rounded())
                time = Double(microseconds) / 1_000_000
            }
            let kind: SessionEventKind = code == [UInt8(ascii: "i")] ? .input : code == [UInt8(ascii: "o")] ? .output : .other
            if kind == .input { inputCount += 1 }
            builder.add(time: time, kind: kind, data: data)
        }
        guard inputCount > 0 else { return try problem(nil, "the recording holds no input events; record with input switched on") }
        let (profile, fingerprint) = builder.finish(recordedDuration: header.duration)
        // A file has no session id: its beginning names it, wherever it is moved.
        let sid = "cast-" + Hex.encode(identity.bytes.prefix(16))
        try emit(
            .session(
                SourceSession(
                    sid: sid, profile: profile, simHash: profile.digraphSimHash, fingerprint: fingerprint, typedKeyCount: profile.typedKeyCount,
                    distinctDigraphCount: profile.distinctDigraphCount, digraphSampleCount: profile.digraphSampleCount, startedAt: header.startedAt,
                    isTruncated: profile.isTruncated)))
    }

    /// The first line.
    struct Header {
        var version = 0
        var startedAt: Int64?
        var duration: Double?

        init?(_ line: ArraySlice<UInt8>) {
            var version = 0.0
            var timestamp: Double?
            var duration: Double?
            do throws(JSONCursor.Malformed) {
                var cursor = JSONCursor(line)
                try cursor.object { cursor, key throws(JSONCursor.Malformed) in
                    switch key {
                    case Array("version".utf8): version = try cursor.number()
                    case Array("timestamp".utf8): timestamp = try cursor.numberOrNothing()
                    case Array("duration".utf8): duration = try cursor.numberOrNothing()
                    default: try cursor.skip()
                    }
                }
                try cursor.finish()
            } catch { return nil }
            guard version == 2 || version == 3 else { return nil }
            self.version = Int(version)
            startedAt = timestamp.flatMap { Int64(exactly: ($0 * 1_000).rounded()) }
            self.duration = duration.flatMap { $0 >= 0 ? $0 : nil }
        }
    }
}
