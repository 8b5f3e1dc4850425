import Keystrokes

/// Dice that fall the same way for the same seed (SplitMix64).
struct Dice: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }
}

/// Somebody at a shell: commands that are echoed and one password that, usually, is not.
struct SyntheticSession {
    private static let words = """
        ls cat cd pwd uname free whoami history netstat ifconfig wget curl chmod rm mkdir tar grep echo export sudo passwd crontab service systemctl kill top
        tmp var www html etc passwd shadow proc cpuinfo home root bin busybox index config backup archive payload install update
        """.split { $0.isWhitespace }.map(String.init)
    private static let passwordKeys = Array("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!$%&/#+-_.")

    let commands: [String]
    let passwordPlace: Int
    /// Seeds of how long each line's keys take: a line is typed the same way whatever stands in other lines.
    let pace: UInt64

    init(using dice: inout some RandomNumberGenerator) {
        commands = (0..<Int.random(in: 6...14, using: &dice)).map { _ in
            (0..<Int.random(in: 1...4, using: &dice)).map { _ in Self.words.randomElement(using: &dice) ?? "" }.joined(separator: " ")
        }
        passwordPlace = Int.random(in: 0..<commands.count, using: &dice)
        pace = dice.next()
    }

    static func password(using dice: inout some RandomNumberGenerator) -> String {
        String((0..<Int.random(in: 8...16, using: &dice)).compactMap { _ in passwordKeys.randomElement(using: &dice) })
    }

    /// The events, in order, with times in microseconds.
    func events(password: String, isEchoed: Bool = false) -> [(time: Int64, kind: SessionEventKind, data: [UInt8])] {
        var events: [(time: Int64, kind: SessionEventKind, data: [UInt8])] = []
        func type(_ line: String, isEchoed: Bool, seed: UInt64) {
            var dice = Dice(seed: seed)
            for key in line.utf8 {
                now += Int64.random(in: 40_000...260_000, using: &dice)
                events.append((now, .input, [key]))
                if isEchoed { events.append((now + 4_000, .output, [key])) }
            }
            now += 150_000
            events.append((now, .input, [0x0D]))
            events.append((now + 3_000, .output, Array("\r\n".utf8)))
        }
        var now: Int64 = 0
        for (place, command) in commands.enumerated() {
            // Each line starts at a time of its own, so that a longer password only uses up a pause.
            now = Int64(place) * 60_000_000
            events.append((now, .output, Array("\u{1B}[32mroot@host\u{1B}[0m:~# ".utf8)))
            if place == passwordPlace {
                type("sudo -i", isEchoed: true, seed: pace &+ 1_000)
                events.append((now + 5_000, .output, Array("[sudo] password for root: ".utf8)))
                now += 700_000
                type(password, isEchoed: isEchoed, seed: password.utf8.reduce(pace) { $0 &* 31 &+ UInt64($1) })
                events.append((now + 9_000, .output, Array("root@host:~# ".utf8)))
                now += 400_000
            }
            type(command, isEchoed: true, seed: pace &+ UInt64(place))
        }
        return events
    }

    static func codes(of events: [(time: Int64, kind: SessionEventKind, data: [UInt8])]) -> (version1: UInt64?, version2: Fingerprint2?) {
        var (profile, fingerprint) = (ProfileBuilder(), FingerprintBuilder())
        for event in events {
            profile.add(time: Double(event.time) / 1e6, kind: event.kind, data: event.data)
            fingerprint.add(microseconds: event.time, kind: event.kind, data: event.data)
        }
        return (profile.finish(recordedDuration: nil).digraphSimHash, fingerprint.finish())
    }
}
