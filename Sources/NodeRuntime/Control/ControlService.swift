import Foundation
import Ledger
import Membership
import NodeCore
import Outbox
import Primitives
import Storage
import Transport

/// What the node answers to its operator's command line.
struct ControlService: Sendable {
    let node: Node
    let replica: Replica
    let disk: Disk
    let store: MeshStore
    let outbox: OutboxReader?
    let stop: @Sendable () -> Void

    func answer(_ request: ControlRequest) async -> ControlAnswer {
        switch request {
        case .status: return .document(StatusDocument.text(await node.status(), traffic: await node.traffic(), retraction: disk.retractionState()))
        case .holdings: return .document(HoldingsDocument(await node.adoptedHeads()).text)
        case .typist(let request): return Questions.typist(request, in: replica.snapshot)
        case .domain(let request): return Questions.domain(request, in: replica.snapshot)
        case .domains(let request): return Questions.domains(request, in: replica.snapshot)
        case .changes(let request):
            guard let changes = await replica.adoptions.next(after: request, within: ControlLimits.changesWait) else {
                return .failure(error: "\(ControlLimits.changesWaiting) others wait for changes already", hint: "end a hearsay watch run")
            }
            return .document(changes.text)
        case .revoke(let key, let reason):
            guard let origin = OriginID(hex: key), let reason = Revocation.Reason(rawValue: reason) else {
                return .failure(error: "an operator is named by 64 hex digits", hint: "hearsay peers shows them")
            }
            await node.command(.revoke(origin, reason))
            return .done
        case .rule(let key, let word): return await rule(key, word)
        case .quota(let sightings, let byteCount): return await setQuota(sightings, byteCount)
        case .openGeneration(let reason):
            guard let reason = GenerationCertificate.Reason(rawValue: reason), reason != .first else {
                return .failure(error: "a generation is opened for one of the reasons 2 to 6", hint: "hearsay generation new --reason rotation")
            }
            return await open(.openGeneration(reason))
        case .recover: return await open(.recover)
        case .absorb:
            guard let outbox else { return .failure(error: "this node has no outbox to read", hint: "hearsay init --outbox DIRECTORY") }
            return await withCheckedContinuation { continuation in
                disk.absorb(from: outbox) { result in
                    switch result {
                    case .success: continuation.resume(returning: .done)
                    case .failure(let error): continuation.resume(returning: .failure(error: "\(error)", hint: nil))
                    }
                }
            }
        case .answerPeers(let isOn): return await setAnswering(isOn)
        case .askPeer(let request): return await PeerQuestions.ask(request, node)
        case .stop:
            stop()
            return .done
        }
    }
}

extension ControlService {
    private func rule(_ key: String, _ word: String?) async -> ControlAnswer {
        guard let origin = OriginID(hex: key) else {
            return .failure(error: "an operator is named by 64 hex digits", hint: "hearsay peers --json shows them")
        }
        guard let rule = PeerWords.rule(word) else { return .failure(error: "an operator is pinned, blocked, or neither", hint: "hearsay peers block KEY") }
        let status = await node.status()
        guard origin != status.origin else { return .failure(error: "that is this operator itself", hint: "hearsay peers shows the others") }
        let ruled = status.rules.filter { $0.key != origin && $0.value == rule }.count
        switch rule {
        case .pinned where ruled >= PeerRules.pinLimit:
            return .failure(error: "\(PeerRules.pinLimit) operators are pinned already", hint: "hearsay peers unpin KEY")
        case .blocked where ruled >= PeerRules.blockLimit:
            return .failure(error: "\(PeerRules.blockLimit) operators are blocked already", hint: "hearsay peers unblock KEY")
        default: break
        }
        await node.command(.rule(rule, on: origin))
        return .done
    }

    private func setAnswering(_ isOn: Bool) async -> ControlAnswer { await set(.answerPeers(isOn)) { $0.answersQuestions = isOn } }

    private func setQuota(_ sightings: UInt64?, _ byteCount: UInt64?) async -> ControlAnswer {
        var quota = await node.status().originQuota
        if let sightings { quota.sightings = sightings }
        if let byteCount { quota.byteCount = byteCount }
        return await set(.limit(quota)) { $0.originQuota = quota }
    }

