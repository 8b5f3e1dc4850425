import Ledger
import NodeCore
import Primitives
import Replication

/// The checkers of `Protocol/invariants.md`.
extension SimulatedMesh {
    /// The work that may wait for one disk, and the batches that may be under check for one core.
    static let diskQueueLimit = 16_384
    static let checksLimit = 1_024

    /// Honest operators whose membership has not ended.
    public var honestMembers: [Int] { nodes.indices.filter { nodes[$0].isHonest && !revoked.contains($0) } }

    /// Whether every running honest member's replica is what every honest member has published last, and that is all they have seen.
    public var isConverged: Bool {
        // What differed when asked last differs still, most often: it is looked at first.
        if let (origin, node) = lastDifference, nodes[node].isUp, nodes[node].disk.content.adopted[self.origin(of: origin)]?.head.bytes
            != nodes[origin].disk.content.own?.head.bytes, !revoked.contains(origin), !revoked.contains(node) { return false }
        let members = honestMembers
        for origin in members {
            guard let own = nodes[origin].disk.content.own else {
                if nodes[origin].sightings.allDays.isEmpty { continue }
                return false
            }
            let id = self.origin(of: origin)
            for node in members where node != origin && nodes[node].isUp {
                guard nodes[node].disk.content.adopted[id]?.head.bytes == own.head.bytes else {
                    lastDifference = (origin, node)
                    return false
                }
            }
        }
        return members.allSatisfy { nodes[$0].sightings.differing(from: nodes[$0].ownBuckets, on: moment(of: $0).timestamp.day).isEmpty }
    }

    /// Everything that keeps the mesh from being converged, byte by byte; empty if it is. For the end of a scenario.
    public func disagreements() -> [Violation] {
        var found: [Violation] = []
        let members = honestMembers
        for origin in members {
            let id = self.origin(of: origin)
            let own = nodes[origin].disk.content.own
            for node in members where nodes[node].isUp {
                let today = moment(of: node).timestamp.day
                let replica = nodes[node].disk.content.buckets[id] ?? [:]
                if node != origin {
                    let adopted = nodes[node].disk.content.adopted[id]
                    if adopted?.head.bytes != own?.head.bytes {
                        found.append(.notConverged(node: node, origin: origin, has: adopted?.head.body.position, published: own?.head.body.position))
                    }
                    for bucket in nodes[origin].ownBuckets where bucket.descriptor.lastDay(ofBucketAt: bucket.entry.day) >= today {
                        if replica[bucket.entry.root]?.bytes != bucket.bytes {
                            found.append(.differentBucket(node: node, origin: origin, bucket.entry.stream, bucket.entry.day))
                        }
                    }
                }
                let here = replica.values.sorted { $0.entry < $1.entry }
                for day in nodes[origin].sightings.differing(from: here, on: today) {
                    found.append(.sightingLost(node: node, origin: origin, day.stream, day.day))
                }
            }
        }
        return found
    }

    /// Buckets that are still on disk, own or learned, though their retention ended before the day before.
    public func overdueBuckets() -> [Violation] {
        var found: [Violation] = []
        for node in honestMembers {
            let today = moment(of: node).timestamp.day
            let content = nodes[node].disk.content
            for origin in content.buckets.keys.sorted() {
                for bucket in (content.buckets[origin] ?? [:]).values.sorted(by: { $0.entry < $1.entry })
                where bucket.descriptor.lastDay(ofBucketAt: bucket.entry.day) < today {
                    found.append(.bucketKeptTooLong(node: node, origin: placeOfOrigin[origin] ?? -1, bucket.entry.stream, bucket.entry.day))
                }
            }
        }
        return found
    }

    /// Honest members that take a revoked operator's node for connected.
    public func sessionsOfRevoked() -> [Violation] {
        var found: [Violation] = []
        for node in honestMembers {
            for peer in status(of: node)?.peers ?? [] where peer.isConnected {
                if let place = placeOfOrigin[peer.origin], revoked.contains(place) { found.append(.revokedStillConnected(node: node, revoked: place)) }
            }
        }
        return found
    }

    /// Members that a node has open sessions with, and those of them that it has dialed itself, in the order in which the sessions were made.
    public func neighbours(of node: Int) -> [Int] { neighbours(of: node) { _ in true } }
    public func dialedNeighbours(of node: Int) -> [Int] { neighbours(of: node) { $0 == 0 } }

