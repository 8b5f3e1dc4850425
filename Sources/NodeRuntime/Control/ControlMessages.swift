import Foundation

/// What the command line asks of its running node, one JSON object a line over the node's Unix socket.
public enum ControlRequest: Codable, Hashable, Sendable {
    case status
    /// A SimHash as 16 hex digits, with a radius or a number of nearest ones.
    case simHash(code: String, radius: Int?, nearest: Int?)
    case domain(String)
    /// An operator's key in hex, and a reason as in `Protocol/statements.md` §4.
    case revoke(origin: String, reason: UInt8)
    /// Open a new generation, for a reason as in `Protocol/statements.md` §5.
    case openGeneration(reason: UInt8)
    /// Get our own content back from others, and go on in a new generation.
    case recover
    /// Read the outbox now, not at the next look.
    case absorb
    case stop
}

/// The node's answer, one JSON object a line.
public enum ControlAnswer: Codable, Hashable, Sendable {
    /// A JSON object, as the command prints it with `--json`.
    case document(String)
    case done
    /// What is wrong and, where there is one, the command that would work.
    case failure(error: String, hint: String?)
}

enum ControlLimits {
    /// The longest request line, in bytes.
    static let requestByteCount = 65_536
    /// The longest answer line, in bytes.
    static let answerByteCount = 64 << 20
    /// Connections at one time.
    static let connections = 32
}

enum ControlCodec {
    static func line<Message: Encodable>(_ message: Message) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard let data = try? encoder.encode(message) else { preconditionFailure("a control message is always encodable") }
        return Array(data) + [UInt8(ascii: "\n")]
    }

    static func decode<Message: Decodable>(_ type: Message.Type, from line: [UInt8]) -> Message? {
        try? JSONDecoder().decode(type, from: Data(line))
    }
}
