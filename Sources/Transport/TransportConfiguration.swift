import WireFormat

/// Where a node listens, and what it is willing to spend on whoever connects. Our own tuning; the specification's limits are in `Limits`.
public struct TransportConfiguration: Sendable {
    /// The numeric address to listen at; `0.0.0.0` is every IPv4 interface, `::` every interface.
    public var bindAddress = "127.0.0.1"
    /// The TCP port; 0 lets the system choose.
    public var tcpPort: UInt16 = 0
    /// The UDP port; 0 lets the system choose.
    public var udpPort: UInt16 = 0
    /// Whether nothing may connect to this node: it dials only.
    public var isOutboundOnly = false

    public var handshakes = Handshakes()

    /// Sessions at one time, accepted and dialed. About 8 are dialed and as many accepted in a healthy mesh.
    public var sessionLimit = 512
    /// Accepted sessions from one address (an IPv6 /64) at one time, so that nobody takes all there are. A guess: many nodes may stand behind one address.
    public var acceptedPerAddress = 128
    /// What may wait to be written on one session, in bytes. A peer that reads slower than it asks is cut off here. Room for the
    /// longest frame twice.
    public var outboundByteLimit = 2 * (Limits.manifestByteCount + Frame.headerByteCount)
    /// The longest frame body taken from whoever has connected, until this node has asked it for something, in bytes: a stranger's hello, and no more.
    public var strangerBodyLimit = FrameType.hello.maximumBodyByteCount
    /// Unfinished frames of all sessions together, in bytes: a few of the longest at once.
    public var unfinishedByteLimit = 128 << 20
    /// How long closing may take to write what is still queued.
    public var closingDeadline: Duration = .seconds(2)
    /// The share of datagrams that are not sent, 0 to 1: to see on one machine what a bad network does, and for nothing else.
    public var datagramLoss = 0.0

    public init() {}

    /// What a stranger may cost.
    public struct Handshakes: Sendable {
        /// From connecting to the last handshake message. Specification: 5 s.
        public var deadline: Duration = .seconds(5)
        /// Connections from one address (an IPv6 /64) that may be in their handshake at one time.
        public var halfOpenPerAddress = 16
        /// Connections that may be in their handshake at one time.
        public var halfOpenInAll = 256
        /// First messages answered per second in the long run; each costs about 0.2 ms of computing.
        public var perSecond = 50
        /// First messages answered at once after a quiet time.
        public var burst = 200

        public init() {}
    }
}
