import Ledger
import NodeCore
import Primitives
import Simulation
import Testing

/// A (of a later version) reaches only B, and C reaches only B; B and C know neither stream.
@Suite struct FutureSchemaTests {
    private static let unknownVersion = StreamID(kind: 1, schemaVersion: 7)
    private static let unknownKind = StreamID(kind: 900, schemaVersion: 3)
    private static let yesterday = SimulatedMesh.firstDay.advanced(by: -1)

    /// A SimHash of 128 bits, with values twice as long as today's; kept for one day.
    private func wideHashes() throws -> StreamDescriptor {
        try #require(
            StreamDescriptor(
                stream: Self.unknownVersion, keyByteCount: 16, valueByteCount: 6, retentionDays: 1, flags: 0x8001,
                shardKey: [UInt8](repeating: 7, count: 16)))
    }

    /// Keys of any length, one bucket for seven days.
    private func unknownThings() throws -> StreamDescriptor {
        try #require(
            StreamDescriptor(
                stream: Self.unknownKind, keyByteCount: 0, valueByteCount: 0, daySpan: 7, retentionDays: 30,
                shardKey: [UInt8](repeating: 9, count: 16)))
    }

    @Test(arguments: seeds(61, 62))
    func aFutureSchemaIsStoredRelayedAndExpiredUnread(seed: UInt64) throws {
        let (wide, things) = (try wideHashes(), try unknownThings())
        var random = SeededGenerator(seed: seed)
        let hashes = (0..<40).map { _ in Record(key: random.bytes(count: 16), value: random.bytes(count: 6)) }.sorted()
        let names = (1...20).map { Record(key: random.bytes(count: $0), value: []) }.sorted()
        let week = Day(number: SimulatedMesh.firstDay.number / 7 * 7)
        let (a, b, c) = (0, 1, 2)
        let mesh = SimulatedMesh.make(operators: 3, seed: seed)
        mesh.separate(a, c)
        mesh.introduce(b, to: c)
        mesh.startAll()
        mesh.observeSomething(at: b)

        mesh.observe(hashes, on: Self.yesterday, of: wide, at: a)
        mesh.observe(names, on: week, of: things, at: a)
        #expect(mesh.run(until: \.isConverged, within: .seconds(60)), replay(mesh))
        expectSound(mesh)
        for node in [b, c] {
            #expect(mesh.records(of: a, in: Self.unknownVersion, on: Self.yesterday, at: node) == hashes, replay(mesh))
            #expect(mesh.records(of: a, in: Self.unknownKind, on: week, at: node) == names, replay(mesh))
            // Flags that nobody understands are relayed as they are.
            #expect(mesh.descriptor(of: Self.unknownVersion, from: a, at: node) == wide, replay(mesh))
        }

        // Yesterday's hashes are kept for one day: until the midnight two hours from the start, and at most an hour of housekeeping.
        mesh.run(for: .seconds(3 * 3_600 + 600))
        for node in [a, b, c] {
            #expect(mesh.records(of: a, in: Self.unknownVersion, on: Self.yesterday, at: node).isEmpty, replay(mesh))
            #expect(mesh.records(of: a, in: Self.unknownKind, on: week, at: node) == names, replay(mesh))
        }
        #expect(mesh.overdueBuckets().isEmpty, replay(mesh))
        #expect(mesh.isConverged, replay(mesh))
        expectSound(mesh)
    }
}
