import Foundation
import Keystrokes

/// Cowrie's JSON log and the ttylogs it names.
struct CowrieReader {
    /// Sessions remembered between their first and last line; more are forgotten oldest first.
    static let sessionLimit = 65_536

    let path: String
    /// Folders that may hold ttylogs; only plain names inside them are opened.
    let ttylogFolders: [String]

    private struct Known {
        var sourceAddress: String?
        var service: String?
        var startedAt: Int64?
    }

    func read(_ emit: (SourceItem) throws -> Void) throws {
        let reader = try LineReader(path: path)
        var known: [String: Known] = [:]
        while let line = try reader.next() {
            guard !line.bytes.isEmpty || line.isTooLong else { continue }
            func problem(_ reason: String) throws { try emit(.problem(SourceProblem(file: path, offset: line.offset, reason: reason))) }
            guard !line.isTooLong, let event = Event(line.bytes) else {
                try problem(line.isTorn ? "the last line is cut off" : "not a JSON object")
                continue
            }
            guard let sid = event.session else { continue }
            switch event.name {
            case "cowrie.session.connect":
                if known.count >= Self.sessionLimit { known.removeAll() }
                known[sid] = Known(sourceAddress: event.sourceAddress, service: event.service, startedAt: event.time)
            case "cowrie.log.closed":
                let facts = known[sid] ?? Known(sourceAddress: event.sourceAddress, service: event.service, startedAt: nil)
                if event.isDuplicate {
                    // The same input as an earlier session's: Cowrie has deleted this one's file, and the other one's timing is not this one's.
                    try problem("session \(sid) typed what an earlier one typed; its recording was not kept by Cowrie")
                } else if let name = event.ttylogName {
                    try readRecording(name, sid: sid, facts, emit, problem)
                } else {
                    try problem("session \(sid) names no ttylog")
                }
            case "cowrie.session.closed": known[sid] = nil
            default: break  // Logins and commands hold passwords: not looked at.
            }
        }
    }

    private func readRecording(
        _ name: String, sid: String, _ facts: Known, _ emit: (SourceItem) throws -> Void, _ problem: (String) throws -> Void
    ) throws {
        guard let file = ttylogFolders.lazy.map({ $0 + "/" + name }).first(where: { access($0, R_OK) == 0 }) else {
            return try problem("the ttylog \(name) of session \(sid) is not in \(ttylogFolders.joined(separator: ", "))")
        }
        var builder = ProfileBuilder()
        let recording = try TtylogReader(path: file).read(into: &builder)
        if let fault = recording.fault { try emit(.problem(fault)) }
        guard recording.recordCount > 0 else { return }
        let profile = builder.finish(recordedDuration: nil)
        try emit(
            .session(
                SourceSession(
                    sid: sid, profile: profile, simHash: profile.digraphSimHash, typedKeyCount: profile.typedKeyCount,
                    distinctDigraphCount: profile.distinctDigraphCount, digraphSampleCount: profile.digraphSampleCount,
                    startedAt: facts.startedAt ?? recording.startedAt, attackerIP: facts.sourceAddress, service: facts.service,
                    isTruncated: recording.fault != nil || profile.isTruncated)))
    }

    /// What of a line is looked at.
    private struct Event {
        var name = ""
        var session: String?
        var sourceAddress: String?
        var service: String?
        var time: Int64?
        var ttylogName: String?
        var isDuplicate = false

        init?(_ line: ArraySlice<UInt8>) {
            do throws(JSONCursor.Malformed) {
                var cursor = JSONCursor(line)
                try cursor.object { cursor, key throws(JSONCursor.Malformed) in
                    switch key {
                    case Array("eventid".utf8): name = String(decoding: try cursor.scalarText() ?? [], as: UTF8.self)
                    case Array("session".utf8): session = try cursor.scalarText().flatMap(SourceName.sid)
                    case Array("src_ip".utf8): sourceAddress = try cursor.scalarText().flatMap(SourceName.address)
                    case Array("protocol".utf8): service = try cursor.scalarText().flatMap(SourceName.sid)
                    case Array("timestamp".utf8): time = try cursor.scalarText().flatMap { SourceTime.milliseconds(String(decoding: $0, as: UTF8.self)) }
                    case Array("duplicate".utf8): isDuplicate = try cursor.scalarText() == Array("true".utf8)
                    case Array("ttylog".utf8):
                        // Only the last part: a log must not lead out of the folders it belongs to.
                        ttylogName = try cursor.scalarText().flatMap { SourceName.sid(Array($0.split(separator: UInt8(ascii: "/")).last ?? [])) }
                    default: try cursor.skip()
                    }
                }
                try cursor.finish()
            } catch { return nil }
        }
    }
}

/// A Cowrie ttylog: records of `op i32 | tty u32 | length i32 | direction i32 | sec u32 | usec u32`, little-endian, then `length` bytes.
struct TtylogReader {
    /// The longest record that is believed.
    static let recordByteLimit = 16 << 20
    private static let headerByteCount = 24

    let path: String

    struct Recording {
        var recordCount = 0
        /// UTC milliseconds since 1970, of the first record.
        var startedAt: Int64?
        /// Where the file is cut off or damaged; what came before counts.
        var fault: SourceProblem?
    }

    func read(into builder: inout ProfileBuilder) throws -> Recording {
        guard let file = FileHandle(forReadingAtPath: path) else { throw SourceError.unreadable(path: path, reason: String(cString: strerror(errno))) }
        defer { try? file.close() }
        var recording = Recording()
        var offset: Int64 = 0
        var start: Int64?
        func fault(_ reason: String) -> SourceProblem { SourceProblem(file: path, offset: offset, reason: reason) }
        while true {
            let header = Array(try file.read(upToCount: Self.headerByteCount) ?? Data())
            if header.isEmpty { return recording }
            func field(_ place: Int) -> UInt32 { (0..<4).reduce(0) { $0 | UInt32(header[place + $1]) << UInt32(8 * $1) } }
            guard header.count == Self.headerByteCount else {
                recording.fault = fault("the last record is cut off")
                return recording
            }
            let (operation, direction) = (field(0), field(12))
            let length = Int32(bitPattern: field(8))
            guard (0...Int32(Self.recordByteLimit)).contains(length), (1...4).contains(operation) else {
                recording.fault = fault("not a ttylog record")
                return recording
            }
            let data = length == 0 ? [] : Array(try file.read(upToCount: Int(length)) ?? Data())
            guard data.count == Int(length) else {
                recording.fault = fault("the last record is cut off")
                return recording
            }
            let microseconds = Int64(field(16)) * 1_000_000 + Int64(field(20))
            if start == nil {
                start = microseconds
                recording.startedAt = microseconds / 1_000
            }
            let time = Double(microseconds - (start ?? microseconds)) / 1_000_000
            switch (operation, direction) {
            case (3, 1): builder.add(time: time, kind: .input, data: data)
            case (3, 2): builder.add(time: time, kind: .output, data: data)
            default: builder.add(time: time, kind: .other, data: [])  // Opened, closed, or a command given at once: no key was typed.
            }
            recording.recordCount += 1
            offset += Int64(Self.headerByteCount + data.count)
        }
    }
}
