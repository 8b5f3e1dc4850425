import Primitives

/// `Protocol/statements.md` §2.1: where a node takes connections: a host and its two ports.
///
/// On the wire `form u8 | host | tcp port u16 | udp port u16`, where form 4 has a host of 4 bytes, form 6 of 16, and form 1 a length byte and a
/// host name. Names are kept as they are written; whoever dials resolves them.
public struct NetworkAddress: Hashable, Sendable, Comparable, CustomStringConvertible {
    public enum Host: Hashable, Sendable {
        case ipv4(UInt32)
        /// Eight groups, first one first.
        case ipv6([UInt16])
        /// Lower-case LDH labels joined by dots.
        case name(DomainName)
    }

    public let host: Host
    public let tcpPort: UInt16
    public let udpPort: UInt16

    /// `nil` if a port is 0 or an IPv6 host has not eight groups.
    public init?(host: Host, tcpPort: UInt16, udpPort: UInt16) {
        guard tcpPort > 0, udpPort > 0 else { return nil }
        if case .ipv6(let groups) = host, groups.count != 8 { return nil }
        self.host = host
        self.tcpPort = tcpPort
        self.udpPort = udpPort
    }

    public init(decoding reader: inout WireReader) throws(WireError) {
        let form: UInt8 = try reader.integer()
        let host: Host
        switch form {
        case 4: host = .ipv4(try reader.integer())
        case 6:
            var groups: [UInt16] = []
            for _ in 0..<8 { groups.append(try reader.integer()) }
            host = .ipv6(groups)
        case 1:
            let text = try reader.prefixed(by: UInt8.self, limit: Limits.hostnameByteCount, field: .hostname)
            guard let name = DomainName(text) else { throw .invalid(.hostname) }
            host = .name(name)
        default: throw .invalid(.address)
        }
        let tcpPort: UInt16 = try reader.integer()
        let udpPort: UInt16 = try reader.integer()
        guard let address = NetworkAddress(host: host, tcpPort: tcpPort, udpPort: udpPort) else { throw .invalid(.port) }
        self = address
    }

    public func encode(into writer: inout WireWriter) {
        switch host {
        case .ipv4(let number):
            writer.integer(UInt8(4))
            writer.integer(number)
        case .ipv6(let groups):
            writer.integer(UInt8(6))
            for group in groups { writer.integer(group) }
        case .name(let name):
            writer.integer(UInt8(1))
            writer.prefixed(name.bytes, by: UInt8.self)
        }
        writer.integer(tcpPort)
        writer.integer(udpPort)
    }

    public static func < (left: NetworkAddress, right: NetworkAddress) -> Bool { left.order.lexicographicallyPrecedes(right.order) }

    private var order: [UInt8] {
        var writer = WireWriter()
        encode(into: &writer)
        return writer.bytes
    }
}

extension NetworkAddress {
    /// Reads `host:port` or `host:tcp/udp`, with an IPv6 host in brackets; `nil` for anything else.
    public init?(_ text: some StringProtocol) {
        guard let colon = text.lastIndex(of: ":") else { return nil }
        let ports = text[text.index(after: colon)...].split(separator: "/", omittingEmptySubsequences: false)
        guard (1...2).contains(ports.count), let tcpPort = Self.port(ports[0]), let udpPort = Self.port(ports[ports.count - 1]) else { return nil }
        guard let host = Host(text[..<colon]) else { return nil }
        self.init(host: host, tcpPort: tcpPort, udpPort: udpPort)
    }

    /// Digits only: the standard library would also take a sign.
    private static func port(_ text: some StringProtocol) -> UInt16? {
        text.utf8.allSatisfy { (0x30...0x39).contains($0) } ? UInt16(text) : nil
    }

    /// `host:port`, or `host:tcp/udp` where the ports differ; what `init` reads.
    public var description: String { "\(host):\(tcpPort)" + (udpPort == tcpPort ? "" : "/\(udpPort)") }
}

extension NetworkAddress.Host: CustomStringConvertible {
    /// Reads `192.0.2.1`, `[2001:db8::1]` or a host name.
    public init?(_ text: some StringProtocol) {
        if text.hasPrefix("["), text.hasSuffix("]") {
            guard let groups = Self.groups(of: text.dropFirst().dropLast()) else { return nil }
            self = .ipv6(groups)
        } else if let number = Self.ipv4(text) {
            self = .ipv4(number)
        } else if text == "localhost" {
            self = .ipv4(0x7F00_0001)
        } else if let name = DomainName(text) {
            self = .name(name)
        } else {
            return nil
        }
    }

    /// The host without brackets, as a resolver takes it.
    public var resolvable: String {
        switch self {
        case .ipv4, .name: description
        case .ipv6: String(description.dropFirst().dropLast())
        }
    }

    public var description: String {
        switch self {
        case .ipv4(let number): [24, 16, 8, 0].map { String(number >> UInt32($0) & 0xFF) }.joined(separator: ".")
        case .ipv6(let groups): "[" + groups.map { String($0, radix: 16) }.joined(separator: ":") + "]"
        case .name(let name): name.text
        }
    }

    private static func ipv4(_ text: some StringProtocol) -> UInt32? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var number: UInt32 = 0
        for part in parts {
            guard (1...3).contains(part.utf8.count), part.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let byte = UInt8(part) else { return nil }
            guard part.utf8.count == 1 || part.utf8.first != UInt8(ascii: "0") else { return nil }  // Some readers take "010" for 8.
            number = number << 8 | UInt32(byte)
        }
        return number
    }

    private static func groups(of text: some StringProtocol) -> [UInt16]? {
        /// One side of a `::`, or all of an address without one.
        func plain(_ text: some StringProtocol) -> [UInt16]? {
            if text.isEmpty { return [] }
            var groups: [UInt16] = []
            for part in text.split(separator: ":", omittingEmptySubsequences: false) {
                guard (1...4).contains(part.utf8.count), part.allSatisfy(\.isHexDigit), let group = UInt16(part, radix: 16) else { return nil }
                groups.append(group)
            }
            return groups
        }
        let characters = Array(text.utf8)
        guard let gap = characters.indices.dropLast().first(where: { characters[$0] == 0x3A && characters[$0 + 1] == 0x3A }) else {
            guard let groups = plain(text), groups.count == 8 else { return nil }
            return groups
        }
        let left = String(decoding: characters[..<gap], as: UTF8.self)
        let right = String(decoding: characters[(gap + 2)...], as: UTF8.self)
        guard let before = plain(left), let after = plain(right), before.count + after.count <= 7 else { return nil }
        return before + [UInt16](repeating: 0, count: 8 - before.count - after.count) + after
    }
}
