import Primitives
import WireFormat

/// `Protocol/replication.md` §4.3: `descriptor count u8 | descriptors | step count u16 | steps`.
extension ContentChange {
    private enum Form: UInt8 { case edit = 1, remove = 2, entry = 3, new = 4 }

    /// Reads a change that begins with these entries and descriptors: they say how long keys and values are.
    init(decoding bytes: [UInt8], since entries: [BucketEntry], descriptors known: [StreamDescriptor]) throws(WireError) {
        guard bytes.count <= Limits.changeByteCount else { throw .overLimit(.size, value: UInt64(bytes.count), limit: UInt64(Limits.changeByteCount)) }
        var reader = WireReader(bytes)
        var descriptors: [StreamDescriptor] = []
        for _ in 0..<(try reader.count(as: UInt8.self, limit: Int(UInt8.max), elementByteCount: StreamDescriptor.byteCount)) {
            descriptors.append(try StreamDescriptor(decoding: &reader))
        }
        func descriptor(of stream: StreamID) throws(WireError) -> StreamDescriptor {
            guard let descriptor = descriptors.first(where: { $0.stream == stream }) ?? known.first(where: { $0.stream == stream }) else {
                throw .invalid(.descriptor)
            }
            return descriptor
        }
        func place(_ reader: inout WireReader) throws(WireError) -> Int {
            let place = Int(try reader.integer(UInt32.self))
            guard entries.indices.contains(place) else { throw .invalid(.index) }
            return place
        }
        var steps: [Step] = []
        for _ in 0..<(try reader.count(as: UInt16.self, limit: Limits.changeSteps, elementByteCount: 5)) {
            switch Form(rawValue: try reader.integer()) {
            case .edit:
                let place = try place(&reader)
                let seed = try reader.bytes(Bucket.seedByteCount)
                var deleted: [Int] = []
                for index in 0..<(try reader.count(as: UInt16.self, limit: Limits.bucketSightings, elementByteCount: 2)) {
                    let position = Int(try reader.integer(UInt16.self))
                    guard deleted.last.map({ $0 < position }) ?? true else { throw .outOfOrder(index: index) }
                    deleted.append(position)
                }
                let records = try Self.records(from: &reader, try descriptor(of: entries[place].stream))
                steps.append(.edit(place: place, seed: seed, deleted: deleted, added: records))
            case .remove: steps.append(.remove(place: try place(&reader)))
            case .entry: steps.append(.entry(try BucketEntry(decoding: &reader)))
            case .new:
                let stream = try reader.stream()
                let day = try reader.day()
                let (shardBits, flags): (UInt8, UInt8) = (try reader.integer(), try reader.integer())
                let shard: UInt16 = try reader.integer()
                guard shardBits <= Limits.shardBits, UInt32(shard) < UInt32(1) << UInt32(shardBits) else { throw .invalid(.shard) }
                let seed = try reader.bytes(Bucket.seedByteCount)
                let records = try Self.records(from: &reader, try descriptor(of: stream))
                let entry = BucketEntry(stream: stream, day: day, shardBits: shardBits, flags: flags, shard: shard, count: 0, byteCount: 0, root: .zero)
                steps.append(.new(entry, seed: seed, records: records))
            case nil: throw .invalid(.kind)
            }
        }
        try reader.finish()
        self.init(descriptors: descriptors, steps: steps)
    }

    private static func records(from reader: inout WireReader, _ descriptor: StreamDescriptor) throws(WireError) -> [PackedRecord] {
        let count = try reader.count(as: UInt16.self, limit: Limits.bucketSightings, elementByteCount: descriptor.minimumRecordByteCount)
        var records: [PackedRecord] = []
        records.reserveCapacity(count)
        for index in 0..<count {
            let record = try PackedRecord(decoding: &reader, descriptor)
            guard records.last.map({ $0 < record }) ?? true else { throw .outOfOrder(index: index) }
            records.append(record)
        }
        return records
    }

    /// The bytes; `nil` if there are more of them, or more steps, than may be: then the manifest is asked for instead.
    public func encoded() -> [UInt8]? {
        guard steps.count <= Limits.changeSteps, descriptors.count <= Int(UInt8.max) else { return nil }
        var writer = WireWriter(reserving: 128)
        writer.count(descriptors.count, as: UInt8.self)
        for descriptor in descriptors { descriptor.encode(into: &writer) }
        writer.count(steps.count, as: UInt16.self)
        for step in steps {
            switch step {
            case .edit(let place, let seed, let deleted, let added):
                writer.integer(Form.edit.rawValue)
                writer.count(place, as: UInt32.self)
                writer.bytes(seed)
                writer.count(deleted.count, as: UInt16.self)
                for position in deleted { writer.count(position, as: UInt16.self) }
                Self.encode(added, into: &writer)
            case .remove(let place):
                writer.integer(Form.remove.rawValue)
                writer.count(place, as: UInt32.self)
            case .entry(let entry):
                writer.integer(Form.entry.rawValue)
                entry.encode(into: &writer)
            case .new(let entry, let seed, let records):
                writer.integer(Form.new.rawValue)
                writer.stream(entry.stream)
                writer.day(entry.day)
                writer.integer(entry.shardBits)
                writer.integer(entry.flags)
                writer.integer(entry.shard)
                writer.bytes(seed)
                Self.encode(records, into: &writer)
            }
            guard writer.bytes.count <= Limits.changeByteCount else { return nil }
        }
        return writer.bytes
    }

    private static func encode(_ records: [PackedRecord], into writer: inout WireWriter) {
        writer.count(records.count, as: UInt16.self)
        for record in records { writer.bytes(record.bytes) }
    }
}
