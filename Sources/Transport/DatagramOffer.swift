import WireFormat

/// `Protocol/transport.md` §5.1: "datagrams for me carry this session id, and go to this port": once per session, both ways, right after the handshake.
struct DatagramOffer: Hashable, Sendable {
    /// Random, never 0.
    let sessionID: UInt64
    /// At the address the TCP connection has; 0 for "nowhere until I have sent one".
    let port: UInt16

    init(sessionID: UInt64, port: UInt16) {
        self.sessionID = sessionID
        self.port = port
    }

    init(decoding bytes: [UInt8]) throws(WireError) {
        var reader = WireReader(bytes)
        sessionID = try reader.integer()
        port = try reader.integer()
        try reader.finish()
        guard sessionID != 0 else { throw .invalid(.sessionID) }
    }

    func encoded() -> [UInt8] {
        var writer = WireWriter(reserving: 10)
        writer.integer(sessionID)
        writer.integer(port)
        return writer.bytes
    }
}
