import Cryptography
import Primitives
import Testing
import WireFormat

@testable import Ledger

/// Stream descriptors, bucket entries and sightings: the fixed layouts of `Protocol/ledger.md` §3, §4 and §7.
@Suite struct LayoutTests {
    struct File: Decodable {
        struct Good: Decodable {
            let bytes: HexBytes
            let fields: [String: String]
        }
        let good: [Good]
        let bad: [BadVector]
    }

    private func written(_ encode: (inout WireWriter) -> Void) -> [UInt8] {
        var writer = WireWriter()
        encode(&writer)
        return writer.bytes
    }

    @Test func descriptorsAreReadAndWritten() throws {
        let file = try vectors("ledger/descriptors.json", as: File.self)
        for vector in file.good {
            let descriptor = try whole(vector.bytes.bytes) { try StreamDescriptor(decoding: &$0) }
            #expect(written { descriptor.encode(into: &$0) } == vector.bytes.bytes)
            #expect(String(descriptor.stream.kind) == vector.fields["kind"] && String(descriptor.stream.schemaVersion) == vector.fields["schema_version"])
            #expect(String(descriptor.keyByteCount) == vector.fields["key_length"] && String(descriptor.valueByteCount) == vector.fields["value_length"])
            #expect(String(descriptor.daySpan) == vector.fields["day_span"] && String(descriptor.retentionDays) == vector.fields["retention_days"])
            #expect(String(descriptor.flags) == vector.fields["flags"] && Hex.encode(descriptor.shardKey) == vector.fields["shard_key"])
        }
        for vector in file.bad {
            #expect(refusal { _ = try whole(vector.bytes.bytes) { try StreamDescriptor(decoding: &$0) } } == vector.refusal, "\(vector.name)")
        }
    }

    @Test func entriesAreReadAndWritten() throws {
        let file = try vectors("ledger/entries.json", as: File.self)
        for vector in file.good {
            let entry = try whole(vector.bytes.bytes) { try BucketEntry(decoding: &$0) }
            #expect(written { entry.encode(into: &$0) } == vector.bytes.bytes)
            #expect(String(entry.day.number) == vector.fields["day"] && String(entry.shard) == vector.fields["shard"])
            #expect(String(entry.shardBits) == vector.fields["shard_bits"] && String(entry.flags) == vector.fields["flags"])
            #expect(
                String(entry.count) == vector.fields["count"] && String(entry.byteCount) == vector.fields["bytes"]
                    && entry.root.description == vector.fields["root"])
        }
        for vector in file.bad { #expect(refusal { _ = try whole(vector.bytes.bytes) { try BucketEntry(decoding: &$0) } } == vector.refusal, "\(vector.name)") }
    }

    @Test func everyPrefixIsTruncated() throws {
        let descriptor = try #require(try vectors("ledger/descriptors.json", as: File.self).good.first).bytes.bytes
        for count in descriptor.indices {
            #expect(refusal { _ = try whole(Array(descriptor.prefix(count))) { try StreamDescriptor(decoding: &$0) } } == "truncated")
        }
        let entry = try #require(try vectors("ledger/entries.json", as: File.self).good.first).bytes.bytes
        for count in entry.indices { #expect(refusal { _ = try whole(Array(entry.prefix(count))) { try BucketEntry(decoding: &$0) } } == "truncated") }
    }

    @Test(arguments: [1, 2, 3] as [UInt64]) func noiseComesBackOrIsRefused(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<5_000 {
            var bytes = random.bytes(count: 52)
            for place in bytes.indices where random.number(below: 3) > 0 { bytes[place] = 0 }
            if let entry = try? whole(bytes, { try BucketEntry(decoding: &$0) }) { #expect(written { entry.encode(into: &$0) } == bytes, "seed \(seed)") }
            let short = Array(bytes.prefix(27))
            if let descriptor = try? whole(short, { try StreamDescriptor(decoding: &$0) }) {
                #expect(written { descriptor.encode(into: &$0) } == short, "seed \(seed)")
                #expect(descriptor.minimumRecordByteCount <= descriptor.maximumRecordByteCount)
            }
        }
    }

    @Test func aDescriptorSaysHowLongItsBucketsAreKept() throws {
        func descriptor(daySpan: UInt8) throws -> StreamDescriptor {
            try #require(
                StreamDescriptor(
                    stream: .sessionSimHash1, keyByteCount: 8, valueByteCount: 3, daySpan: daySpan, retentionDays: 90,
                    shardKey: [UInt8](repeating: 1, count: 16)))
        }
        #expect(try descriptor(daySpan: 1).lastDay(ofBucketAt: Day(number: 100)) == Day(number: 190))
        #expect(try descriptor(daySpan: 7).lastDay(ofBucketAt: Day(number: 100)) == Day(number: 196))
        #expect(try descriptor(daySpan: 1).lastDay(ofBucketAt: Day(number: .max)) == Day(number: .max))
        #expect(StreamDescriptor(stream: .sessionSimHash1, keyByteCount: 8, valueByteCount: 3, retentionDays: 90, shardKey: [1]) == nil)
        #expect(StreamDescriptor.standard(for: StreamID(kind: 9, schemaVersion: 9), shardKey: [UInt8](repeating: 1, count: 16)) == nil)
    }
}

@Suite struct SightingTests {
    struct File: Decodable {
        struct Good: Decodable {
            let kind: UInt16
            let key, value: HexBytes
            let fields: [String: String]
        }
        struct Bad: Decodable {
            let name: String
            let kind: UInt16
            let key, value: HexBytes
        }
        let good: [Good]
        let bad: [Bad]
    }

