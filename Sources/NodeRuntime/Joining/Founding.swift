import Cryptography
import Ledger
import NodeCore
import Primitives
import Storage
import WireFormat

/// Why a node could not be made, a mesh not be created or an invite not be given.
public enum FoundingError: Error, Hashable, Sendable, CustomStringConvertible {
    case alreadyThere(path: String)
    case alreadyInMesh(MeshID)
    case badName
    case badAddress(String)
    /// The identity key is not in the node's directory.
    case noIdentityKey(path: String)
    /// Nobody can connect to this node, so nobody could use an invite.
    case notReachable

    public var description: String {
        switch self {
        case .alreadyThere(let path): "there is a node in \(path) already"
        case .alreadyInMesh(let mesh): "this node belongs to mesh \(mesh.short) already"
        case .badName: "a display name has 1 to \(Limits.displayNameByteCount) bytes and no control characters"
        case .badAddress(let text): "\(text) is no address"
        case .noIdentityKey(let path): "the operator's identity key is not at \(path)"
        case .notReachable: "nobody can connect to this node: it advertises no address"
        }
    }

    public var hint: String? {
        switch self {
        case .alreadyThere: "use another directory with --node, or hearsay status to see this one"
        case .alreadyInMesh: "one node belongs to one mesh; make another with hearsay init --node DIRECTORY"
        case .badName: "hearsay init --name \"Your organisation\""
        case .badAddress: "use HOST:PORT or HOST:TCP/UDP, an IPv6 host in brackets"
        case .noIdentityKey: "put the key file back there for as long as it is needed"
        case .notReachable: "hearsay init --advertise HOST:PORT"
        }
    }
}

/// Makes operators, meshes and invites in a node's directory; the node must not be running for the first two.
public enum Founding {
    /// Makes an operator with one node: keys, database and settings.
    ///
    /// - Parameter identityKeyPath: the key file of an operator that exists already, and has lost its node; `nil` for a new operator. It then has no
    ///   generation yet: others may know of some, so one is opened by `hearsay recover`, not before.
    /// - Returns: the operator's id.
    public static func create(_ directory: NodeDirectory, settings: NodeSettings, identityKeyPath: String? = nil) throws -> OriginID {
        guard !directory.exists else { throw FoundingError.alreadyThere(path: directory.path) }
        guard MembershipCertificate.isAllowed(settings.displayName) else { throw FoundingError.badName }
        for text in settings.advertised where NetworkAddress(text) == nil && !text.hasSuffix(":0") { throw FoundingError.badAddress(text) }
        guard settings.advertised.count <= Limits.addresses else { throw FoundingError.badAddress("the \(Limits.addresses + 1)th address") }
        let known = try identityKeyPath.map { path in
            guard let key = SigningKey(seed: try KeyFile.read(.identity, at: path)) else { throw KeyFileError.malformed(path: path, purpose: .identity) }
            return key
        }
        try directory.create()
        let identity = try known.map { try directory.keep($0, as: .identity) } ?? directory.makeSigningKey(.identity)
        let generation = known == nil ? try directory.makeSigningKey(.generation) : nil
        let transport = try directory.makeAgreementKey()
        let node = try directory.makeSigningKey(.node)  // Last: with it the node exists.
        let origin = OriginID(identity.verifyingKey.raw)
        let now = SystemClock.timestamp
        guard
            let nodeCertificate = NodeCertificate(
                origin: origin, serial: 1, node: NodeID(node.verifyingKey.raw), transportKey: transport.publicKey, roles: [.publisher, .replica],
                notBefore: now, notAfter: now + Limits.nodeCertificateLifetime)
        else { preconditionFailure("a certificate of our own breaks a rule of certificates") }
        let store = try MeshStore(path: directory.databasePath)
        try store.save(settings)
        try store.keep([.node(Signed.make(nodeCertificate, with: identity))])
        let first = generation.flatMap { key in
            GenerationCertificate(
                origin: origin, generation: 1, signingKey: key.verifyingKey, notBefore: now, notAfter: now + NodeCore.Configuration().generationLifetime,
                reason: .first)
        }
        if let first { try store.keep([.generation(Signed.make(first, with: identity))]) }
        return origin
    }

