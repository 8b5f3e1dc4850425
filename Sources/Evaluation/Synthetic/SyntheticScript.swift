import Primitives

/// What is typed in a session, line by line, whoever types it.
public struct SyntheticScript: Sendable {
    public enum Kind: CaseIterable, Sendable {
        /// Commands at a prompt, with now and then a password.
        case shell
        /// Sentences, as in a note or a chat.
        case prose
    }

    struct Line: Sendable {
        /// What the honeypot prints before.
        var prompt: String
        var text: [UInt8]
        /// A password is typed without echo.
        var isEchoed: Bool
        /// What the honeypot prints after Enter.
        var response: String
    }

    var lines: [Line] = []

    /// - Parameters:
    ///   - keyCount: lines follow until so many keys are to be typed without correction, Enter included.
    ///   - programs: those of `Vocabulary.programs` in the order in which a person likes them.
    init(_ kind: Kind, keyCount: Int, programs: [String] = Vocabulary.programs, using dice: inout SeededGenerator) {
        while self.keyCount < keyCount {
            switch kind {
            case .shell: appendCommand(programs: programs, using: &dice)
            case .prose: lines.append(Line(prompt: "> ", text: Self.sentence(using: &dice), isEchoed: true, response: ""))
            }
        }
    }

    /// A script drawn from a seed: the same for whoever types it.
    public init(_ kind: Kind, keyCount: Int, seed: UInt64) {
        var dice = SeededGenerator(of: seed, UInt64(keyCount))
        self.init(kind, keyCount: keyCount, using: &dice)
    }

    public var keyCount: Int { lines.reduce(0) { $0 + $1.text.count + 1 } }

    /// Places of the lines that are typed without echo.
    public var hiddenLines: [Int] { lines.indices.filter { !lines[$0].isEchoed } }

    /// The same session with other passwords: a new one in the place of every hidden line.
    public func replacingPasswords(using dice: inout SeededGenerator) -> SyntheticScript {
        var script = self
        for place in hiddenLines { script.lines[place].text = Self.password(using: &dice) }
        return script
    }

    /// The same session on a terminal that shows passwords.
    public func echoingPasswords() -> SyntheticScript {
        var script = self
        for place in hiddenLines { script.lines[place].isEchoed = true }
        return script
    }

    /// The same session with one password prompt more, at a place that is drawn.
    public func addingPasswordPrompt(using dice: inout SeededGenerator) -> SyntheticScript {
        var script = self
        let hidden = Line(prompt: "Password: ", text: Self.password(using: &dice), isEchoed: false, response: "")
        script.lines.insert(hidden, at: dice.integer(0...lines.count))
        return script
    }

    // MARK: Lines

    private static let prompt = "\u{1B}[01;32mroot@srv04\u{1B}[00m:\u{1B}[01;34m~\u{1B}[00m# "

    private mutating func appendCommand(programs: [String], using dice: inout SeededGenerator) {
        func add(_ text: String, response: String) {
            lines.append(Line(prompt: Self.prompt, text: Array(text.utf8), isEchoed: true, response: response))
        }
        let response = Self.response(using: &dice)
        switch dice.unit() {
        case ..<0.04:
            add(dice.pick(["sudo -i", "su -", "su - \(dice.pick(Vocabulary.names))", "sudo " + Self.command(programs, using: &dice)]), response: "")
            lines.append(Line(prompt: "Password: ", text: Self.password(using: &dice), isEchoed: false, response: response))
        case ..<0.06:
            let name = dice.pickByRank(Vocabulary.names)
            add("passwd \(name)", response: "")
            let password = Self.password(using: &dice)
            for prompt in ["New password: ", "Retype new password: "] {
                lines.append(Line(prompt: prompt, text: password, isEchoed: false, response: ""))
            }
        case ..<0.12: add("wget http://\(dice.pick(Vocabulary.hosts))/\(dice.pickByRank(Vocabulary.files))", response: response)
        case ..<0.17:
            let words = (0..<dice.integer(2...6)).map { _ in dice.pickByRank(Vocabulary.english) }
            add("echo \(words.joined(separator: " ")) > \(dice.pickByRank(Vocabulary.folders))/\(dice.pickByRank(Vocabulary.files))", response: "")
        case ..<0.23: add("\(Self.command(programs, using: &dice)) | grep \(dice.pick(Vocabulary.names))", response: response)
        case ..<0.28: add("chmod +x \(dice.pickByRank(Vocabulary.files)) && ./\(dice.pickByRank(Vocabulary.files))", response: response)
        default: add(Self.command(programs, using: &dice), response: response)
        }
    }

    private static func command(_ programs: [String], using dice: inout SeededGenerator) -> String {
        var parts = [dice.pickByRank(programs)]
        if dice.happens(0.4) { parts.append(dice.pickByRank(Vocabulary.flags)) }
        if dice.happens(0.65) {
            let folder = dice.pickByRank(Vocabulary.folders)
            parts.append(dice.happens(0.5) ? folder : folder + "/" + dice.pickByRank(Vocabulary.files))
        }
        return parts.joined(separator: " ")
    }

    private static func sentence(using dice: inout SeededGenerator) -> [UInt8] {
        var words = (0..<dice.integer(5...14)).map { _ in dice.happens(0.5) ? dice.pickByRank(Vocabulary.english) : dice.pick(Vocabulary.english) }
        words[0] = words[0].prefix(1).uppercased() + words[0].dropFirst()
        if dice.happens(0.4) { words[words.count / 2] += "," }
        return Array((words.joined(separator: " ") + ".").utf8)
    }

    private static let passwordKeys = Array("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!$%&/#+-_.".utf8)

    static func password(using dice: inout SeededGenerator) -> [UInt8] { (0..<dice.integer(8...16)).map { _ in dice.pick(passwordKeys) } }

    private static func response(using dice: inout SeededGenerator) -> String {
        (0..<dice.integer(0...4)).map { _ in
            (0..<dice.integer(1...5)).map { _ in dice.pick(Vocabulary.files) }.joined(separator: "  ") + "\r\n"
        }.joined()
    }
}