    private func sighting(_ kind: UInt16, _ key: HexBytes, _ value: HexBytes, version: UInt16 = 1) -> Sighting? {
        Sighting(stream: StreamID(kind: kind, schemaVersion: version), day: Day(number: 20_000), record: Record(key: key.bytes, value: value.bytes))
    }

    /// `Protocol/ledger.md` §7.3.
    @Test func aSimHashOfVersion2HasALengthClassAndAStreamOfItsOwn() throws {
        let day = Day(number: 20_000)
        for strength: UInt8 in 0...3 {
            let record = Record(key: [0, 0, 0, 0, 0, 0, 0, 9], value: [0, 2, strength])
            let read = try #require(Sighting(stream: .sessionSimHash2, day: day, record: record))
            #expect(read.record == record && read.stream == .sessionSimHash2 && read.day == day)
            #expect(read != Sighting(stream: .sessionSimHash1, day: day, record: record))
        }
        #expect(Sighting(stream: .sessionSimHash2, day: day, record: Record(key: [0, 0, 0, 0, 0, 0, 0, 9], value: [0, 2, 4])) == nil)
        #expect(Sighting(stream: .sessionSimHash2, day: day, record: Record(key: [UInt8](repeating: 0, count: 8), value: [0, 2, 1])) == nil)
        #expect(StreamDescriptor.standard(for: .sessionSimHash2, shardKey: [UInt8](repeating: 1, count: 16))?.keyByteCount == 8)
        #expect(SightingName(stream: .sessionSimHash2, day: day, key: [0, 0, 0, 0, 0, 0, 0, 9]) != nil)
        #expect(SightingName(stream: .sessionSimHash2, day: day, key: [0, 0, 0, 0, 0, 0, 0, 0]) == nil)
    }

    @Test func recordsAreReadAndWritten() throws {
        for vector in try vectors("ledger/sightings.json", as: File.self).good {
            let found = try #require(sighting(vector.kind, vector.key, vector.value))
            #expect(found.record == Record(key: vector.key.bytes, value: vector.value.bytes))
            #expect(found.stream == StreamID(kind: vector.kind, schemaVersion: 1) && found.day == Day(number: 20_000))
            switch found {
            case .sessionSimHash(let sighting):
                #expect(String(sighting.sessions) == vector.fields["sessions"] && String(sighting.strength) == vector.fields["strength"])
            case .sessionSimHash2: Issue.record("another stream")
            case .smtpTarget(let sighting):
                #expect(sighting.domain.text == vector.fields["domain"])
                #expect(String(sighting.count) == vector.fields["count"] && String(sighting.attackers) == vector.fields["attackers"])
            }
            #expect(sighting(vector.kind, vector.key, vector.value, version: 3) == nil)
            #expect(sighting(3, vector.key, vector.value) == nil)
        }
    }

    @Test func whatIsNoSightingIsRefused() throws {
        for vector in try vectors("ledger/sightings.json", as: File.self).bad {
            #expect(sighting(vector.kind, vector.key, vector.value) == nil, "\(vector.name)")
        }
    }
}