    /// On the disk first: what the operator is told holds after a crash too.
    private func set(_ command: Command, _ change: (inout NodeSettings) -> Void) async -> ControlAnswer {
        do {
            guard var settings = try store.settings() else { return .failure(error: "the node's settings cannot be read", hint: nil) }
            change(&settings)
            try store.save(settings)
        } catch { return .failure(error: "\(error)", hint: nil) }
        await node.command(command)
        return .done
    }

    private func open(_ command: Command) async -> ControlAnswer {
        guard await node.holdsIdentityKey else {
            return .failure(
                error: "the operator's identity key, which opens generations, is not in the node's directory",
                hint: "put identity.key back there and start the node again")
        }
        await node.command(command)
        return .done
    }
}

/// A node's status as JSON.
public struct StatusDocument: Codable, Hashable, Sendable {
    public struct Peer: Codable, Hashable, Sendable {
        public var node: String
        public var `operator`: String
        public var name: String
        public var connected: Bool
        public var dialed_by_us: Bool
        /// `unseen`, `alive`, `suspect`, `dead` or `left`.
        public var state: String
        /// Since something has come from it, over whatever way.
        public var last_seen_s: Double?
        /// Why there is no session with it, if that is known.
        public var down_because: String?
        public var round_trip_ms: Double?
        public var silence_s: Double?
        public var addresses: [String]
        public var failed_dials: Int
        /// Bytes of the session with it so far, TCP and datagrams, sealing included.
        public var sent_bytes: UInt64?
        public var received_bytes: UInt64?
        /// The newest head of this operator's own that the node has told it of, and so has adopted.
        public var holds_our_head: String?
        /// Statements it has told us of that we have not read; and our heads that it has not told us of.
        public var unread: UInt64?
        public var heads_behind: UInt64?
    }

    public struct Origin: Codable, Hashable, Sendable {
        public var `operator`: String
        public var name: String
        public var standing: String
        public var adopted: String?
        public var wanted: String?
        public var current: Bool
        /// It has said that nothing more will come.
        public var ended: Bool
        /// There is evidence against its newest generation.
        public var quarantined: Bool
        public var sightings: UInt64
        /// From hearing of the adopted head to having verified and stored all of it.
        public var followed_in_ms: Double?
        /// Whether a node of theirs has told of a head of ours without anything that we have retracted.
        public var has_retracted: Bool?
        /// Who has admitted it: operators' keys, or the mesh's root key.
        public var sponsors: [String]
        /// What this operator has decided about it: `pinned` or `blocked`.
        public var rule: String?
        /// Why its newest head is not followed: `blocked`, `over quota`, or `ahead of time` by this node's clock.
        public var held_back: String?
    }

    /// What one operator may have in the replica.
    public struct Quota: Codable, Hashable, Sendable {
        public var sightings: UInt64
        public var bytes: UInt64
    }

    public var mesh: String
    public var `operator`: String
    public var name: String
    public var sponsors: [String]
    public var node: String
    public var head: String?
    public var sightings: UInt64
    /// `ready`, `asking`, `opening`, `recovering`, or `halted: ` and why.
    public var signing: String
    /// The generation that heads are signed in.
    public var generation: UInt32?
    /// The first head without anything that was retracted: `none`, `waiting`, or its position.
    public var retracted_by_head: String?
    public var sessions: Int
    public var statements: Int
    public var waiting_statements: Int
    public var quota: Quota
    public var peers: [Peer]
    public var origins: [Origin]

    public var hasEndedFeed: Bool { signing == Self.word(for: .halted(.ended)) }

