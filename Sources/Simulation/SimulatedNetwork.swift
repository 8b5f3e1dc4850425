import Primitives
import WireFormat

/// One TCP session between two nodes, as both its ends see it. Kept by its ends and by what is under way on it: gone when they are.
final class Link {
    struct End {
        let node: Int
        /// Which life of the node opened it: a restarted node knows nothing of it.
        let life: UInt64
        let session: SessionID
        var isOpen = true
        /// Until when the line is busy with what this end has sent, and when the last of that arrives.
        var busyUntil: Int64 = 0
        var lastArrival: Int64 = 0
        /// What this end has sent into a partition; TCP tries again until it heals.
        var backlog: [Frame] = []
        /// When this end has sent a datagram last: what a NAT in front of it goes by.
        var lastDatagram: Int64?
        /// Whether it has closed during a partition, so that the other end does not know yet.
        var hasClosedInPartition = false
    }

    /// In the order in which links are made.
    let number: Int
    /// The dialer is end 0, the responder end 1.
    var ends: [End]
    let latency: Int64
    /// Frames under way are lost, and both ends are told.
    var isBroken = false

    init(number: Int, ends: [End], latency: Int64) {
        self.number = number
        self.ends = ends
        self.latency = latency
    }
}

/// Who can reach whom, how fast, and what is under way between them. Decides times and losses; the mesh schedules them.
struct SimulatedNetwork {
    var conditions = NetworkConditions()
    var linkCount = 0
    /// Links on which something waits for a partition to heal, in the order in which that began.
    var stalled: [Link] = []
    var random: SeededGenerator

    private var groups: [Int]
    private var severed: Set<[Int]> = []  // Pairs in ascending order; looked up, never iterated.
    private var deaf: Set<[Int]> = []  // Sender and receiver, until it heals; looked up, never iterated.
    private var limits: [[Int]: Int64] = [:]  // Bits a second of pairs in ascending order, until it heals; looked up, never iterated.
    private let pairSeed: UInt64
    private var nodesByAddress: [NetworkAddress: Int] = [:]

    /// What one end may have sent into a partition before the session is lost.
    static let backlogLimit = 256

    init(nodeCount: Int, seed: UInt64) {
        random = SeededGenerator(seed: seed ^ 0x6E65_7477_6F72_6B)
        groups = [Int](repeating: 0, count: nodeCount)
        pairSeed = seed
    }

    mutating func listen(_ node: Int, at address: NetworkAddress) { nodesByAddress[address] = node }

    func listener(at address: NetworkAddress) -> Int? { nodesByAddress[address] }

    /// Nodes in different groups do not reach each other; nodes in none of them are one more group.
    mutating func partition(_ parts: [[Int]]) {
        heal()
        for (number, part) in parts.enumerated() { for node in part { groups[node] = number + 1 } }
    }

    mutating func heal() {
        groups = [Int](repeating: 0, count: groups.count)
        deaf = []
        limits = [:]
    }

    /// Nothing that `sender` sends reaches `receiver` until the network heals; the other way it may.
    mutating func cut(from sender: Int, to receiver: Int) { deaf.insert([sender, receiver]) }

    mutating func limit(_ left: Int, _ right: Int, bitsPerSecond: Int64) { limits[[min(left, right), max(left, right)]] = bitsPerSecond }

    /// What is between these two less than what there usually is, if it is.
    func limit(of left: Int, _ right: Int) -> Int64? { limits.isEmpty ? nil : limits[[min(left, right), max(left, right)]] }

    /// These two never reach each other, partition or not.
    mutating func sever(_ left: Int, _ right: Int) { severed.insert([min(left, right), max(left, right)]) }

    func reaches(_ left: Int, _ right: Int) -> Bool {
        groups[left] == groups[right] && (severed.isEmpty || !severed.contains([min(left, right), max(left, right)]))
            && (deaf.isEmpty || !deaf.contains([left, right]))
    }

    mutating func stall(_ link: Link) { if !stalled.contains(where: { $0 === link }) { stalled.append(link) } }

    /// A session can be made only where packets travel both ways.
    func reachEachOther(_ left: Int, _ right: Int) -> Bool { reaches(left, right) && reaches(right, left) }

    /// One way between two nodes, the same in both directions and for ever.
    func latency(_ left: Int, _ right: Int) -> Int64 {
        var pair = SeededGenerator(seed: pairSeed ^ UInt64(min(left, right)) << 32 ^ UInt64(max(left, right)))
        let shortest = conditions.latency.lowerBound
        return (shortest + pair.duration(upTo: conditions.latency.upperBound - shortest)).clampedNanoseconds
    }

    mutating func jitter(upTo longest: Duration) -> Int64 { random.duration(upTo: longest).clampedNanoseconds }

    mutating func happens(perMille: UInt64) -> Bool { perMille > 0 && random.number(below: 1_000) < perMille }

    mutating func happens(perMillion: UInt64) -> Bool { perMillion > 0 && random.number(below: 1_000_000) < perMillion }

    /// When a frame sent now arrives: after all that this end has sent before.
    mutating func arrival(of byteCount: Int, on link: Link, from end: Int, at now: Int64) -> Int64 {
        let started = max(now, link.ends[end].busyUntil)
        let rate = min(conditions.bitsPerSecond, limit(of: link.ends[0].node, link.ends[1].node) ?? .max)
        let done = started + Int64(byteCount) * 8_000_000_000 / max(1, rate)
        let arrives = max(done + link.latency + jitter(upTo: conditions.jitter), link.ends[end].lastArrival)
        link.ends[end].busyUntil = done
        link.ends[end].lastArrival = arrives
        return arrives
    }

    /// The times at which copies of a datagram sent now arrive: none if it is lost.
    mutating func datagramArrivals(on link: Link, at now: Int64) -> [Int64] {
        if happens(perMille: conditions.datagramLossPerMille) { return [] }
        let copies = happens(perMille: conditions.datagramDuplicatePerMille) ? 2 : 1
        return (0..<copies).map { _ in now + link.latency + jitter(upTo: conditions.datagramDelay) }
    }
}
