import Foundation
import Keystrokes

/// What a log says about a recorded session.
struct SessionFacts {
    var service: String?
    var sourceAddress: String?
    var duration: Double?
    var isTruncated = false
    /// UTC milliseconds since 1970 of the session's end, when its line was written.
    var endedAt: Int64?

    /// UTC milliseconds since 1970.
    var startedAt: Int64? {
        guard let endedAt, let duration, duration < 1e9 else { return endedAt }
        return endedAt - Int64((duration * 1_000).rounded())
    }
}

/// A DECNET session shard: many sessions' records interleaved, one JSON object a line.
///
/// Nothing in a shard says that a session has ended, so it is read twice: first to find each session's last line, then to profile.
/// In memory are the sessions that overlap in time, and a few bytes for each of the others.
struct ShardReader {
    /// Sessions profiled at one time. Where more overlap, the shard is read once more for those that had to wait.
    static let openLimit = 4_096
    /// Sessions of one shard; records of those beyond are reported and passed over.
    static let sessionLimit = 1_000_000

    let path: String
    /// By session id, from the log beside it.
    let facts: [String: SessionFacts]
    var openLimit = Self.openLimit

    private struct Open {
        var builder = RecordingBuilder()
        var startedAt: Int64?
        var isTruncated = false
    }

    func read(_ emit: (SourceItem) throws -> Void) throws {
        var (lastLines, end) = try survey(emit)
        var isFirst = true
        while !lastLines.isEmpty {
            let waiting = try profile(lastLines, until: end, reportsProgress: isFirst, emit)
            precondition(waiting.count < lastLines.count, "each reading of a shard finishes sessions: \(waiting.count) of \(lastLines.count) are left")
            lastLines = waiting
            isFirst = false
        }
    }

    /// Where each session's last line begins, and where the file ended. Reports what cannot be read.
    private func survey(_ emit: (SourceItem) throws -> Void) throws -> (lastLines: [String: Int64], end: Int64) {
        let reader = try LineReader(path: path)
        var lastLines: [String: Int64] = [:]
        var record = ShardRecord()
        var overflow = 0
        while let line = try reader.next() {
            func problem(_ reason: String) throws { try emit(.problem(SourceProblem(file: path, offset: line.offset, reason: reason))) }
            if line.isTooLong {
                try problem("a line of over \(LineReader.lineLimit) bytes was passed over")
                continue
            }
            guard !line.bytes.isEmpty else { continue }
            do throws(ShardRecord.Fault) { try record.read(line.bytes) } catch {
                try problem(line.isTorn ? "the last line is cut off" : error.reason)
                continue
            }
            if lastLines[record.sid] == nil, lastLines.count >= Self.sessionLimit { overflow += 1 } else { lastLines[record.sid] = line.offset }
        }
        if overflow > 0 {
            let reason = "\(overflow) records of sessions beyond the first \(Self.sessionLimit) were passed over"
            try emit(.problem(SourceProblem(file: path, offset: nil, reason: reason)))
        }
        return (lastLines, reader.offset)
    }

    /// Profiles the named sessions; gives those that have to wait for another reading.
    private func profile(
        _ lastLines: [String: Int64], until end: Int64, reportsProgress: Bool, _ emit: (SourceItem) throws -> Void
    ) throws -> [String: Int64] {
        let reader = try LineReader(path: path)
        var open: [String: Open] = [:]
        var waiting: [String: Int64] = [:]
        var record = ShardRecord()
        var nextProgress: Int64 = 0
        while let line = try reader.next(), line.offset < end {
            guard !line.isTooLong, !line.bytes.isEmpty, (try? record.read(line.bytes)) != nil else { continue }
            let sid = record.sid
            guard let last = lastLines[sid], waiting[sid] == nil else { continue }
            if open[sid] == nil {
                guard open.count < openLimit else {
                    waiting[sid] = last
                    continue
                }
                open[sid] = Open()
            }
            if let timestamp = record.timestamp { open[sid]?.startedAt = Int64(exactly: (timestamp * 1_000).rounded()) }
            if record.isTruncation { open[sid]?.isTruncated = true }
            if let event = record.event { open[sid]?.builder.add(time: event.time, kind: event.kind, data: record.data) }
            if line.offset >= last, let finished = open.removeValue(forKey: sid) { try emit(.session(session(sid, finished))) }
            if reportsProgress, reader.offset >= nextProgress {
                try emit(.progress(SourceProgress(doneByteCount: reader.offset, totalByteCount: reader.byteCount)))
                nextProgress = reader.offset + (1 << 22)
            }
        }
        // Their last lines have gone: the file was cut meanwhile.
        for (sid, session) in open { try emit(.session(self.session(sid, session))) }
        if open.isEmpty { return waiting }
        return waiting.filter { open[$0.key] == nil }
    }

