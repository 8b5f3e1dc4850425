import Cryptography
import NIOCore
import NIOPosix
import Noise
import Primitives
import WireFormat

/// All sockets of one node: sessions with other nodes over TCP, and the sealed datagrams beside them (`Protocol/transport.md`).
///
/// Everything happens on one event loop of its own; the methods may be called from any thread and never wait.
public final class MeshTransport: Sendable {
    /// Takes an event. For a refusable one the answer is whether there was room; if not, `whenRoom` is called once, from any thread, when it
    /// should be offered again. A datagram comes without `whenRoom` and is dropped when refused.
    public typealias Delivery = @Sendable (_ event: TransportEvent, _ byteCount: Int, _ whenRoom: (@Sendable () -> Void)?) -> Bool

    private let group: MultiThreadedEventLoopGroup
    private let loop: SocketLoop

    /// - Parameters:
    ///   - inviteSecret: the secret of an invite; `nil` for an unknown one, whose holder gets no answer at all.
    ///   - tap: sees everything in the clear: for tests.
    public init(
        configuration: TransportConfiguration, mesh: MeshID, staticKey: AgreementKey,
        inviteSecret: @escaping @Sendable (InviteID) async -> PreSharedKey?, tap: (any FrameTap)? = nil, deliver: @escaping Delivery
    ) {
        group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        loop = SocketLoop(
            loop: group.next(), configuration: configuration, mesh: mesh, staticKey: staticKey, inviteSecret: inviteSecret, tap: tap, deliver: deliver)
    }

    /// Opens the sockets. Throws `TransportError` if an address or a port cannot be had.
    public func start() async throws -> BoundPorts { try await loop.start() }

    /// Tries the addresses in order; ends in `established` or `dialFailed`. With an invite: first contact.
    public func dial(_ dial: DialNumber, to addresses: [NetworkAddress], key: TransportKey, invite: (id: InviteID, secret: PreSharedKey)? = nil) {
        loop.execute { $0.dial(Dialing(number: dial, addresses: addresses, key: key, invite: invite)) }
    }

    /// Queues a frame. A session that is gone, or whose peer does not read, takes nothing.
    public func send(_ frame: Frame, on session: SessionID) { loop.execute { $0.connection(session)?.send(frame) } }

    /// Sends a datagram, if the peer has said where to. Plaintext of at most 1,168 bytes; a longer one is dropped.
    public func sendDatagram(_ plaintext: [UInt8], on session: SessionID) { loop.execute { $0.sendDatagram(plaintext, on: session) } }

    /// What each session has sent and received so far.
    public func traffic() async -> [SessionID: SessionTraffic] {
        await withCheckedContinuation { continuation in
            if !loop.execute({ continuation.resume(returning: $0.traffic) }) { continuation.resume(returning: [:]) }
        }
    }

    /// Writes what is queued, then closes. The `closed` event still comes.
    public func close(_ session: SessionID) { loop.execute { $0.connection(session)?.close(.closedHere) } }

    /// Closes everything, within the closing deadline. No event comes after this has returned. Owed once, even where `start` failed.
    public func stop() async {
        await loop.stop()
        loop.finish()
        try? await group.shutdownGracefully()
    }
}

/// An attempt to reach a node.
struct Dialing: Sendable {
    let number: DialNumber
    let addresses: [NetworkAddress]
    let key: TransportKey
    let invite: (id: InviteID, secret: PreSharedKey)?
    var attempts: [DialFailure.Attempt] = []
}