    private func neighbours(of node: Int, at end: (Int) -> Bool) -> [Int] {
        let sessions = nodes[node].sessions.sorted { $0.key < $1.key }.map(\.value)
        return sessions.filter { end($0.end) && !$0.link.isBroken && $0.link.ends[1 - $0.end].isOpen }.map { $0.link.ends[1 - $0.end].node }
    }

    /// The records of a stream and day that a node's replica holds of an origin; the node's own among them.
    public func records(of origin: Int, in stream: StreamID, on day: Day, at node: Int) -> [Record] {
        let buckets = (nodes[node].disk.content.buckets[self.origin(of: origin)] ?? [:]).values
        return buckets.filter { $0.entry.stream == stream && $0.entry.day == day }.flatMap(\.records).sorted()
    }

    /// The descriptor under which a node relays a stream of an origin.
    public func descriptor(of stream: StreamID, from origin: Int, at node: Int) -> StreamDescriptor? {
        nodes[node].disk.content.adopted[self.origin(of: origin)]?.manifest.descriptor(of: stream)
    }

    public func adoptedPosition(of origin: Int, at node: Int) -> HeadPosition? {
        nodes[node].disk.content.adopted[self.origin(of: origin)]?.head.body.position
    }

    public func publishedPosition(of node: Int) -> HeadPosition? { nodes[node].disk.content.own?.head.body.position }

    /// What honest nodes have reported, oldest first.
    public var reports: [(node: Int, event: Event)] { events }

    public var statistics: Statistics {
        let seconds = max(1, Double(nanoseconds - measuredFrom) / 1e9)
        let traffic = nodes.filter(\.isHonest).map(\.traffic)
        let perNode = 1 / (seconds * Double(max(1, traffic.count)))
        let byType = (0..<Traffic.typeCount).map { place in
            (name: Traffic.name(ofPlace: place), bytes: Double(traffic.reduce(0) { $0 + $1.byteCountByType[place] }) * perNode)
        }
        return Statistics(
            headToLastNode: Statistics.Distribution(of: spread.durations), headsUnderWay: spread.underwayCount,
            bytesPerNodePerSecond: Double(traffic.reduce(0) { $0 + $1.frameByteCount + $1.datagramByteCount }) * perNode,
            packetsPerNodePerSecond: Double(traffic.reduce(0) { $0 + $1.packetCount }) * perNode,
            bytesPerNodePerSecondByType: byType.filter { $0.bytes > 0 }.sorted { ($0.bytes, $1.name) > ($1.bytes, $0.name) },
            mostBytesPerSecond: Double(traffic.map { $0.frameByteCount + $0.datagramByteCount }.max() ?? 0) / seconds, eventCount: trace.eventCount,
            checkCount: checks.checkCount, crashCount: counts.crashes, sessionBreakCount: counts.sessionBreaks, sessionsMade: counts.sessionsMade,
            lostDatagramCount: counts.lostDatagrams, longestDiskQueue: nodes.map(\.disk.longestQueue).max() ?? 0,
            mostChecksUnderWay: nodes.map(\.mostChecksUnderWay).max() ?? 0,
            liveness: liveness.figures(over: .nanoseconds(nanoseconds - measuredFrom), nodeCount: traffic.count))
    }

    /// Datagrams that a NAT has let in no more, and questions that an older version did not know.
    public var natForgottenCount: Int { counts.natForgotten }
    public var oldVersionAskedCount: Int { counts.oldVersionAsked }

    /// How heads spread since the measurement began.
    public var convergence: ConvergenceCurve { spread.curve }

    /// Begins the figures anew: what came before, such as the start of all nodes, no longer counts.
    public func beginMeasurement() {
        measuredFrom = nanoseconds
        spread = HeadSpread()
        liveness.beginMeasurement()
        for node in nodes.indices { nodes[node].traffic = Traffic() }
    }

    func isRunningMember(_ node: Int) -> Bool { nodes[node].isHonest && nodes[node].isUp && !revoked.contains(node) }

    func countRunningMembers() { runningMemberCount = nodes.indices.count { isRunningMember($0) } }

