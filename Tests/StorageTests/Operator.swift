import Cryptography
import Foundation
import Ledger
import NodeCore
import Primitives
import Storage
import WireFormat

@testable import Replication

/// A made-up operator with all its keys: signs what the tests store.
struct Operator {
    static let today = Day(number: 20_000)
    static let now = Timestamp(milliseconds: 20_000 * 86_400_000)
    static let later = Timestamp(milliseconds: 20_600 * 86_400_000)
    static let mesh = MeshID(Bytes32(Array(repeating: 9, count: 32))!)

    let identity: SigningKey
    let generation: SigningKey
    let descriptor: StreamDescriptor
    private(set) var random: SeededGenerator

    init(seed: UInt64, retentionDays: UInt16 = 90, stream: StreamID = .sessionSimHash1) {
        var random = SeededGenerator(seed: seed)
        identity = SigningKey(using: &random)
        generation = SigningKey(using: &random)
        descriptor = StreamDescriptor(
            stream: stream, keyByteCount: 8, valueByteCount: 3, retentionDays: retentionDays, shardKey: random.bytes(count: SipHash.keyByteCount))!
        self.random = random
    }

    var origin: OriginID { OriginID(identity.verifyingKey.raw) }

    /// A bucket of one day with these SimHashes.
    mutating func bucket(_ simHashes: [UInt64], at day: Day = Operator.today) -> Bucket {
        let records = simHashes.sorted().map { sighting($0, at: day).record }
        return Bucket(records, at: day, descriptor: descriptor, seed: random.bytes(count: Bucket.seedByteCount))
    }

    func sighting(_ simHash: UInt64, sessions: UInt16 = 1, at day: Day = Operator.today) -> Sighting {
        .sessionSimHash(SessionSimHashSighting(day: day, simHash: simHash, sessions: sessions, strength: 7)!)
    }

    func manifest(_ buckets: [Bucket]) -> Manifest {
        Manifest(descriptors: buckets.first.map { [$0.descriptor] } ?? [], entries: buckets.map(\.entry))
    }

    func head(_ sequence: UInt64, _ manifest: Manifest, signedBy key: SigningKey? = nil) -> Verified<Head> {
        Signed<Head>.make(
            Head(
                origin: origin, position: HeadPosition(generation: 1, sequence: sequence), issuedAt: Self.now, lifetimeSeconds: 86_400,
                manifestRoot: manifest.root, entryCount: UInt32(manifest.entries.count), sightingCount: manifest.sightingCount,
                dataByteCount: manifest.dataByteCount, historyRoot: HistoryTree(certificateHash: manifest.root).root)!, with: key ?? generation)
    }

    func publication(_ sequence: UInt64, _ buckets: [Bucket], covering days: [DirtyDay] = []) -> Publication {
        let manifest = manifest(buckets)
        let head = head(sequence, manifest)
        var history = HistoryTree(certificateHash: head.hash)
        for _ in 1..<sequence { history.append(head.hash) }
        return Publication(
            head: head, manifest: manifest, history: history, newBuckets: buckets,
            coveredDays: days.map { CoveredDay(stream: $0.stream, day: $0.day, mark: $0.mark) })
    }

    func membership(of member: Operator, named name: String = "Ann") -> AnyStatement {
        .membership(
            Signed.make(
                MembershipCertificate(
                    mesh: Self.mesh, member: member.origin, displayName: name, sponsor: identity.verifyingKey, notBefore: Self.now, notAfter: Self.later)!,
                with: identity))
    }

    func revocation(of member: Operator) -> AnyStatement {
        .revocation(
            Signed.make(
                Revocation(mesh: Self.mesh, revoked: member.origin, revoker: identity.verifyingKey, issuedAt: Self.now, reason: .left), with: identity))
    }

    func peerRecord(incarnation: UInt64) -> AnyStatement {
        .peer(
            Signed.make(
                PeerRecord(node: NodeID(identity.verifyingKey.raw), incarnation: incarnation, flags: .init(rawValue: 0), addresses: [])!, with: identity))
    }
}