    private func session(_ sid: String, _ open: Open) -> SourceSession {
        let known = facts[sid]
        let (profile, fingerprint) = open.builder.finish(recordedDuration: known?.duration)
        return SourceSession(
            sid: sid, profile: profile, simHash: profile.digraphSimHash, fingerprint: fingerprint, typedKeyCount: profile.typedKeyCount,
            distinctDigraphCount: profile.distinctDigraphCount, digraphSampleCount: profile.digraphSampleCount,
            startedAt: open.startedAt ?? known?.startedAt ?? dayOfName, attackerIP: known?.sourceAddress, service: known?.service ?? serviceOfPath,
            isTruncated: open.isTruncated || profile.isTruncated || known?.isTruncated == true)
    }

    /// `sessions-YYYY-MM-DD.jsonl`: for sessions whose header was damaged.
    private var dayOfName: Int64? {
        let name = (path as NSString).lastPathComponent
        guard name.hasPrefix("sessions-"), name.hasSuffix(".jsonl") else { return nil }
        return SourceTime.milliseconds(name.dropFirst(9).dropLast(6) + "T00:00:00")
    }

    /// `…/<decky>/ssh/transcripts/sessions-….jsonl`: for sessions that no log tells of.
    private var serviceOfPath: String? {
        let parts = path.split(separator: "/")
        guard parts.count >= 3, parts[parts.count - 2] == "transcripts", ["ssh", "telnet"].contains(parts[parts.count - 3]) else { return nil }
        return String(parts[parts.count - 3])
    }
}

/// One line of a shard. Kept between lines so that its storage is used again.
struct ShardRecord {
    struct Fault: Error { let reason: String }

    private(set) var sid = ""
    private(set) var data: [UInt8] = []
    private(set) var event: (time: Double, kind: SessionEventKind)?
    /// Of a header: seconds since 1970.
    private(set) var timestamp: Double?
    private(set) var isTruncation = false
    private var sidBytes: [UInt8] = []
    private var channel: [UInt8] = []

    mutating func read(_ line: ArraySlice<UInt8>) throws(Fault) {
        var time: Double?
        var (sidBytes, channel, data) = (self.sidBytes, self.channel, self.data)
        (self.sidBytes, self.channel, self.data) = ([], [], [])  // Held once while they grow.
        sidBytes.removeAll(keepingCapacity: true)
        channel.removeAll(keepingCapacity: true)
        data.removeAll(keepingCapacity: true)
        var timestamp: Double?
        var isTruncation = false
        do throws(JSONCursor.Malformed) {
            var cursor = JSONCursor(line)
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
        } catch { throw Fault(reason: "not JSON at byte \(error.place) of the line") }
        guard let sid = SourceName.sid(sidBytes) else { throw Fault(reason: "no valid session id") }
        self.sid = sid
        self.timestamp = timestamp
        self.isTruncation = isTruncation
        event = nil
        if let time, let code = channel.first, channel.count == 1 { event = (time, Self.kind(of: code)) }
        (self.sidBytes, self.channel, self.data) = (sidBytes, channel, data)
    }

    private static func kind(of code: UInt8) -> SessionEventKind {
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