    static func text(_ status: NodeStatus, traffic: [SessionID: SessionTraffic] = [:], retraction: MeshStore.RetractionState?) -> String {
        func milliseconds(_ duration: Duration) -> Double { Double(duration.clampedNanoseconds) / 1e6 }
        let document = StatusDocument(
            mesh: "\(status.mesh)", operator: "\(status.origin)", name: EventLog.printable(status.displayName),
            sponsors: status.sponsors.map { "\($0)" }, node: "\(status.node)", head: status.own.map { "\($0)" }, sightings: status.ownSightingCount,
            signing: word(for: status.signing), generation: generation(in: status.signing),
            retracted_by_head: retraction.map(word), sessions: status.openSessionCount, statements: status.statementCount,
            waiting_statements: status.pendingStatementCount,
            quota: Quota(sightings: status.originQuota.sightings, bytes: status.originQuota.byteCount),
            peers: status.peers.map { peer in
                Peer(
                    node: "\(peer.node)", operator: "\(peer.origin)", name: EventLog.printable(peer.displayName), connected: peer.isConnected,
                    dialed_by_us: peer.isDialedByUs, state: PeerWords.word(for: peer.state),
                    last_seen_s: peer.unheardFor.map { milliseconds($0) / 1_000 }, down_because: peer.downReason.map(PeerWords.words),
                    round_trip_ms: peer.roundTrip.map(milliseconds), silence_s: peer.silence.map { milliseconds($0) / 1_000 },
                    addresses: peer.addresses.map { "\($0)" }, failed_dials: peer.failedDials,
                    sent_bytes: peer.session.flatMap { traffic[$0]?.sentByteCount }, received_bytes: peer.session.flatMap { traffic[$0]?.receivedByteCount },
                    holds_our_head: peer.confirmed.map { "\($0)" }, unread: peer.unreadCount, heads_behind: headsBehind(peer.confirmed, status.own))
            },
            origins: status.origins.map { origin in
                Origin(
                    operator: "\(origin.origin)", name: EventLog.printable(origin.displayName), standing: word(for: origin.standing),
                    adopted: origin.adopted.map { "\($0)" }, wanted: origin.wanted.map { "\($0)" }, current: origin.isCurrent, ended: origin.hasEnded,
                    quarantined: origin.isQuarantined, sightings: origin.sightingCount,
                    followed_in_ms: origin.followedIn.map(milliseconds),
                    has_retracted: retraction.flatMap { hasRetracted(origin.origin, $0, status.peers) },
                    sponsors: origin.sponsors.map { "\($0)" }, rule: PeerWords.word(for: origin.rule),
                    held_back: origin.heldBack.map(PeerWords.words))
            })
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return (try? encoder.encode(document)).map { String(decoding: $0, as: UTF8.self) } ?? "{}"
    }

    /// `nil` if it has told of no head of this generation: it may have all, and have had no reason to say so.
    private static func headsBehind(_ confirmed: HeadPosition?, _ own: HeadPosition?) -> UInt64? {
        guard let confirmed, let own, confirmed.generation == own.generation, confirmed.sequence <= own.sequence else { return nil }
        return own.sequence - confirmed.sequence
    }

    private static func word(for retraction: MeshStore.RetractionState) -> String {
        switch retraction {
        case .none: "none"
        case .waiting: "waiting"
        case .published(let position): "\(position)"
        }
    }

    /// Of an operator with several nodes that are certified now each must have said so, and at least one. `nil` while there is nothing to say.
    private static func hasRetracted(_ origin: OriginID, _ retraction: MeshStore.RetractionState, _ peers: [NodeStatus.Peer]) -> Bool? {
        switch retraction {
        case .none: return nil
        case .waiting: return false
        case .published(let position):
            let nodes = peers.filter { $0.origin == origin && $0.isCertified }
            return !nodes.isEmpty && nodes.allSatisfy { $0.confirmed.map { $0 >= position } ?? false }
        }
    }

    private static func word(for signing: NodeStatus.Signing) -> String {
        switch signing {
        case .ready: "ready"
        case .asking: "asking"
        case .halted(let halt): "halted: " + EventLog.words(for: halt)
        case .openingAsks: "opening: asking others what they know of us"
        case .openingWrites: "opening: writing"
        case .recovering(let position): "recovering: fetching our head \(position)"
        }
    }

    private static func generation(in signing: NodeStatus.Signing) -> UInt32? {
        if case .ready(let generation) = signing { generation } else { nil }
    }

    private static func word(for standing: Standing) -> String {
        switch standing {
        case .member: "member"
        case .revoked: "revoked"
        case .lapsed: "lapsed"
        case .unknown: "unknown"
        }
    }
}
