import Primitives

/// Decides which strangers may go on with a handshake: little memory per connection, and few Diffie-Hellmans per second, whatever arrives.
///
/// A connection is *half open* from when it is accepted until its handshake has succeeded or failed. Caps on half-open connections
/// bound memory; the token bucket bounds what the first message may cost in computing (four agreements, about 0.1 ms).
struct HandshakeGate {
    let configuration: TransportConfiguration.Handshakes
    private var halfOpen: [Neighbourhood: Int] = [:]
    private var halfOpenTotal = 0
    private var tokens: Double
    private var refilledAt: Instant

    init(_ configuration: TransportConfiguration.Handshakes, at now: Instant) {
        self.configuration = configuration
        tokens = Double(configuration.burst)
        refilledAt = now
    }

    /// Whether one more connection from there may be half open. Each `true` is answered by one `ended(from:)`.
    mutating func begin(from neighbourhood: Neighbourhood) -> Bool {
        let count = halfOpen[neighbourhood, default: 0]
        guard halfOpenTotal < configuration.halfOpenInAll, count < configuration.halfOpenPerAddress else { return false }
        halfOpen[neighbourhood] = count + 1
        halfOpenTotal += 1
        return true
    }

    mutating func ended(from neighbourhood: Neighbourhood) {
        guard let count = halfOpen[neighbourhood] else { return }
        halfOpen[neighbourhood] = count > 1 ? count - 1 : nil
        halfOpenTotal -= 1
    }

    /// Takes the right to one Diffie-Hellman computation with a stranger; `false` if there is none left just now.
    mutating func takeToken(at now: Instant) -> Bool {
        let elapsed = Double((now - refilledAt).clampedNanoseconds) / 1e9
        tokens = min(Double(configuration.burst), tokens + max(0, elapsed) * Double(configuration.perSecond))
        refilledAt = now
        guard tokens >= 1 else { return false }
        tokens -= 1
        return true
    }
}

/// Addresses that one party can take as many of as it likes: one IPv4 address, or one IPv6 /64.
struct Neighbourhood: Hashable {
    let prefix: [UInt8]

    /// - Parameter address: 4 or 16 bytes.
    init(address: [UInt8]) {
        prefix = address.count == 16 ? Array(address.prefix(8)) : address
    }
}
