import Primitives
import WireFormat

/// Whom to dial next, so that nobody who runs many nodes becomes all our neighbours (`Protocol/liveness.md` §6).
///
/// At most so many neighbours from one network, and from below one operator in the sponsor tree. The caps bend before a place stays empty: a small
/// mesh, or one in a single network, is not made smaller.
public struct NeighbourChoice: Sendable {
    /// Neighbours that we dial in one IPv4 /16, IPv6 /32 or domain.
    public static let perNetwork = 2
    /// Neighbours that we dial of one operator and those admitted below it, where it does not stand above us.
    public static let perBranch = 2

    public struct Candidate: Sendable {
        /// `nil` if only the key is known.
        public var node: NodeID?
        public var key: TransportKey
        public var addresses: [NetworkAddress]
        /// The operator, and all above it up to whom the root has admitted.
        public var branch: [OriginID]

        public var target: DialTarget { node.map { .node($0) } ?? .key(key) }

        public init(node: NodeID?, key: TransportKey, addresses: [NetworkAddress], branch: [OriginID]) {
            self.node = node
            self.key = key
            self.addresses = addresses
            self.branch = branch
        }

        var networks: Set<Network> { Set(addresses.compactMap { Network($0.host) }) }
    }

    /// What belongs together for somebody who rents addresses.
    enum Network: Hashable, Sendable {
        case ipv4(UInt16)
        case ipv6(UInt16, UInt16)
        case domain([UInt8])

        /// `nil` for loopback, private and link-local addresses: laboratories and clusters.
        init?(_ host: NetworkAddress.Host) {
            switch host {
            case .ipv4(let number):
                let (first, second) = (number >> 24, number >> 16 & 0xFF)
                let isPrivate =
                    first == 10 || first == 127 || first == 192 && second == 168 || first == 172 && (16...31).contains(second)
                    || first == 169 && second == 254 || first == 100 && (64...127).contains(second)
                guard !isPrivate else { return nil }
                self = .ipv4(UInt16(truncatingIfNeeded: number >> 16))
            case .ipv6(let groups):
                if groups.count == 8, groups.prefix(5).allSatisfy({ $0 == 0 }), groups[5] == 0xFFFF {  // A mapped IPv4 address.
                    self.init(.ipv4(UInt32(groups[6]) << 16 | UInt32(groups[7])))
                    return
                }
                guard groups.count == 8, groups[0] & 0xFE00 != 0xFC00, groups[0] & 0xFFC0 != 0xFE80, groups[0] != 0 else { return nil }
                self = .ipv6(groups[0], groups[1])
            case .name(let name):
                let labels = name.bytes.split(separator: UInt8(ascii: "."))
                guard labels.count >= 2 else { return nil }  // localhost, or a name of a laboratory.
                self = .domain(Array(labels.suffix(2).joined(separator: [UInt8(ascii: ".")])))
            }
        }
    }

    private var networks: [Network: Int] = [:]
    private var branches: [OriginID: Int] = [:]
    private let exempt: Set<OriginID>

    /// - Parameters:
    ///   - neighbours: those we have dialed, or are dialing.
    ///   - ownBranch: ourselves and all above us: whoever stands there is above most others too.
    public init(neighbours: [Candidate], ownBranch: [OriginID]) {
        exempt = Set(ownBranch)
        for neighbour in neighbours { count(neighbour) }
    }

    /// The candidates in the order given, but first those within the caps; at most `room`. No more of them are asked for than that takes.
    ///
    /// If there are too few within the caps, first those are taken that are over one of them, and last those that are over both: a crowd that is of one network
    /// and of one branch gains least by it. Among equals the order decides: those who are rare are not to carry the whole mesh.
    ///
    /// - Parameter next: the next candidate, `nil` after the last. One that comes again does not count.
    public mutating func choose(_ room: Int, of next: () -> Candidate?) -> [Candidate] {
        var chosen: [Candidate] = []
        var others: [Candidate] = []
        while chosen.count < room, let candidate = next() {
            guard !chosen.contains(where: { $0.target == candidate.target }) else { continue }
            if admit(candidate) { chosen.append(candidate) } else { others.append(candidate) }
        }
        for allowed in 1...2 where chosen.count < room {
            var left: [Candidate] = []
            for candidate in others where !chosen.contains(where: { $0.target == candidate.target }) {
                guard chosen.count < room, excess(of: candidate) <= allowed else {
                    left.append(candidate)
                    continue
                }
                count(candidate)
                chosen.append(candidate)
            }
            others = left
        }
        return chosen
    }

    public mutating func choose(_ room: Int, of candidates: [Candidate]) -> [Candidate] {
        var rest = candidates.makeIterator()
        return choose(room) { rest.next() }
    }

    /// Counts one more neighbour, if the caps allow it; whether they do.
    public mutating func admit(_ candidate: Candidate) -> Bool {
        guard excess(of: candidate) == 0 else { return false }
        count(candidate)
        return true
    }

    /// Over how many of the two caps a candidate would be.
    private func excess(of candidate: Candidate) -> Int {
        let isOverNetwork = candidate.networks.contains { networks[$0, default: 0] >= Self.perNetwork }
        let isOverBranch = candidate.branch.contains { !exempt.contains($0) && branches[$0, default: 0] >= Self.perBranch }
        return (isOverNetwork ? 1 : 0) + (isOverBranch ? 1 : 0)
    }

    private mutating func count(_ candidate: Candidate) {
        for network in candidate.networks { networks[network, default: 0] += 1 }
        for origin in candidate.branch { branches[origin, default: 0] += 1 }
    }
}
