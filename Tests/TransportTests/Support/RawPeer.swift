import Cryptography
import Noise
import Primitives
import WireFormat

@testable import Transport

/// A peer that has passed the handshake and then says whatever a test wants, allowed or not.
final class RawPeer {
    let socket: RawSocket
    let established: SecureChannel.Established
    private var channel: SecureChannel
    private var decoder: FrameDecoder

    private init(socket: RawSocket, channel: SecureChannel, established: SecureChannel.Established, decoder: FrameDecoder) {
        self.socket = socket
        self.channel = channel
        self.established = established
        self.decoder = decoder
    }

    struct Failure: Error {}

    static func connect(to node: TestNode) async throws -> RawPeer {
        var random = SystemRandomNumberGenerator()
        guard let socket = RawSocket(.tcp, to: node.address.tcpPort) else { throw Failure() }
        var channel = SecureChannel.initiator(mesh: TestNode.mesh, staticKey: AgreementKey(using: &random), remoteKey: node.key.publicKey)
        socket.send(try channel.start(using: &random))
        while let bytes = await socket.receive(), !bytes.isEmpty {
            for event in try channel.receive(bytes, using: &random) {
                switch event {
                case .write(let bytes): socket.send(bytes)
                case .established(let established): return RawPeer(socket: socket, channel: channel, established: established, decoder: FrameDecoder())
                case .inviteNeeded, .plaintext: throw Failure()
                }
            }
        }
        throw Failure()
    }

    func send(plaintext: [UInt8]) throws { socket.send(try channel.send(plaintext)) }
    func send(_ frame: Frame) throws { try send(plaintext: frame.encoded()) }

    func frame() async throws -> Frame {
        var random = SystemRandomNumberGenerator()
        while true {
            if let frame = try decoder.next() { return frame }
            guard let bytes = await socket.receive(), !bytes.isEmpty else { throw Failure() }
            for case .plaintext(let plaintext) in try channel.receive(bytes, using: &random) { decoder.append(plaintext) }
        }
    }

    /// The node's offer, which is the first it says.
    func offer() async throws -> DatagramOffer {
        let frame = try await frame()
        guard frame.knownType == .datagramOffer else { throw Failure() }
        return try DatagramOffer(decoding: frame.body)
    }
}
