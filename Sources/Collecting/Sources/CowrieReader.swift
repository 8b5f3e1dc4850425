import Foundation
import Keystrokes

/// Cowrie's JSON log and the ttylogs it names.
struct CowrieReader {
    /// Sessions remembered between their first and last line. At the limit all are forgotten: then a recording goes without address and start.
    static let sessionLimit = 65_536
    /// Names of ttylogs remembered as taken; at the limit all are forgotten, and only Cowrie's own mark protects from giving one twice.
    static let nameLimit = 262_144

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
        var takenBy: [String: String] = [:]
        while let line = try reader.next() {
            guard !line.bytes.isEmpty || line.isTooLong else { continue }
            func problem(_ reason: String) throws { try emit(.problem(SourceProblem(file: path, offset: line.offset, reason: reason))) }
            guard !line.isTooLong, let event = Event(line.bytes) else {
                try problem(line.isTorn ? "the last line is cut off" : "not a JSON object")
                continue
            }
            guard let sid = event.session else {
                if event.name == "cowrie.log.closed" { try problem("a recording without a valid session id") }
                continue
            }
            switch event.name {
            case "cowrie.session.connect":
                if known.count >= Self.sessionLimit { known.removeAll() }
                known[sid] = Known(sourceAddress: event.sourceAddress, service: event.service, startedAt: event.time)
            case "cowrie.log.closed":
                let facts = known[sid] ?? Known(sourceAddress: event.sourceAddress, service: event.service, startedAt: nil)
                if event.isDuplicate || event.ttylogName.flatMap({ takenBy[$0] }).map({ $0 != sid }) == true {
                    // The same input as an earlier session's: Cowrie has deleted this one's file, and the other one's timing is not this one's.
                    try problem("session \(sid) typed what an earlier one typed; its recording was not kept by Cowrie")
                } else if let name = event.ttylogName {
                    if takenBy.count >= Self.nameLimit { takenBy.removeAll() }
                    takenBy[name] = sid
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
        guard let file = ttylogFolders.lazy.map({ $0 + "/" + name }).first(where: Self.exists) else {
            return try problem("the ttylog \(name) of session \(sid) is not in \(ttylogFolders.joined(separator: ", "))")
        }
        var builder = RecordingBuilder()
        let recording = TtylogReader(path: file).read(into: &builder)
        if let fault = recording.fault { try emit(.problem(fault)) }
        guard recording.recordCount > 0 else { return }
        let (profile, fingerprint) = builder.finish(recordedDuration: nil)
        try emit(
            .session(
                SourceSession(
                    sid: sid, profile: profile, simHash: profile.digraphSimHash, fingerprint: fingerprint, typedKeyCount: profile.typedKeyCount,
                    distinctDigraphCount: profile.distinctDigraphCount, digraphSampleCount: profile.digraphSampleCount,
                    startedAt: facts.startedAt ?? recording.startedAt, attackerIP: facts.sourceAddress, service: facts.service,
                    isTruncated: recording.fault != nil || profile.isTruncated)))
    }

    private static func exists(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0
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