    /// Founds a mesh with this operator as its first member. The root key is made here, and may then be taken away and kept safe.
    public static func createMesh(_ directory: NodeDirectory) throws -> MeshID {
        let (store, settings, lock) = try openMeshless(directory)
        defer { _ = lock }
        guard let identity = try directory.signingKey(.identity) else { throw FoundingError.noIdentityKey(path: directory.keyPath(.identity)) }
        let root = try directory.makeSigningKey(.meshRoot)
        let now = SystemClock.timestamp
        let certificate = MembershipCertificate(
            mesh: MeshID(root: root.verifyingKey), member: OriginID(identity.verifyingKey.raw), displayName: settings.displayName, sponsor: root.verifyingKey,
            notBefore: now, notAfter: now + NodeCore.Configuration().membershipLifetime)
        guard let certificate else { throw FoundingError.badName }
        try store.keep([.membership(Signed.make(certificate, with: root))])
        var joined = settings
        joined.meshRoot = "\(root.verifyingKey)"
        try store.save(joined)
        return certificate.mesh
    }

    /// Makes a single-use invite. The node may be running.
    ///
    /// - Parameter lifetime: at most 7 days.
    public static func invite(_ directory: NodeDirectory, label: String, lifetime: Duration) throws -> InviteToken {
        guard directory.exists else { throw NodeStartError.noNode(path: directory.path) }
        let store = try MeshStore(path: directory.databasePath)
        guard let settings = try store.settings(), let root = settings.meshRoot.flatMap({ VerifyingKey(hex: $0) }) else {
            throw NodeStartError.noMesh(path: directory.path)
        }
        guard let identity = try directory.signingKey(.identity) else { throw FoundingError.noIdentityKey(path: directory.keyPath(.identity)) }
        guard let transport = try directory.agreementKey() else { throw NodeStartError.keyMissing(path: directory.keyPath(.transport)) }
        let addresses = settings.advertised.compactMap { NetworkAddress($0) }
        guard !addresses.isEmpty else { throw FoundingError.notReachable }
        var random = SystemRandomNumberGenerator()
        let now = SystemClock.timestamp
        let token = InviteToken(
            meshRoot: root, sponsor: OriginID(identity.verifyingKey.raw), transportKey: transport.publicKey, inviteID: InviteID(using: &random),
            secret: random.bytes(count: 32), notAfter: now + min(lifetime, Limits.inviteLifetime), addresses: addresses)
        try store.addInvite(token.inviteID, secret: token.secret, notAfter: token.notAfter, label: label, at: now)
        return token
    }

    /// Joins the mesh of an invite; the inviting node must be running.
    public static func join(_ directory: NodeDirectory, token: InviteToken) async throws -> MeshID {
        let (store, settings, lock) = try openMeshless(directory)
        defer { _ = lock }
        guard let identity = try directory.signingKey(.identity) else { throw FoundingError.noIdentityKey(path: directory.keyPath(.identity)) }
        guard let nodeKey = try directory.signingKey(.node) else { throw NodeStartError.keyMissing(path: directory.keyPath(.node)) }
        guard let transport = try directory.agreementKey() else { throw NodeStartError.keyMissing(path: directory.keyPath(.transport)) }
        let node = NodeID(nodeKey.verifyingKey.raw)
        let certificate = try store.load().state.statements.lazy.compactMap { statement -> Verified<NodeCertificate>? in
            guard case .node(let certificate) = statement, certificate.body.node == node else { return nil }
            return certificate
        }.first
        guard let certificate else { throw NodeStartError.noNode(path: directory.path) }
        let addresses = settings.advertised.compactMap { NetworkAddress($0) }
        guard
            let record = PeerRecord(
                node: node, incarnation: try store.nextIncarnation(), flags: addresses.isEmpty ? .outboundOnly : [], addresses: addresses)
        else { throw FoundingError.badAddress(settings.advertised.joined(separator: " ")) }
        let admission = try await JoinClient.join(
            token, displayName: settings.displayName, origin: OriginID(identity.verifyingKey.raw), certificate: certificate,
            record: Signed.make(record, with: nodeKey), key: transport, at: SystemClock.timestamp)
        try store.keep(admission.statements)
        var joined = settings
        joined.meshRoot = "\(token.meshRoot)"
        joined.seeds = token.addresses.map { NodeSettings.Seed(address: "\($0)", key: "\(token.transportKey)") }
        try store.save(joined)
        return token.mesh
    }

    private static func openMeshless(_ directory: NodeDirectory) throws -> (MeshStore, NodeSettings, DirectoryLock) {
        guard directory.exists else { throw NodeStartError.noNode(path: directory.path) }
        let lock = try DirectoryLock(directory: directory.path)
        let store = try MeshStore(path: directory.databasePath)
        guard let settings = try store.settings() else { throw NodeStartError.noNode(path: directory.path) }
        if let root = settings.meshRoot.flatMap({ VerifyingKey(hex: $0) }) { throw FoundingError.alreadyInMesh(MeshID(root: root)) }
        return (store, settings, lock)
    }
}
