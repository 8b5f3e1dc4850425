import Cryptography
import Ledger
import NodeCore
import Primitives
import Replication
import WireFormat

/// An operator of the simulated mesh, with the keys and certificates of its one node.
struct SimulatedOperator {
    let identityKey: SigningKey
    let nodeKey: SigningKey
    let generationKey: SigningKey
    /// Only a name here: sessions are made without a handshake.
    let transportKey: TransportKey
    /// Empty for a node that cannot be dialed.
    let addresses: [NetworkAddress]
    /// The place of who admitted it; `nil`: the mesh root.
    let sponsor: Int?
    /// Membership chain, generation and node certificate.
    let statements: [AnyStatement]

    var origin: OriginID { OriginID(identityKey.verifyingKey.raw) }
    var node: NodeID { NodeID(nodeKey.verifyingKey.raw) }

    /// What the node says of itself at its start of this number.
    func record(incarnation: UInt64) -> Verified<PeerRecord> {
        let flags: PeerRecord.Flags = addresses.isEmpty ? .outboundOnly : []
        return Signed.make(made(PeerRecord(node: node, incarnation: incarnation, flags: flags, addresses: addresses)), with: nodeKey)
    }

    /// A first head with nothing in it.
    func firstPublication(at now: Timestamp) -> OwnState {
        let certificate = statements.lazy.compactMap { if case .generation(let certificate) = $0 { certificate } else { nil } }.first
        var publisher = Publisher(origin: origin, key: generationKey, certificate: certificate, own: nil)
        let publication = made(publisher.publication(at: now))
        return OwnState(head: publication.head, manifest: publication.manifest, history: publication.history)
    }

    func identity(in mesh: MeshID, incarnation: UInt64) -> NodeIdentity {
        NodeIdentity(mesh: mesh, origin: origin, node: node, transportKey: transportKey, addresses: addresses, incarnation: incarnation)
    }

    /// - Parameter generation: the key of a later generation than the first, if there is one.
    func keys(root: SigningKey?, generation: SigningKey? = nil) -> NodeKeys {
        NodeKeys(identity: identityKey, node: nodeKey, generation: generation ?? generationKey, meshRoot: root)
    }
}

/// Draws operators from a seed: each is admitted by the root or by an earlier operator.
struct MeshFounder {
    /// Sponsors that stand between an operator and the root, at most.
    static let longestChain = 8

    let root: SigningKey
    let mesh: MeshID
    let now: Timestamp
    private(set) var operators: [SimulatedOperator] = []
    private var random: SeededGenerator

    init(seed: UInt64, at now: Timestamp) {
        random = SeededGenerator(seed: seed ^ 0x666F_756E_6465_72)
        root = SigningKey(using: &random)
        mesh = MeshID(root: root.verifyingKey)
        self.now = now
    }

    /// Admits one more operator; the first one can always be dialed.
    ///
    /// - Parameters:
    ///   - network: where its node is.
    ///   - given: its sponsor, if it is not to be drawn.
    mutating func admitOperator(outboundOnlyPerMille: UInt64, in network: NetworkPlan = .laboratory, by given: Int? = nil) {
        let index = operators.count
        let identityKey = SigningKey(using: &random)
        let sponsor = given ?? pickSponsor()
        let member = Signed.make(
            made(
                MembershipCertificate(
                    mesh: mesh, member: OriginID(identityKey.verifyingKey.raw), displayName: "operator \(index)",
                    sponsor: sponsor.map { operators[$0].identityKey.verifyingKey } ?? root.verifyingKey, notBefore: now + .seconds(-864_000),
                    notAfter: now + .seconds(63_072_000))),
            with: sponsor.map { operators[$0].identityKey } ?? root)
        let nodeKey = SigningKey(using: &random)
        let generationKey = SigningKey(using: &random)
        let transportKey = TransportKey(bytes: random.bytes(count: 32))
        let isOutboundOnly = random.number(below: 1_000) < outboundOnlyPerMille && index > 0
        let node = Signed.make(
            made(
                NodeCertificate(
                    origin: OriginID(identityKey.verifyingKey.raw), serial: 1, node: NodeID(nodeKey.verifyingKey.raw), transportKey: made(transportKey),
                    roles: [.publisher, .replica], notBefore: now + .seconds(-864_000), notAfter: now + .seconds(5_184_000))),
            with: identityKey)
        let generation = Signed.make(
            made(
                GenerationCertificate(
                    origin: OriginID(identityKey.verifyingKey.raw), generation: 1, signingKey: generationKey.verifyingKey,
                    notBefore: now + .seconds(-864_000),
                    notAfter: now + .seconds(63_072_000), reason: .first)),
            with: identityKey)
        operators.append(
            SimulatedOperator(
                identityKey: identityKey, nodeKey: nodeKey, generationKey: generationKey, transportKey: made(transportKey),
                addresses: isOutboundOnly ? [] : [network.address(of: index)], sponsor: sponsor,
                statements: chain(of: sponsor) + [.membership(member), .generation(generation), .node(node)]))
    }

