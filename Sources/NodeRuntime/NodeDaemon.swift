import Foundation
import Ledger
import Logging
import NIOCore
import NIOPosix
import NodeCore
import Outbox
import Primitives
import Similarity
import Storage
import Transport
import WireFormat

/// Why a node could not be started.
public enum NodeStartError: Error, Sendable, CustomStringConvertible {
    /// There is no node in this directory.
    case noNode(path: String)
    /// The node belongs to no mesh yet.
    case noMesh(path: String)
    /// A key file is missing.
    case keyMissing(path: String)
    /// What it advertises is no address.
    case badAddress(String)

    public var description: String {
        switch self {
        case .noNode(let path): "there is no node in \(path)"
        case .noMesh: "this node belongs to no mesh yet"
        case .keyMissing(let path): "there is no key file \(path)"
        case .badAddress(let text): "\(text) is no address"
        }
    }

    public var hint: String? {
        switch self {
        case .noNode: "hearsay init --name \"Your organisation\" --advertise HOST:PORT"
        case .noMesh: "hearsay mesh create, or hearsay join TOKEN"
        case .keyMissing: "restore it from a backup; a new identity is made with hearsay init in another directory"
        case .badAddress: "use HOST:PORT or HOST:TCP/UDP"
        }
    }
}

/// A whole node process: directory, disk, sockets, core, control socket, outbox.
public final class NodeDaemon: Sendable {
    public let node: Node
    public let ports: BoundPorts
    private let lock: DirectoryLock
    private let group: MultiThreadedEventLoopGroup
    private let transport: MeshTransport
    private let mailbox: Mailbox<Input>
    private let disk: Disk
    private let control: ControlServer
    private let outboxTask: RepeatedTask?
    private let outboxWatch: OutboxWatch?
    private let running: Task<Void, Never>
    private let stopRequested: AsyncStream<Void>

    /// Starts the node in a directory; when this returns, it listens and answers.
    ///
    /// - Parameters:
    ///   - searchable: the streams that can be asked here: fewer than this version knows only in tests of nodes of different versions.
    ///   - datagramLoss: the share of datagrams that are not sent, 0 to 1: to see what a bad network does, and for nothing else.
    ///   - capturePath: writes every plaintext frame and datagram to a file: for tests of what leaves the node, and for nothing else.
    public static func start(
        _ directory: NodeDirectory, logger: Logger, searchable: [StreamID] = SightingIndex.knownStreams, datagramLoss: Double = 0, capturePath: String? = nil
    ) async throws -> NodeDaemon {
        guard directory.exists else { throw NodeStartError.noNode(path: directory.path) }
        let lock = try DirectoryLock(directory: directory.path)
        let store = try MeshStore(path: directory.databasePath)
        guard let settings = try store.settings() else { throw NodeStartError.noNode(path: directory.path) }
        guard let root = settings.meshRoot.flatMap({ VerifyingKey(hex: $0) }) else { throw NodeStartError.noMesh(path: directory.path) }
        let mesh = MeshID(root: root)
        guard let nodeKey = try directory.signingKey(.node) else { throw NodeStartError.keyMissing(path: directory.keyPath(.node)) }
        guard let transportKey = try directory.agreementKey() else { throw NodeStartError.keyMissing(path: directory.keyPath(.transport)) }
        let (state, problems) = try store.load()
        for problem in problems { logger.error("\(problem)") }
        guard let origin = Self.origin(of: NodeID(nodeKey.verifyingKey.raw), in: state) else { throw NodeStartError.noMesh(path: directory.path) }
        let keys = NodeKeys(
            identity: try directory.signingKey(.identity), node: nodeKey,
            generation: try directory.generationKey { key in
                state.statements.contains { statement in
                    if case .generation(let certificate) = statement { certificate.body.origin == origin && certificate.body.signingKey == key } else { false }
                }
            },
            meshRoot: try directory.signingKey(.meshRoot))

        let replica = Replica(own: origin, searchable: searchable)
        let damagedCount = try replica.load(from: store, state: state)
        if damagedCount > 0 { logger.error("\(damagedCount) buckets of the replica are damaged and were left out") }

        let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        let mailbox = Mailbox<Input>(capacity: Node.mailboxCapacity, byteCapacity: Node.mailboxByteCapacity)
        var configuration = TransportConfiguration()
        configuration.bindAddress = settings.bindAddress
        configuration.tcpPort = settings.tcpPort
        configuration.udpPort = settings.udpPort
        configuration.isOutboundOnly = settings.advertised.isEmpty
        configuration.datagramLoss = datagramLoss
        let capture = try capturePath.map { try CaptureFile(path: $0) }
        let transport = MeshTransport(
            configuration: configuration, mesh: mesh, staticKey: transportKey, inviteSecret: { id in (try? store.inviteSecret(id)) ?? nil }, tap: capture
        ) { event, byteCount, whenRoom in Self.deliver(event, byteCount, whenRoom, to: mailbox) }
        let ports = try await transport.start()

        let clock = SystemClock()
        let disk = Disk(directory: directory, store: store, replica: replica, mailbox: mailbox, logger: logger)
        let identity = NodeIdentity(
            mesh: mesh, origin: origin, node: NodeID(nodeKey.verifyingKey.raw), transportKey: transportKey.publicKey,
            addresses: try addresses(settings, ports: ports), incarnation: try store.nextIncarnation())
        var coreConfiguration = NodeCore.Configuration()
        coreConfiguration.seeds = settings.seeds.compactMap { seed in
            guard let address = NetworkAddress(seed.address), let key = TransportKey(hex: seed.key) else { return nil }
            return .init(address: address, key: key)
        }
        coreConfiguration.answersQuestions = settings.answersQuestions ?? false
        coreConfiguration.originQuota = settings.originQuota ?? .standard
        var random = SystemRandomNumberGenerator()
        let core = NodeCore(identity: identity, keys: keys, configuration: coreConfiguration, stored: state, logID: random.next())
        let node = Node(
            core: core, mailbox: mailbox, clock: clock, disk: disk, replica: replica, timers: TimerService(loop: group.next(), mailbox: mailbox),
            transport: transport,
            logger: logger)
        let running = Task { await node.run() }

        let outbox = settings.outboxDirectory.map { OutboxReader(directory: $0) }
        // The watch sees a write at once; the repeated look finds what it has missed, and a folder that was made meanwhile.
        let outboxWatch = settings.outboxDirectory.flatMap { directory in
            OutboxWatch(directory: directory) { whenRead in disk.absorb(from: OutboxReader(directory: directory)) { _ in whenRead() } }
        }
        let outboxTask = outbox.map { reader in
            group.next().scheduleRepeatedTask(initialDelay: .zero, delay: Node.outboxInterval) { task in
                outboxWatch?.look()
                disk.absorb(from: reader) { result in
                    guard case .failure(let error) = result else { return }
                    logger.error("the outbox cannot be read any more: \(error)")
                    outboxWatch?.cancel()
                    task.cancel()
                }
            }
        }
        let (stopRequested, stop) = AsyncStream.makeStream(of: Void.self)
        let service = ControlService(node: node, replica: replica, disk: disk, store: store, outbox: outbox, stop: { stop.yield() })
        let control = try await ControlServer(path: directory.controlSocketPath, group: group) { await service.answer($0) }
        logger.notice(
            "node \(identity.node.short) of operator \(origin.short) listens at \(settings.bindAddress) TCP \(ports.tcp.map { "\($0)" } ?? "none"), UDP \(ports.udp)"
        )
        if datagramLoss > 0 { logger.critical("\(Int(datagramLoss * 100)) % of all datagrams are thrown away: for tests only") }
        if capture != nil { logger.critical("every frame is written in the clear to a capture file: for tests only") }
        return NodeDaemon(
            node: node, ports: ports, lock: lock, group: group, transport: transport, mailbox: mailbox, disk: disk, control: control, outboxTask: outboxTask,
            outboxWatch: outboxWatch, running: running, stopRequested: stopRequested)
    }

