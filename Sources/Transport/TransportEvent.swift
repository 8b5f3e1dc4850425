import Noise
import Primitives
import WireFormat

/// What the sockets of a node tell it.
///
/// Frames and datagrams come from peers and may be refused; all other events happen at most a few times per session, and whoever takes events must
/// take them.
public enum TransportEvent: Hashable, Sendable {
    /// Both sides have proven their transport keys. First of its session.
    case established(SessionID, SessionFacts)
    /// No address led to the node that was asked for. The answer to a `dial`, instead of `established`.
    case dialFailed(DialNumber, DialFailure)
    /// A frame, in the order in which the peer sent them. May be of a type this node does not know: the node answers it.
    case frame(SessionID, Frame)
    /// The plaintext of a datagram: each at most once, in any order.
    case datagram(SessionID, [UInt8])
    /// Last of its session, exactly once.
    case closed(SessionID, CloseReason)

    /// Whether a peer sent this, so that there may be no room for it.
    public var isRefusable: Bool {
        switch self {
        case .frame, .datagram: true
        case .established, .dialFailed, .closed: false
        }
    }
}

/// Who is at the other end of a session, as far as the handshake proves it.
public struct SessionFacts: Hashable, Sendable {
    /// The other node's transport key, proven. Whether that node may be here is not the transport's to know.
    public let remoteKey: TransportKey
    /// Which `dial` this session answers; `nil` if the other side dialed.
    public let dial: DialNumber?
    /// The invite whose secret was proven, at first contact. The accepting node uses it up now.
    public let inviteID: InviteID?
    /// The other end's numeric address, without a port.
    public let remoteHost: String
    /// The other end's TCP port.
    public let remotePort: UInt16
    /// 32 bytes that name this session on both sides. Not secret.
    public let handshakeHash: [UInt8]

    public var isDialed: Bool { dial != nil }

    public init(remoteKey: TransportKey, dial: DialNumber?, inviteID: InviteID?, remoteHost: String, remotePort: UInt16, handshakeHash: [UInt8]) {
        self.remoteKey = remoteKey
        self.dial = dial
        self.inviteID = inviteID
        self.remoteHost = remoteHost
        self.remotePort = remotePort
        self.handshakeHash = handshakeHash
    }
}

/// Bytes of one session, TCP and datagrams together, as they go through the sockets; what TCP, UDP and IP add is not in them.
public struct SessionTraffic: Hashable, Sendable {
    public var sentByteCount: UInt64 = 0
    public var receivedByteCount: UInt64 = 0

    public init() {}
}

/// Why a session ended.
public enum CloseReason: Hashable, Sendable {
    /// This node asked for it.
    case closedHere
    /// This node stops.
    case stopped
    /// The other side closed the connection, or it broke.
    case closedByPeer
    /// The other side sent something that is no frame, is over its limit, or is not allowed at that place.
    case violation(WireError)
    /// The stream was tampered with, or its keys are used up.
    case channelFailed(NoiseError)
    /// The other side does not read what it is sent.
    case peerIsNotReading
    /// The unfinished frames of all sessions together are over the limit, and this session added the last bytes.
    case outOfMemory
}

/// Why no session came of a `dial`.
public struct DialFailure: Hashable, Sendable {
    public enum Reason: Hashable, Sendable {
        /// There are as many sessions as there may be, or this node has stopped.
        case noRoom, stopped
        /// The name does not resolve, or nothing listens there.
        case unreachable
        /// The deadline for connecting or for the handshake has passed.
        case timedOut
        /// The other side closed during the handshake: it has another key, is of another mesh, takes no more connections, or refuses the invite.
        case refused
        /// The other side answered with bytes that its key cannot have made.
        case handshakeFailed(NoiseError)
    }

    public struct Attempt: Hashable, Sendable {
        public let address: NetworkAddress
        public let reason: Reason

        public init(address: NetworkAddress, reason: Reason) {
            self.address = address
            self.reason = reason
        }
    }

    /// One per address tried, in order; empty if there was none to try or no room to try it.
    public let attempts: [Attempt]
    /// Why the last attempt failed, or why there was none.
    public let reason: Reason

    public init(attempts: [Attempt], reason: Reason) {
        self.attempts = attempts
        self.reason = reason
    }
}

/// Where a started node takes connections and datagrams.
public struct BoundPorts: Hashable, Sendable {
    /// `nil` for an outbound-only node.
    public let tcp: UInt16?
    public let udp: UInt16

    public init(tcp: UInt16?, udp: UInt16) {
        self.tcp = tcp
        self.udp = udp
    }
}

/// A socket could not be opened.
public struct TransportError: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Socket: String, Hashable, Sendable { case tcp, udp }

    public let socket: Socket
    public let address: String
    public let port: UInt16
    /// What the system said.
    public let cause: String

    public init(socket: Socket, address: String, port: UInt16, cause: String) {
        self.socket = socket
        self.address = address
        self.port = port
        self.cause = cause
    }

    public var description: String { "cannot listen at \(address) \(socket.rawValue) port \(port): \(cause)" }
}
