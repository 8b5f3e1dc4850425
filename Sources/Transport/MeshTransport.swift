import Cryptography
import Noise
import Primitives
import WireFormat

/// All sockets of one node: sessions with other nodes over TCP, and the sealed datagrams beside them.
public final class MeshTransport: Sendable {
    /// Takes an event. For a refusable one the answer is whether there was room; if not, `whenRoom` is called once, from any thread, when it
    /// should be offered again. A datagram comes without `whenRoom` and is dropped when refused.
    public typealias Delivery = @Sendable (_ event: TransportEvent, _ byteCount: Int, _ whenRoom: (@Sendable () -> Void)?) -> Bool

    public init(
        configuration: TransportConfiguration, mesh: MeshID, staticKey: AgreementKey,
        inviteSecret: @escaping @Sendable (InviteID) async -> PreSharedKey?, tap: (any FrameTap)? = nil, deliver: @escaping Delivery
    ) {}

    /// Opens the sockets.
    public func start() async throws(TransportError) -> BoundPorts { BoundPorts(tcp: nil, udp: 0) }

    /// Tries the addresses in order; ends in `established` or `dialFailed`. With an invite: first contact.
    public func dial(_ dial: DialNumber, to addresses: [NetworkAddress], key: TransportKey, invite: (id: InviteID, secret: PreSharedKey)? = nil) {}

    public func send(_ frame: Frame, on session: SessionID) {}
    public func sendDatagram(_ plaintext: [UInt8], on session: SessionID) {}
    public func close(_ session: SessionID) {}
    public func stop() async {}
}