    /// A few nodes that a starting node is told of: its sponsor's, and one or two more.
    mutating func seeds(of index: Int) -> [NodeCore.Configuration.Seed] {
        var places = operators[index].sponsor.map { [$0] } ?? []
        if index > 0 { places.append(0) }
        if operators.count > 1 { places.append(Int(random.number(below: UInt64(operators.count)))) }
        var seeds: [NodeCore.Configuration.Seed] = []
        for place in places where place != index {
            guard let address = operators[place].addresses.first else { continue }
            let seed = NodeCore.Configuration.Seed(address: address, key: operators[place].transportKey)
            if !seeds.contains(seed) { seeds.append(seed) }
        }
        return seeds
    }

    /// What is on each disk before the nodes start.
    ///
    /// - Parameters:
    ///   - areAcquainted: all hold the credentials, addresses and first heads of all; else each has its own credentials only.
    ///   - isShared: what acquainted nodes make of that is worked out once, and kept once for all.
    ///   - silent: places of those who have not published anything yet.
    func disks(areAcquainted: Bool, isShared: Bool, silent: Set<Int>) -> [SimulatedDisk.Content] {
        func content(_ statements: [AnyStatement]) -> SimulatedDisk.Content {
            var content = SimulatedDisk.Content()
            for statement in statements { content.statements[StatementSubject(statement)] = statement }
            return content
        }
        guard areAcquainted else { return operators.map { content($0.statements) } }
        var common = content(operators.flatMap { $0.statements + [.peer($0.record(incarnation: 1))] })
        let own = operators.map { $0.firstPublication(at: now) }
        var adopted: [OriginID: AdoptedState] = [:]
        for (place, state) in own.enumerated() where !silent.contains(place) {
            adopted[state.head.body.origin] = AdoptedState(head: state.head, manifest: state.manifest)
            common.adopted[state.head.body.origin] = adopted[state.head.body.origin]
        }
        if isShared {
            let statements = common.statements.keys.sorted().compactMap { common.statements[$0] }
            common.base = made(SettledBase(mesh: mesh, statements: statements, adopted: adopted, at: Moment(instant: .zero, timestamp: now)))
        }
        return own.enumerated().map { place, state in
            var content = common
            if !silent.contains(place) { content.own = state }
            content.adopted.removeValue(forKey: state.head.body.origin)
            return content
        }
    }

    /// Operators from whom this place was admitted, nearest first.
    func sponsors(of index: Int) -> [Int] {
        var places: [Int] = []
        var next = operators[index].sponsor
        while let place = next {
            places.append(place)
            next = operators[place].sponsor
        }
        return places
    }

    private mutating func pickSponsor() -> Int? {
        guard !operators.isEmpty, random.number(below: 4) > 0 else { return nil }
        let place = Int(random.number(below: UInt64(operators.count)))
        return sponsors(of: place).count + 1 < Self.longestChain ? place : nil
    }

    private func chain(of sponsor: Int?) -> [AnyStatement] {
        guard let sponsor else { return [] }
        return operators[sponsor].statements.filter { if case .membership = $0 { true } else { false } }
    }

}

/// Which addresses nodes have: neighbours are chosen from different networks where they can be.
enum NetworkPlan {
    /// Private addresses, which tell nothing of networks.
    case laboratory
    /// Each node in a network of its own.
    case apart
    /// All in one network.
    case together

    func address(of index: Int) -> NetworkAddress {
        let number: UInt32 =
            switch self {
            case .laboratory: 0x0A00_0001 + UInt32(index)
            case .apart: 0x1000_0001 + UInt32(index) << 16  // 16.0.0.1, 16.1.0.1, …
            case .together: 0x0808_0001 + UInt32(index)
            }
        return made(NetworkAddress(host: .ipv4(number), tcpPort: 7_946, udpPort: 7_946))
    }
}

/// What the simulation makes keeps the rules.
func made<Value>(_ value: Value?) -> Value {
    guard let value else { preconditionFailure("the simulation made a \(Value.self) that breaks a rule") }
    return value
}
