import Ledger
import Membership
import Primitives
import Replication

/// What an operator has decided about another, for its own node alone. Nobody is told.
public enum PeerRule: UInt8, Hashable, Sendable, CaseIterable {
    /// A session with one of its nodes is kept whenever one can be had, and is never drawn anew.
    case pinned = 1
    /// No session with its nodes; what it has published is deleted here, and not fetched any more.
    case blocked = 2
}

/// All of an operator's decisions about others (`Protocol/liveness.md` §6).
public struct PeerRules: Hashable, Sendable {
    /// Pinned operators: more would leave chance too few of the neighbours.
    public static let pinLimit = 4
    public static let blockLimit = 1_024

    private var rules: [OriginID: PeerRule] = [:]  // Looked up; iterated only in order.

    public init(_ rules: [OriginID: PeerRule] = [:]) { self.rules = rules }

    public subscript(origin: OriginID) -> PeerRule? { rules[origin] }

    public var all: [OriginID: PeerRule] { rules }

    /// Ascending.
    public var pinned: [OriginID] { rules.filter { $0.value == .pinned }.keys.sorted() }

    public func isBlocked(_ origin: OriginID) -> Bool { rules[origin] == .blocked }

    /// Whether there was room.
    mutating func set(_ rule: PeerRule?, for origin: OriginID) -> Bool {
        if let rule, rules[origin] != rule {
            guard rules.values.count(where: { $0 == rule }) < (rule == .pinned ? Self.pinLimit : Self.blockLimit) else { return false }
        }
        rules[origin] = rule
        return true
    }
}

/// What one operator may have in the replica. A head that says more is not followed: what was adopted before stays.
public struct OriginQuota: Hashable, Sendable, Codable {
    public var sightings: UInt64
    /// Of buckets, as they are sent.
    public var byteCount: UInt64

    /// Guesses, at a tenth of what a small server can hold and search.
    public static let standard = OriginQuota(sightings: 20_000_000, byteCount: 2 << 30)

    public init(sightings: UInt64, byteCount: UInt64) { (self.sightings, self.byteCount) = (sightings, byteCount) }
}

extension NodeCore {
    /// Takes a decision of our operator, and does at once what follows from it.
    mutating func rule(_ rule: PeerRule?, on origin: OriginID, at now: Moment, using random: inout some RandomNumberGenerator) {
        let before = rules[origin]
        guard rule != before else { return }
        guard origin != identity.origin, rules.set(rule, for: origin) else { return directives.append(.report(.commandRefused(.busy))) }
        directives += [.keepRule(rule, on: origin), .report(.ruled(origin, rule))]
        if rule == .blocked {
            if let head = fetches.wanted(of: origin) ?? origins[origin]?.adopted?.head { passOver(head) }
            settleStanding(of: origin, at: now)
            for id in openSessions where sessions[id]?.origin == origin { dismiss(id) }
        } else if before == .blocked, let newest = passedOver.removeValue(forKey: origin) {
            take(.head(newest), from: nil, isStored: false, at: now)
            beginFetches(at: now, using: &random)
        }
        dialNeighbours(at: now, using: &random)
    }

    /// A head that is not followed now: the newest of each origin is remembered, should that end.
    mutating func passOver(_ head: Verified<Head>) {
        guard head.body.position > passedOver[head.body.origin]?.body.position ?? HeadPosition(generation: 0, sequence: 0) else { return }
        passedOver[head.body.origin] = head
        early[head.body.origin] = nil
    }

    /// Looks again at what was passed over of these origins.
    private mutating func reconsider(_ origins: Set<OriginID>, at now: Moment, using random: inout some RandomNumberGenerator) {
        for origin in origins.sorted() {
            if let head = passedOver.removeValue(forKey: origin) { take(.head(head), from: nil, isStored: false, at: now) }
        }
        beginFetches(at: now, using: &random)
    }

    /// A head that only the time, by our clock, keeps from being followed.
    mutating func holdBack(_ head: Verified<Head>) {
        passOver(head)
        early[head.body.origin] = EarlyWait()
    }

    /// The time of some heads may have come: nobody is left behind until the next head because a clock was wrong.
    mutating func reviewEarly(at now: Moment, using random: inout some RandomNumberGenerator) {
        // Each of them may be looked at without regard to the others, so their order means nothing.
        var due: Set<OriginID> = []
        for (origin, wait) in early {
            if let head = passedOver[origin] {
                guard !wait.isOn(at: now.timestamp, members) else { continue }
                if let wait = self.wait(of: head, at: now.timestamp) {
                    early[origin] = wait
                    continue
                }
            }
            early[origin] = nil
            due.insert(origin)
        }
        if !due.isEmpty { reconsider(due, at: now, using: &random) }
    }

    /// How long nothing but the time keeps a head from being followed; `nil` if that is not so now.
    private func wait(of head: Verified<Head>, at now: Timestamp) -> EarlyWait? {
        let (standing, span) = members.lastingStanding(of: head.body.origin, at: now)
        if standing == .lapsed { return EarlyWait(span: span, revision: members.revision) }
        guard let record = origins[head.body.origin], record.verdict(on: head, at: now) == .early else { return nil }
        return EarlyWait(span: TimeSpan(from: .zero, to: record.due(head)), revision: nil)
    }

    /// Takes another quota: who is within it now is followed again. What is here of those beyond it stays.
    mutating func limit(_ quota: OriginQuota, at now: Moment, using random: inout some RandomNumberGenerator) {
        configuration.originQuota = quota
        reconsider(overQuota, at: now, using: &random)
    }

    func isBlocked(_ node: NodeID) -> Bool { nodes[node].map { rules.isBlocked($0.certificate.body.origin) } ?? false }

    /// The two neighbours that we have dialed and had for longest are where a restart begins: whoever surrounds us while we are away gains nothing by that.
    mutating func noteAnchors() {
        let dialed = sessions.filter { $0.dial != nil && $0.isOpen && !$0.isClosing }.sorted { ($0.openedAt, $0.id) < ($1.openedAt, $1.id) }
        let oldest = dialed.prefix(Self.anchorLimit).compactMap(\.node)
        guard oldest.count >= min(Self.anchorLimit, anchors.count), Set(oldest) != Set(anchors) else { return }
        anchors = oldest
        directives.append(.keepAnchors(oldest))
    }

    /// Neighbours that are remembered across a restart.
    public static let anchorLimit = 2
}

/// How long a head that was held back need not be looked at again: thousands may wait, and few of them become due in one second.
struct EarlyWait: Hashable, Sendable {
    /// By the wall clock, which may jump either way. Empty before the first look.
    var span = TimeSpan(from: .zero, to: .zero)
    /// Of the members' table, if it waits for a membership: another one may make it valid.
    var revision: UInt64?

    func isOn(at now: Timestamp, _ members: MemberTable) -> Bool { span.contains(now) && (revision.map { $0 == members.revision } ?? true) }
}
