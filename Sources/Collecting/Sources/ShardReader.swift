import Foundation
import Keystrokes

/// What a log says about a recorded session.
struct SessionFacts {
    var service: String?
    var sourceAddress: String?
    var duration: Double?
    var isTruncated = false
}

/// A DECNET session shard: many sessions' records interleaved, one JSON object a line.
struct ShardReader {
    /// Sessions of one shard that are followed at one time; more are reported and passed over.
    static let sessionLimit = 4_096

    let path: String
    /// By session id, from the log beside it.
    let facts: [String: SessionFacts]

    private struct Open {
        var builder = ProfileBuilder()
        var startedAt: Int64?
        var isTruncated = false
    }

    func read(_ emit: (SourceItem) throws -> Void) throws {
        let reader = try LineReader(path: path)
        var sessions: [String: Open] = [:]
        var order: [String] = []
        var sidBytes: [UInt8] = []
        var data: [UInt8] = []
        var channel: [UInt8] = []
        var overflow = 0
        while let line = try reader.next() {
            guard !line.bytes.isEmpty || line.isTooLong else { continue }
            func problem(_ reason: String) throws { try emit(.problem(SourceProblem(file: path, offset: line.offset, reason: reason))) }
            guard !line.isTooLong else {
                try problem("a line of over \(LineReader.lineLimit) bytes was passed over")
                continue
            }
            var time: Double?
            var timestamp: Double?
            var isTruncation = false
            sidBytes.removeAll(keepingCapacity: true)
            channel.removeAll(keepingCapacity: true)
            do throws(JSONCursor.Malformed) {
                var cursor = JSONCursor(line.bytes)
                try cursor.object { cursor, key throws(JSONCursor.Malformed) in
                    switch key {
                    case Keys.sid: try cursor.string(into: &sidBytes)
                    case Keys.t: time = try cursor.number()
                    case Keys.ch: try cursor.string(into: &channel)
                    case Keys.d: try cursor.string(into: &data)
                    case Keys.trunc:
                        isTruncation = true
                        try cursor.skip()
                    case Keys.hdr:
                        try cursor.object { cursor, key throws(JSONCursor.Malformed) in
                            if key == Keys.timestamp { timestamp = try cursor.number() } else { try cursor.skip() }
                        }
                    default: try cursor.skip()
                    }
                }
                try cursor.finish()
            } catch {
                try problem(line.isTorn ? "the last line is cut off" : "not JSON at byte \(error.place) of the line")
                continue
            }
            guard let sid = SourceName.sid(sidBytes) else {
                try problem("no valid session id")
                continue
            }
            if sessions[sid] == nil {
                guard order.count < Self.sessionLimit else {
                    overflow += 1
                    continue
                }
                sessions[sid] = Open()
                order.append(sid)
            }
            if let timestamp { sessions[sid]?.startedAt = Int64(exactly: (timestamp * 1_000).rounded()) }
            if isTruncation { sessions[sid]?.isTruncated = true }
            if let time, let code = channel.first, channel.count == 1 {
                sessions[sid]?.builder.add(time: time, kind: kind(of: code), data: data)
            }
            if reader.offset % (1 << 22) < 1 << 12 { try emit(.progress(SourceProgress(doneByteCount: reader.offset, totalByteCount: reader.byteCount))) }
        }
        if overflow > 0 {
            try emit(.problem(SourceProblem(file: path, offset: nil, reason: "\(overflow) records of sessions beyond the first \(Self.sessionLimit) were passed over")))
        }
        for sid in order {
            guard let open = sessions.removeValue(forKey: sid) else { continue }
            let known = facts[sid]
            let profile = open.builder.finish(recordedDuration: known?.duration)
            try emit(
                .session(
                    SourceSession(
                        sid: sid, profile: profile, simHash: profile.digraphSimHash, typedKeyCount: profile.typedKeyCount,
                        distinctDigraphCount: profile.distinctDigraphCount, digraphSampleCount: profile.digraphSampleCount, startedAt: open.startedAt,
                        attackerIP: known?.sourceAddress, service: known?.service,
                        isTruncated: open.isTruncated || profile.isTruncated || known?.isTruncated == true)))
        }
    }

    private func kind(of code: UInt8) -> SessionEventKind {
        switch code {
        case UInt8(ascii: "i"): .input
        case UInt8(ascii: "o"): .output
        default: .other
        }
    }

    private enum Keys {
        static let sid = Array("sid".utf8)
        static let t = Array("t".utf8)
        static let ch = Array("ch".utf8)
        static let d = Array("d".utf8)
        static let trunc = Array("trunc".utf8)
        static let hdr = Array("hdr".utf8)
        static let timestamp = Array("timestamp".utf8)
    }
}
