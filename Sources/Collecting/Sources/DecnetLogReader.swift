import Foundation
import Primitives

/// A DECNET log: RFC 5424 lines that tell which sessions were recorded, and whom mail was aimed at.
struct DecnetLogReader {
    let path: String

    /// What sessions the log tells of. Reads the whole file; later lines win.
    func sessionFacts(problem: (SourceProblem) throws -> Void) throws -> [String: SessionFacts] {
        var facts: [String: SessionFacts] = [:]
        let reader = try LineReader(path: path)
        while let line = try reader.next() {
            guard let record = SyslogRecord(line.bytes), record.application == "sessrec", record.message == "session_recorded" else { continue }
            guard let sid = record.parameters["sid"].flatMap(SourceName.sid) else {
                try problem(SourceProblem(file: path, offset: line.offset, reason: "a recorded session without a valid session id"))
                continue
            }
            facts[sid] = SessionFacts(
                service: record.text("service"), sourceAddress: record.parameters["src_ip"].flatMap(SourceName.address),
                duration: record.text("duration_s").flatMap { Double($0) }.flatMap { $0.isFinite && $0 >= 0 ? $0 : nil },
                isTruncated: record.text("truncated") == "true", endedAt: SourceTime.milliseconds(record.time))
        }
        return facts
    }

    /// Events after which the place is given, so that they can be kept together in one transaction.
    static let eventsPerPosition = 256

    /// Mail aimed at somebody, from where the last reading ended.
    ///
    /// Each event counts once, however often the log is read, if events are kept in one transaction with the position that follows them.
    /// A log is known by its first line: renamed it goes on, begun anew it counts from its start, and a copy counts as the same log.
    func readTargets(from offset: Int64, fileKey: String, _ emit: (SourceItem) throws -> Void) throws {
        let reader = try LineReader(path: path, from: offset)
        var done = reader.offset
        var openEventCount = 0
        while let line = try reader.next() {
            if line.isTorn { break }  // Taken once it is whole.
            if openEventCount >= Self.eventsPerPosition {
                try emit(.position(SourcePosition(fileKey: fileKey, offset: done)))
                openEventCount = 0
            }
            done = reader.offset
            guard !line.bytes.isEmpty else { continue }
            guard !line.isTooLong, let record = SyslogRecord(line.bytes) else {
                try emit(.problem(SourceProblem(file: path, offset: line.offset, reason: "not a log line of RFC 5424")))
                continue
            }
            guard record.application == "smtp" || record.application == "smtp_relay" else { continue }
            let recipients: [Substring]
            switch record.message {
            case "rcpt_to", "rcpt_denied": recipients = record.text("value").map { [Substring($0)] } ?? []
            case "message_accepted": recipients = record.text("rcpt_to")?.split(separator: ",") ?? []
            default: continue
            }
            guard let time = SourceTime.milliseconds(record.time), let source = record.parameters["src"].flatMap(SourceName.address) else {
                try emit(.problem(SourceProblem(file: path, offset: line.offset, reason: "no valid time or source address")))
                continue
            }
            // One message to several mailboxes of a domain aims at the domain once.
            var seen: Set<String> = []
            for recipient in recipients {
                guard let domain = DomainNormalizer.domain(ofRecipient: recipient), seen.insert(domain.text).inserted else { continue }
                openEventCount += 1
                try emit(
                    .smtpTarget(
                        SourceSmtpTarget(attackerUUID: nil, attackerIP: source, domain: domain.text, firstSeen: time, lastSeen: time, counting: .event)))
            }
        }
        try emit(.position(SourcePosition(fileKey: fileKey, offset: done)))
    }
}

/// One line of RFC 5424 with structured data.
struct SyslogRecord {
    let time: String
    let host: String
    let application: String
    let message: String
    let parameters: [String: [UInt8]]

    /// `nil` if the line is not of that form.
    init?(_ line: ArraySlice<UInt8>) {
        guard line.first == UInt8(ascii: "<"), let close = line.firstIndex(of: UInt8(ascii: ">")), close - line.startIndex <= 4 else { return nil }
        var rest = line[(close + 1)...]
        func word() -> String? {
            guard let space = rest.firstIndex(of: UInt8(ascii: " ")), space > rest.startIndex else { return nil }
            defer { rest = rest[(space + 1)...] }
            return String(decoding: rest[..<space], as: UTF8.self)
        }
        guard word() == "1", let time = word(), let host = word(), let application = word(), word() != nil, let message = word() else { return nil }
        self.time = time
        self.host = host
        self.application = application
        self.message = message
        guard let parameters = Self.parameters(rest) else { return nil }
        self.parameters = parameters
    }

    func text(_ name: String) -> String? { parameters[name].map { String(decoding: $0, as: UTF8.self) } }

    /// `[id name="value" …]` or `-`. Inside a value `\"`, `\\` and `\]` stand for the second character.
    private static func parameters(_ data: ArraySlice<UInt8>) -> [String: [UInt8]]? {
        if data.first == UInt8(ascii: "-") { return [:] }
        guard data.first == UInt8(ascii: "["), var place = data.firstIndex(where: { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "]") }) else { return nil }
        var parameters: [String: [UInt8]] = [:]
        while place < data.endIndex, data[place] == UInt8(ascii: " ") {
            guard let equals = data[place...].firstIndex(of: UInt8(ascii: "=")), equals + 1 < data.endIndex, data[equals + 1] == UInt8(ascii: "\"") else {
                return nil
            }
            let name = String(decoding: data[(place + 1)..<equals], as: UTF8.self)
            var value: [UInt8] = []
            place = equals + 2
            while place < data.endIndex, data[place] != UInt8(ascii: "\"") {
                if data[place] == UInt8(ascii: "\\"), place + 1 < data.endIndex,
                    [UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "]")].contains(data[place + 1])
                {
                    place += 1
                }
                value.append(data[place])
                place += 1
            }
            guard place < data.endIndex else { return nil }
            parameters[name] = value
            place += 1
        }
        guard place < data.endIndex, data[place] == UInt8(ascii: "]") else { return nil }
        return parameters
    }
}
