import Keystrokes
import Primitives

/// A script as somebody typed it: the events of a recording, in order.
public struct SyntheticSession: Sendable {
    public struct Event: Sendable, Equatable {
        /// Microseconds since the session's start.
        public var time: Int64
        public var kind: SessionEventKind
        public var data: [UInt8]
    }

    public private(set) var events: [Event] = []
    /// Whole microseconds, so that a line that takes longer moves the next ones without changing a single interval.
    private var lineStart: Int64 = 0
    /// Milliseconds since the line's start.
    private var now: Double = 0

    /// - Parameters:
    ///   - session: names the draws of this session; the same script in another session comes out otherwise.
    ///   - day: sessions of one day share their drift.
    public init(_ script: SyntheticScript, by typist: SyntheticTypist, session: Int, day: Int) {
        let mood = typist.mood(day: day)
        for (place, line) in script.lines.enumerated() {
            var dice = SeededGenerator(of: typist.name.seed, typist.name.person, 5, UInt64(session) << 32 | UInt64(place))
            let earlier = place > 0 && script.lines[place - 1].isEchoed ? script.lines[place - 1].text : []
            type(line, after: earlier, by: typist, mood, using: &dice)
            (lineStart, now) = (microseconds(now), 0)
        }
        now = 1_000
        output(Array("logout\r\n".utf8))
    }

    /// Both codes of the session.
    public func codes() -> (version1: SessionProfile, version2: Fingerprint2?) {
        var (profile, fingerprint) = (ProfileBuilder(), FingerprintBuilder())
        for event in events {
            profile.add(time: Double(event.time) / 1e6, kind: event.kind, data: event.data)
            fingerprint.add(microseconds: event.time, kind: event.kind, data: event.data)
        }
        return (profile.finish(recordedDuration: nil), fingerprint.finish())
    }

    // MARK: One line

    private mutating func type(
        _ line: SyntheticScript.Line, after earlier: [UInt8], by typist: SyntheticTypist, _ mood: SyntheticTypist.Mood,
        using dice: inout SeededGenerator
    ) {
        now += dice.real(5...40)
        output(Array(line.prompt.utf8))
        now += min(60_000, 1_000 * dice.exponential(mean: 2.5) + 300)
        let isCommand = line.isEchoed && !line.prompt.hasPrefix(">")
        if isCommand, !earlier.isEmpty, dice.happens(typist.arrowHabit) {
            // Fetches the line before and throws it away again: keys that are no single character.
            input(Keys.up, jitter: 0)
            output(earlier)
            now += dice.real(200...900)
            input([0x15], jitter: 0)
            output(Array("\u{1B}[2K\r\(line.prompt)".utf8))
            now += dice.real(150...700)
        }
        if isCommand, dice.happens(typist.pasteHabit) {
            input(line.text, jitter: 0)
            output(line.text)
            now += dice.real(200...900)
        } else {
            type(line.text, isEchoed: line.isEchoed, mayComplete: isCommand, by: typist, mood, using: &dice)
        }
        input([Keys.enter], jitter: 0)
        now += 1
        output(Array("\r\n\(line.response)".utf8))
    }

    private mutating func type(
        _ text: [UInt8], isEchoed: Bool, mayComplete: Bool, by typist: SyntheticTypist, _ mood: SyntheticTypist.Mood,
        using dice: inout SeededGenerator
    ) {
        var previous: UInt8?
        /// Strikes one key; what it prints follows a moment later.
        func press(_ key: UInt8, echo: [UInt8], _ session: inout SyntheticSession) {
            if let previous { session.now += typist.interval(previous, key, mood: mood, using: &dice) }
            session.input([key], jitter: dice.normal(0, typist.jitter))
            if isEchoed { session.output(echo) }
            previous = key
        }
        var place = 0
        while place < text.count {
            let key = text[place]
            if dice.happens(typist.errorRate), let wrong = Keyboard.neighbour(of: key, toTheLeft: dice.happens(0.5)) {
                let overrun = min(text.count - place - 1, dice.integer(0...2))
                press(wrong, echo: [wrong], &self)
                for offset in 0..<overrun { press(text[place + 1 + offset], echo: [text[place + 1 + offset]], &self) }
                now += dice.real(100...600)
                for _ in 0...overrun { press(Keys.backspace, echo: [0x08, 0x20, 0x08], &self) }
            }
            press(key, echo: [key], &self)
            place += 1
            // The rest of a path's last name, by Tab.
            if mayComplete, let rest = Self.rest(of: text, at: place), dice.happens(typist.tabHabit) {
                press(Keys.tab, echo: Array(text[place..<place + rest]), &self)
                place += rest
            }
        }
        now += previous.map { typist.interval($0, Keys.enter, mood: mood, using: &dice) } ?? 200
    }

    /// How many keys Tab saves behind the third letter of a name in a path; `nil` anywhere else.
    private static func rest(of text: [UInt8], at place: Int) -> Int? {
        let slash = UInt8(ascii: "/")
        guard place >= 4, text[place - 4] == slash, !text[place - 3..<place].contains(slash) else { return nil }
        let rest = text[place...].prefix { $0 != slash && $0 != Keys.space }.count
        return rest >= 2 && !text[place - 3..<place].contains(Keys.space) ? rest : nil
    }

    // MARK: Events

    private mutating func input(_ data: [UInt8], jitter: Double) {
        let time = max(events.last?.time ?? 0, microseconds(now + jitter))  // A recorder's clock does not run backwards.
        events.append(Event(time: time, kind: .input, data: data))
    }

    private mutating func output(_ data: [UInt8]) {
        events.append(Event(time: max(events.last?.time ?? 0, microseconds(now + 1)), kind: .output, data: data))
    }

    private func microseconds(_ milliseconds: Double) -> Int64 { lineStart + Int64((milliseconds * 1_000).rounded()) }
}
