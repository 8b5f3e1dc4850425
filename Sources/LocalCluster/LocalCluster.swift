import Foundation
import NodeRuntime
import Primitives
import Storage

/// Why a cluster could not do what it was asked.
public enum ClusterError: Error, Sendable, CustomStringConvertible {
    case alreadyThere(path: String)
    case noCluster(path: String)
    case cannotStart(executable: String, reason: String)
    /// A node did not answer in time; its log says why.
    case silentNode(name: String, logPath: String, lastWords: String)
    /// Not all nodes have followed all others in time.
    case notConverged(missing: Int)
    case badCount(Int)

    public var description: String {
        switch self {
        case .alreadyThere(let path): "there is a cluster in \(path) already"
        case .noCluster(let path): "there is no cluster in \(path)"
        case .cannotStart(let executable, let reason): "cannot start \(executable): \(reason)"
        case .silentNode(let name, let logPath, let lastWords):
            "\(name) does not answer; see \(logPath)" + (lastWords.isEmpty ? "" : ", which ends: \(lastWords)")
        case .notConverged(let missing): "\(missing) pairs of nodes have not found each other in time"
        case .badCount(let count): "a cluster has 1 to \(LocalCluster.maximumCount) nodes, not \(count)"
        }
    }

    public var hint: String? {
        switch self {
        case .alreadyThere: "hearsay cluster down, or another --data directory"
        case .noCluster: "hearsay cluster up -n 3"
        default: nil
        }
    }
}

/// Real nodes on loopback, each its own process with its own directories: for tests, demonstrations and trying things out.
///
/// The first node founds the mesh and invites the others, as operators would. The list of nodes is in `cluster.json`.
public struct LocalCluster: Sendable {
    public static let maximumCount = 200
    /// How long a node may take to answer after its start.
    static let startDeadline: Duration = .seconds(30)
    /// How long a node may take to end by itself.
    static let stopDeadline: Duration = .seconds(10)

    public struct Member: Codable, Hashable, Sendable {
        public let name: String
        /// Holds `node`, `collector` and `outbox`.
        public let home: String
        public let port: UInt16
        public var process: Int32

        public var nodeDirectory: NodeDirectory { NodeDirectory(path: home + "/node") }
        public var outboxDirectory: String { home + "/outbox" }
        public var collectorDirectory: String { home + "/collector" }
        public var logPath: String { home + "/node.log" }
    }

    public let directory: String
    /// The `hearsay` program.
    public let executable: String
    public private(set) var members: [Member]
    /// Given to every node, for example `--capture`.
    public var nodeArguments: [String] = []

    private var listPath: String { directory + "/cluster.json" }

    /// The cluster that an earlier `up` has made.
    public init(opening directory: String, executable: String) throws {
        self.directory = directory
        self.executable = executable
        members = []
        guard let data = FileManager.default.contents(atPath: listPath) else { throw ClusterError.noCluster(path: directory) }
        members = try JSONDecoder().decode([Member].self, from: data)
    }

    /// A cluster that is still to be made.
    public init(creating directory: String, executable: String) throws {
        self.directory = directory
        self.executable = executable
        members = []
        guard !FileManager.default.fileExists(atPath: listPath) else { throw ClusterError.alreadyThere(path: directory) }
    }

