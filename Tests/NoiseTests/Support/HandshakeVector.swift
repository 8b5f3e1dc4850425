import Cryptography
import Foundation
import Noise
import Primitives
import Testing

/// Where vectors lie, and how to read hexadecimal in them.
enum Vectors {
    static let project = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../../..").standardizedFileURL

    static func load<Value: Decodable>(_ name: String) throws -> Value {
        try JSONDecoder().decode(Value.self, from: Data(contentsOf: project.appendingPathComponent("Protocol/vectors/\(name)")))
    }
}

func bytes(_ hex: String) -> [UInt8] {
    guard let bytes = Hex.decode(hex) else { preconditionFailure("not hexadecimal: \(hex)") }
    return bytes
}

/// One whole handshake with every key fixed.
struct HandshakeVector: Sendable, CustomTestStringConvertible {
    struct Message: Sendable {
        let payload: [UInt8]
        let bytes: [UInt8]
    }

    let name: String
    let pattern: HandshakePattern
    let prologue: [UInt8]
    let initiatorStatic, initiatorEphemeral, responderStatic, responderEphemeral: [UInt8]
    let secret: [UInt8]?
    let messages: [Message]
    let handshakeHash: [UInt8]
    /// After the handshake, in order, with who sends.
    let transport: [(sender: Handshake.Role, message: Message)]

    var testDescription: String { name }

    func key(_ secret: [UInt8]) -> AgreementKey { AgreementKey(secret: SecretBytes(copying: secret))! }
    var preSharedKey: PreSharedKey? { secret.map { PreSharedKey(SecretBytes(copying: $0))! } }

    func initiator() -> Handshake {
        .initiator(
            pattern, prologue: prologue, staticKey: key(initiatorStatic), remoteKey: key(responderStatic).publicKey, secret: preSharedKey,
            ephemeral: key(initiatorEphemeral))
    }

    func responder() -> Handshake {
        .responder(pattern, prologue: prologue, staticKey: key(responderStatic), secret: preSharedKey, ephemeral: key(responderEphemeral))
    }

    /// Our own, and beside them the published ones where somebody has put them next to the project.
    static func all() throws -> [HandshakeVector] { try OwnHandshake.all().map(\.vector) + published() }

    private static func published() throws -> [HandshakeVector] {
        struct File: Decodable { let vectors: [Published] }
        struct Published: Decodable {
            struct Message: Decodable { let payload, ciphertext: String }
            let protocol_name, init_prologue, init_static, init_ephemeral, resp_static, resp_ephemeral, handshake_hash: String
            let init_psks: [String]?
            let messages: [Message]
        }
        let file = Vectors.project.appendingPathComponent("../shared/vectors/noise/cacophony-xk.json")
        guard let content = try? Data(contentsOf: file) else { return [] }
        return try JSONDecoder().decode(File.self, from: content).vectors.compactMap { vector in
            guard let pattern = HandshakePattern.allCases.first(where: { $0.protocolName == vector.protocol_name }) else { return nil }
            let messages = vector.messages.map { Message(payload: bytes($0.payload), bytes: bytes($0.ciphertext)) }
            return HandshakeVector(
                name: "published " + vector.protocol_name, pattern: pattern, prologue: bytes(vector.init_prologue), initiatorStatic: bytes(vector.init_static),
                initiatorEphemeral: bytes(vector.init_ephemeral), responderStatic: bytes(vector.resp_static), responderEphemeral: bytes(vector.resp_ephemeral),
                secret: vector.init_psks?.first.map { bytes($0) }, messages: Array(messages.prefix(3)), handshakeHash: bytes(vector.handshake_hash),
                transport: messages.dropFirst(3).enumerated().map { ($0.offset.isMultiple(of: 2) ? .responder : .initiator, $0.element) })
        }
    }
}

/// One entry of `Protocol/vectors/noise/handshakes.json`.
struct OwnHandshake: Decodable, Sendable, CustomTestStringConvertible {
    struct Transport: Decodable, Sendable { let from, plaintext, message: String }
    struct Datagram: Decodable, Sendable { let from, session, counter, plaintext, datagram: String }
    struct Keys: Decodable, Sendable { let initiator_to_responder, responder_to_initiator: String }

    let name, pattern, mesh, prologue, initiator_static, initiator_ephemeral, responder_static, responder_ephemeral: String
    let initiator_public, responder_public, stream_of_initiator, stream_of_responder, handshake_hash: String
    let invite, secret: String?
    let messages: [String]
    let datagram_keys: Keys
    let transport: [Transport]
    let datagrams: [Datagram]

    var testDescription: String { name }

    static func all() throws -> [OwnHandshake] {
        struct File: Decodable { let handshakes: [OwnHandshake] }
        return try (Vectors.load("noise/handshakes.json") as File).handshakes
    }

    var vector: HandshakeVector {
        HandshakeVector(
            name: name, pattern: pattern == "xk" ? .xk : .xkWithSecret, prologue: bytes(prologue), initiatorStatic: bytes(initiator_static),
            initiatorEphemeral: bytes(initiator_ephemeral), responderStatic: bytes(responder_static), responderEphemeral: bytes(responder_ephemeral),
            secret: secret.map { bytes($0) },
            messages: messages.enumerated().map { .init(payload: $0.offset == 0 ? bytes(invite ?? "") : [], bytes: bytes($0.element)) },
            handshakeHash: bytes(handshake_hash),
            transport: transport.map { ($0.from == "initiator" ? .initiator : .responder, .init(payload: bytes($0.plaintext), bytes: bytes($0.message))) })
    }

    var meshID: MeshID { MeshID(bytes: bytes(mesh))! }
    var inviteID: InviteID? { invite.flatMap { InviteID(bytes: bytes($0)) } }

    /// Both ends of a channel with these keys, nothing said yet.
    func channels() -> (initiator: SecureChannel, responder: SecureChannel) {
        let vector = vector
        let invite = inviteID.flatMap { id in vector.preSharedKey.map { (id: id, secret: $0) } }
        return (
            .initiator(mesh: meshID, staticKey: vector.key(vector.initiatorStatic), remoteKey: vector.key(vector.responderStatic).publicKey, invite: invite),
            .responder(mesh: meshID, staticKey: vector.key(vector.responderStatic))
        )
    }
}

/// Gives the bytes it was made of, as the generator of an ephemeral key takes them, and fails when asked for more.
struct FixedGenerator: RandomNumberGenerator {
    private var rest: ArraySlice<UInt8>

    init(_ bytes: [UInt8]) { rest = bytes[...] }

    mutating func next() -> UInt64 {
        guard let byte = rest.popFirst() else { preconditionFailure("more randomness was asked for than one key takes") }
        return UInt64(byte) << 56
    }
}
