import Cryptography
import Foundation
import Ledger
import Logging
@testable import NodeRuntime
import NodeCore
import Primitives
import Storage
import Testing
import Transport
import WireFormat

/// Statements that are kept together, while the disk is at work, are what they would be one by one.
@Suite struct DiskTests {
    private func record(_ incarnation: UInt64, _ key: SigningKey) throws -> AnyStatement {
        let record = try #require(PeerRecord(node: NodeID(key.verifyingKey.raw), incarnation: incarnation, flags: .outboundOnly, addresses: []))
        return .peer(Signed.make(record, with: key))
    }

    @Test func ofEachSlotTheLastIsKept() async throws {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("hearsay-disk-\(UUID())").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: path) }
        let store = try MeshStore(path: path + "/mesh.db")
        let disk = Disk(
            directory: NodeDirectory(path: path), store: store, replica: Replica(own: OriginID(.zero)), mailbox: Mailbox(capacity: 16, byteCapacity: 1 << 20),
            logger: Logger(label: "disk"))
        var random = SeededGenerator(seed: 71)
        let (first, second, third) = (SigningKey(using: &random), SigningKey(using: &random), SigningKey(using: &random))

        for incarnation in 1...200 as ClosedRange<UInt64> { for key in [first, second, third] { disk.keep(try record(incarnation, key)) } }
        let emptied = try record(200, second)
        disk.discard(emptied.slot)
        disk.keep(try record(201, first))
        disk.discard(try record(200, third).slot)
        disk.keep(try record(7, third))
        await disk.drain()

        let kept = try store.load().state.statements.compactMap { statement -> (NodeID, UInt64)? in
            if case .peer(let record) = statement { (record.body.node, record.body.incarnation) } else { nil }
        }
        let expected = [(NodeID(first.verifyingKey.raw), 201), (NodeID(third.verifyingKey.raw), 7)] as [(NodeID, UInt64)]
        #expect(kept.sorted { $0.0 < $1.0 }.map { "\($0)" } == expected.sorted { $0.0 < $1.0 }.map { "\($0)" })
    }
}