    // MARK: What is watched while the mesh runs

    func noteEvent(_ event: Event, at node: Int) {
        guard nodes[node].isHonest else { return }
        if events.count < 200_000 { events.append((node, event)) }
        switch event {
        case .misbehaviour(let session, let misbehaviour):
            guard let place = nodes[node].sessions[session] else { return }
            let peer = place.link.ends[1 - place.end].node
            switch misbehaviour {
            case .silent, .helloTimeout: break  // The network's fault.
            case .malformed, .forgedStatements, .wrongContent, .unexpectedFrame:
                if nodes[peer].isHonest { violate(.honestNodeAccused(node: peer, by: node, misbehaviour)) }
            }
        case .equivocation(let origin, let generation):
            if let place = placeOfOrigin[origin], nodes[place].isHonest, !nodes[place].isRestored { violate(.evidence(origin: place, generation: generation)) }
        case .signingHalted:
            guard nodes[node].isRestored else { return violate(.signingHalted(node: node)) }
            schedule(.input(node, life: nodes[node].life, .command(.recover)), in: .seconds(1))
        case .memberState(let peer, _, let state): liveness.note(state, of: peer, by: node, in: self)
        case .generationOpened: counts.generationsOpened += 1
        case .setAside: counts.setAside += 1
        case .limitReached(let limit): violate(.limitReached(node: node, limit))
        default: break
        }
    }

    /// The disk has answered: what it says is so for ever.
    func noteAnswer(_ input: Input, at node: Int) {
        switch input {
        case .adopted(let head): noteAnswered(head, at: node)
        case .published(let publication): noteAnswered(publication.head, at: node)
        default: break
        }
        if nodes[node].disk.missingBucketCount > 0 { violate(.adoptedWithoutBuckets(node: node)) }
        if nodes[node].disk.longestQueue > Self.diskQueueLimit { violate(.diskQueueTooLong(node: node, count: nodes[node].disk.longestQueue)) }
        if nodes[node].mostChecksUnderWay > Self.checksLimit { violate(.tooManyChecks(node: node, count: nodes[node].mostChecksUnderWay)) }
    }

    private func noteAnswered(_ head: Verified<Head>, at node: Int) {
        let (origin, position) = (head.body.origin, head.body.position)
        if let before = nodes[node].answeredHeads[origin], position <= before {
            violate(.headWentBack(node: node, origin: placeOfOrigin[origin] ?? -1, from: before, to: position))
        }
        nodes[node].answeredHeads[origin] = position
    }

    /// Heads go to their followers when the core is told, so that the figures include all the way.
    func note(_ input: Input, at node: Int) {
        switch input {
        case .published(let publication):
            noteHeads([.head(publication.head)], at: node)
            let position = publication.head.body.position
            spread.published(position, of: publication.head.body.origin, at: nanoseconds, followerCount: runningMemberCount - 1)
        case .adopted(let head):
            let isFollowed = placeOfOrigin[head.body.origin].map { isRunningMember($0) } ?? false
            let followers = runningMemberCount - (isFollowed ? 1 : 0)
            spread.adopted(head.body.position, of: head.body.origin, by: node, at: nanoseconds, followerCount: followers)
        default: break
        }
    }

    /// Of an honest origin there is one head per position, whoever received it.
    func noteHeads(_ statements: [AnyStatement], at node: Int) {
        for case .head(let head) in statements {
            guard let place = placeOfOrigin[head.body.origin], nodes[place].isHonest, !nodes[place].isRestored else { continue }
            let id = HeadID(origin: head.body.origin, position: head.body.position)
            if let known = headsSeen[id], known != head.hash { violate(.equivocation(origin: place, head.body.position)) }
            headsSeen[id] = head.hash
        }
    }

    func checkDiskAfterCrash(of node: Int) {
        let content = nodes[node].disk.content
        for origin in nodes[node].answeredHeads.keys.sorted() {
            guard let answered = nodes[node].answeredHeads[origin] else { continue }
            let now = origin == nodes[node].disk.origin ? content.own?.head.body.position : content.adopted[origin]?.head.body.position
            guard let now, now >= answered else {
                violate(.headWentBack(node: node, origin: placeOfOrigin[origin] ?? -1, from: answered, to: now))
                continue
            }
        }
    }
}