    /// Makes and starts the nodes, one operator each.
    public mutating func up(count: Int) async throws {
        guard (1...Self.maximumCount).contains(count) else { throw ClusterError.badCount(count) }
        let ports = Self.freePorts(count)
        for (index, port) in ports.enumerated() {
            let name = "operator-\(index + 1)"
            var member = Member(name: name, home: directory + "/" + name, port: port, process: 0)
            try FileManager.default.createDirectory(atPath: member.home, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
            let settings = NodeSettings(
                displayName: name, bindAddress: "127.0.0.1", tcpPort: port, udpPort: port, advertised: ["127.0.0.1:\(port)"],
                outboxDirectory: member.outboxDirectory)
            _ = try Founding.create(member.nodeDirectory, settings: settings)
            if let founder = members.first {
                let token = try Founding.invite(founder.nodeDirectory, label: name, lifetime: .seconds(600))
                _ = try await Founding.join(member.nodeDirectory, token: token)
            } else {
                _ = try Founding.createMesh(member.nodeDirectory)
            }
            member.process = try launch(member)
            members.append(member)
            try save()
            try await waitUntilAnswering(member)
        }
    }

    /// Starts a member that has ended.
    public mutating func start(_ index: Int) async throws {
        members[index].process = try launch(members[index])
        try save()
        try await waitUntilAnswering(members[index])
    }

    /// Ends a member at once, as a power cut would end the process.
    public func kill(_ index: Int) {
        let member = members[index]
        guard ProcessLauncher.isOurs(member.process, executable: executable) else { return }
        Foundation.kill(member.process, SIGKILL)
        while ProcessLauncher.isAlive(member.process) { usleep(2_000) }
    }

    /// What each member says of itself; `nil` for one that does not answer.
    public func status() -> [(member: Member, status: StatusDocument?)] {
        members.map { ($0, Self.status(of: $0)) }
    }

    /// What one member says of itself; `nil` if it does not answer.
    public func status(of index: Int) -> StatusDocument? { Self.status(of: members[index]) }

    /// How many sightings of each other operator one member holds; `nil` if it does not answer. Costs it little, so that it can be asked often.
    public func holdings(of index: Int) -> [String: UInt64]? {
        guard case .document(let text)? = try? ControlClient.ask(.holdings, socket: members[index].nodeDirectory.controlSocketPath) else { return nil }
        return (try? JSONDecoder().decode(HoldingsDocument.self, from: Data(text.utf8)))?.sightings
    }

    /// Waits until every member has followed a head of every other.
    public func waitUntilConverged(within limit: Duration) async throws {
        func missing() -> Int {
            status().reduce(0) { $0 + max(0, members.count - 1 - ($1.status?.origins.count { $0.adopted != nil && $0.wanted == nil } ?? 0)) }
        }
        guard try await wait(within: limit, until: { _ in missing() == 0 }) else { throw ClusterError.notConverged(missing: missing()) }
    }

    /// Looks at the members until the condition holds; `false` if it does not in time.
    public func wait(within limit: Duration, until condition: ([StatusDocument?]) -> Bool) async throws -> Bool {
        let end = ContinuousClock.now + limit
        while !condition(status().map(\.status)) {
            guard ContinuousClock.now < end else { return false }
            try await Task.sleep(for: .milliseconds(20))
        }
        return true
    }

    /// Ends all members, politely first, and forgets the cluster. Its files stay.
    public mutating func down() async throws {
        for member in members { _ = try? ControlClient.ask(.stop, socket: member.nodeDirectory.controlSocketPath) }
        let end = ContinuousClock.now + Self.stopDeadline
        for member in members {
            while ProcessLauncher.isAlive(member.process), ProcessLauncher.isOurs(member.process, executable: executable) {
                if ContinuousClock.now > end { Foundation.kill(member.process, SIGKILL) }
                try await Task.sleep(for: .milliseconds(20))
            }
        }
        members = []
        try? FileManager.default.removeItem(atPath: listPath)
    }

    private func launch(_ member: Member) throws -> Int32 {
        try ProcessLauncher.start(
            executable, ["node", "--home", member.home] + nodeArguments.map { $0.replacing("{home}", with: member.home) }, logPath: member.logPath)
    }

    private func waitUntilAnswering(_ member: Member) async throws {
        let end = ContinuousClock.now + Self.startDeadline
        while Self.status(of: member) == nil {
            guard ContinuousClock.now < end, ProcessLauncher.isAlive(member.process) else {
                throw ClusterError.silentNode(name: member.name, logPath: member.logPath, lastWords: Self.lastLine(of: member.logPath))
            }
            try await Task.sleep(for: .milliseconds(10))
        }
    }

    private static func status(of member: Member) -> StatusDocument? {
        guard case .document(let text)? = try? ControlClient.ask(.status, socket: member.nodeDirectory.controlSocketPath) else { return nil }
        return try? JSONDecoder().decode(StatusDocument.self, from: Data(text.utf8))
    }

    private static func lastLine(of path: String) -> String {
        let text = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
        return text.split(separator: "\n").last.map { String($0) } ?? ""
    }

    private func save() throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try encoder.encode(members).write(to: URL(fileURLWithPath: listPath), options: .atomic)
    }

    /// Ports that are free for both TCP and UDP just now, below those that the system gives to outgoing connections: nobody else takes them by chance.
    private static func freePorts(_ count: Int) -> [UInt16] {
        var ports: [UInt16] = []
        for port in (UInt16(15_000)..<32_000).shuffled() where ports.count < count {
            guard let stream = bound(Int32(SOCK_STREAM.rawValue), port: port) else { continue }
            defer { close(stream) }
            guard let datagram = bound(Int32(SOCK_DGRAM.rawValue), port: port) else { continue }
            close(datagram)
            ports.append(port)
        }
        return ports
    }

    /// A socket at a port of 127.0.0.1; `nil` if the port is taken.
    private static func bound(_ type: Int32, port: UInt16) -> Int32? {
        // Not to be inherited by a node that another thread is just starting: it would hold the port for as long as it lives.
        let descriptor = socket(AF_INET, type | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return nil }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let isBound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0 }
        }
        guard isBound else {
            close(descriptor)
            return nil
        }
        return descriptor
    }
}
