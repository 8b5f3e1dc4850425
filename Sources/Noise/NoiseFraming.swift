import Primitives
import WireFormat

/// The lengths and the prologue of the stream (`Protocol/transport.md` §2 and §3).
///
/// `pattern u8 | (length u16 | message)…`: three handshake messages, then transport messages. Handshake messages have exactly one length
/// each, so a stranger can make a node keep at most 66 bytes.
public enum NoiseFraming {
    /// Poly1305.
    public static let tagByteCount = 16
    /// The longest message of Noise, and the longest a u16 can announce.
    public static let maximumMessageByteCount = 65_535
    /// The longest plaintext of one transport message.
    public static let maximumPlaintextByteCount = maximumMessageByteCount - tagByteCount
    /// What a transport message may measure: at least one byte of plaintext, since an empty one would only cost.
    public static let transportMessageByteCounts = tagByteCount + 1...maximumMessageByteCount
    /// The length before every message.
    public static let lengthByteCount = 2

    /// `"hearsay" ‖ protocol version u16 ‖ mesh id`: nodes of another mesh or version fail the first tag.
    public static func prologue(of mesh: MeshID) -> [UInt8] {
        var writer = WireWriter(reserving: 41)
        writer.bytes("hearsay".utf8)
        writer.integer(Limits.protocolVersion)
        writer.identifier(mesh)
        return writer.bytes
    }

    /// The payload of handshake message `index`: the invite id in message 1 of first contact, and nothing else.
    public static func payloadByteCount(_ pattern: HandshakePattern, message index: Int) -> Int {
        pattern == .xkWithSecret && index == 0 ? InviteID.byteCount : 0
    }

    /// The one length handshake message `index` (from 0) has: 48, 48, 64 bytes; the first is 64 at first contact.
    public static func messageByteCount(_ pattern: HandshakePattern, message index: Int) -> Int {
        pattern.overhead(ofMessage: index) + payloadByteCount(pattern, message: index)
    }

    /// The message with its length in front.
    static func framed(_ message: [UInt8]) -> [UInt8] {
        var writer = WireWriter(reserving: lengthByteCount + message.count)
        writer.prefixed(message, by: UInt16.self)
        return writer.bytes
    }
}
