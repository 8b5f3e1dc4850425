import NIOCore

/// A socket bound to `::` names IPv4 hosts as `::ffff:a.b.c.d`. To people, and to the caps per address, they are the IPv4 hosts they are.
extension SocketAddress {
    private static let mappedPrefix = [UInt8](repeating: 0, count: 10) + [0xFF, 0xFF]

    /// The 4 or 16 bytes of the host; of a mapped IPv4 host the 4.
    var hostBytes: [UInt8] {
        switch self {
        case .v4(let address): return withUnsafeBytes(of: address.address.sin_addr) { Array($0) }
        case .v6(let address):
            let bytes = withUnsafeBytes(of: address.address.sin6_addr) { Array($0) }
            return bytes.starts(with: Self.mappedPrefix) ? Array(bytes.suffix(4)) : bytes
        case .unixDomainSocket: return []
        }
    }

    /// The host as text, without a zone; a mapped IPv4 host as IPv4.
    var hostText: String {
        let bytes = hostBytes
        return bytes.count == 4 ? bytes.map { String($0) }.joined(separator: ".") : String(ipAddress?.prefix { $0 != "%" } ?? "")
    }

    /// The same host at another port, in the form that a socket of the family of `socket` can send to; `nil` if it cannot.
    func destination(port: UInt16, from socket: SocketAddress) -> SocketAddress? {
        let bytes = hostBytes
        switch socket {
        case .v4: return bytes.count == 4 ? try? SocketAddress(ipAddress: hostText, port: Int(port)) : nil
        case .v6 where bytes.count == 4: return try? SocketAddress(ipAddress: "::ffff:" + hostText, port: Int(port))
        case .v6:
            var address = self
            address.port = Int(port)
            return address
        case .unixDomainSocket: return nil
        }
    }
}