    private init(
        node: Node, ports: BoundPorts, lock: DirectoryLock, group: MultiThreadedEventLoopGroup, transport: MeshTransport, mailbox: Mailbox<Input>, disk: Disk,
        control: ControlServer, outboxTask: RepeatedTask?, outboxWatch: OutboxWatch?, running: Task<Void, Never>, stopRequested: AsyncStream<Void>
    ) {
        self.node = node
        self.ports = ports
        self.lock = lock
        self.group = group
        self.transport = transport
        self.mailbox = mailbox
        self.disk = disk
        self.control = control
        self.outboxTask = outboxTask
        self.outboxWatch = outboxWatch
        self.running = running
        self.stopRequested = stopRequested
    }

    /// Returns when somebody asks the node to stop over its control socket.
    public func waitForStopRequest() async {
        for await _ in stopRequested { return }
    }

    /// Closes everything in order; what was acknowledged is on the disk.
    public func stop() async {
        outboxTask?.cancel()
        outboxWatch?.cancel()
        await control.stop()
        await node.leave()
        await transport.stop()
        mailbox.finish()
        await running.value
        await disk.drain()
        try? await group.shutdownGracefully()
    }

    /// Whose node this is: the newest certificate says.
    static func origin(of node: NodeID, in state: StoredState) -> OriginID? {
        state.statements.compactMap { statement -> NodeCertificate? in
            guard case .node(let certificate) = statement, certificate.body.node == node else { return nil }
            return certificate.body
        }.max { $0.serial < $1.serial }?.origin
    }

    /// Advertised addresses; a port of 0 there stands for the port the system has given.
    private static func addresses(_ settings: NodeSettings, ports: BoundPorts) throws(NodeStartError) -> [NetworkAddress] {
        var addresses: [NetworkAddress] = []
        for text in settings.advertised {
            if text.hasSuffix(":0"), let host = NetworkAddress.Host(text.dropLast(2)), let tcp = ports.tcp,
                let address = NetworkAddress(host: host, tcpPort: tcp, udpPort: ports.udp)
            {
                addresses.append(address)
            } else if let address = NetworkAddress(text) {
                addresses.append(address)
            } else {
                throw .badAddress(text)
            }
        }
        return addresses
    }

    private static func deliver(_ event: TransportEvent, _ byteCount: Int, _ whenRoom: (@Sendable () -> Void)?, to mailbox: Mailbox<Input>) -> Bool {
        switch event {
        case .established(let session, let facts):
            mailbox.post(.sessionOpened(session, SessionOpening(remoteKey: facts.remoteKey, dial: facts.dial, inviteID: facts.inviteID)))
        case .dialFailed(let number, let failure): mailbox.post(.dialFailed(number, DownReason(failure.reason)))
        case .frame(let session, let frame): return mailbox.offer(.frame(session, frame), byteCount: byteCount, whenRoom: whenRoom)
        case .datagram(let session, let bytes): return mailbox.offer(.datagram(session, bytes), byteCount: byteCount, whenRoom: whenRoom)
        case .closed(let session, _): mailbox.post(.sessionClosed(session))
        }
        return true
    }
}

extension DownReason {
    init(_ reason: DialFailure.Reason) {
        self =
            switch reason {
            case .noRoom, .stopped: .noRoom
            case .unreachable: .unreachable
            case .timedOut: .timedOut
            case .refused: .refused
            case .handshakeFailed: .wrongKey
            }
    }
}
