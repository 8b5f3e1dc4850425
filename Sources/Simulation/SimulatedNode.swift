import Ledger
import NodeCore
import Primitives
import Replication
import WireFormat

/// A node with all that the daemon has around its core: disk, outbox, clock, and the sessions it knows.
///
/// A class: it is looked at for every event, and copying so much each time was an eighth of a run.
final class SimulatedNode {
    /// Where a session of this node leads.
    struct Place {
        let link: Link
        let end: Int
    }

    let index: Int
    let role: MemberRole
    var configuration: NodeCore.Configuration
    /// `nil` while the node is down, or if it is not honest.
    var core: NodeCore?
    var hostile: (any HostileMember)?
    var disk: SimulatedDisk
    var sightings = OwnSightings()
    var random: SeededGenerator
    /// How far its wall clock is off.
    var clockError: Duration
    /// Until when its process stands still.
    var pausedUntil: Int64 = 0
    /// How many times as long as usual its disk and its checks take, and until when.
    var slowness: (factor: Int, until: Int64) = (1, 0)
    /// Which life it lives; also its incarnation. What was scheduled for an earlier one is void.
    var life: UInt64 = 0
    var sessions: [SessionID: Place] = [:]
    var nextSession: UInt64 = 1
    var diskBusyUntil: Int64 = 0
    var checksUnderWay = 0
    var mostChecksUnderWay = 0
    var traffic = Traffic()
    /// Positions that the disk has answered for, by origin: they never go back.
    var answeredHeads: [OriginID: HeadPosition] = [:]
    var backup: SimulatedDisk.Content?
    /// It runs an older version, which knows fewer types (`SimulatedMesh+OldVersions`).
    var isOld = false
    /// It has been put back to an old copy of its disk: what it says of itself is not held against it.
    var isRestored = false

    init(index: Int, role: MemberRole, configuration: NodeCore.Configuration, disk: SimulatedDisk, random: SeededGenerator, clockError: Duration) {
        self.index = index
        self.role = role
        self.configuration = configuration
        self.disk = disk
        self.random = random
        self.clockError = clockError
    }

    var isHonest: Bool { role == .honest }
    var isUp: Bool { core != nil || hostile != nil }

    var ownBuckets: [Bucket] {
        guard let manifest = disk.content.own?.manifest else { return [] }
        return manifest.entries.compactMap { disk.content.buckets[disk.origin]?[$0.root] }
    }
}

/// What a node has sent. Bytes as they leave the process, sealing included; TCP in packets of 1,400 bytes.
public struct Traffic: Hashable, Sendable {
    public internal(set) var frameCount = 0
    public internal(set) var frameByteCount = 0
    public internal(set) var datagramCount = 0
    public internal(set) var datagramByteCount = 0
    public internal(set) var packetCount = 0

    /// By type: frames from 0 on, datagrams from `firstDatagram` on; the last place of each is for all types beyond.
    static let (typeCount, firstDatagram) = (64, 32)
    private(set) var byteCountByType = [Int](repeating: 0, count: typeCount)

    var hasSentDifference: Bool { byteCountByType[Int(FrameType.difference.rawValue)] > 0 }
    var hasSentAnnouncement: Bool { byteCountByType[Self.firstDatagram + 10] > 0 }

    mutating func sentFrame(byteCount: Int, type: UInt16) {
        byteCountByType[min(Int(type), Self.firstDatagram - 1)] += byteCount
        frameCount += 1
        frameByteCount += byteCount
        packetCount += (byteCount + 1_399) / 1_400
    }

    mutating func sentDatagram(byteCount: Int, type: UInt8) {
        byteCountByType[min(Self.firstDatagram + Int(type), Self.typeCount - 1)] += byteCount
        datagramCount += 1
        datagramByteCount += byteCount
        packetCount += 1
    }
}

extension Traffic {
    /// What a place of `byteCountByType` is for, in words.
    static func name(ofPlace place: Int) -> String {
        guard place >= firstDatagram else { return FrameType(rawValue: UInt16(place)).map { "\($0)" } ?? "frame \(place)" }
        let names = [
            1: "ping datagram", 2: "ack datagram", 3: "heads datagram", 4: "head with change", 5: "probe request", 6: "challenge", 7: "voucher",
            10: "announcement datagram", 11: "wanted datagram",
        ]
        return names[place - firstDatagram] ?? "datagram \(place - firstDatagram)"
    }
}
