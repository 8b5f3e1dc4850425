import Ledger
import NodeCore
import Primitives
import Replication

/// What an operator has seen: its outbox, which never loses what it has acknowledged.
struct OwnSightings {
    struct DayID: Hashable, Comparable {
        let stream: StreamID
        let day: Day

        static func < (left: DayID, right: DayID) -> Bool { (left.stream, left.day) < (right.stream, right.day) }
    }

    private(set) var descriptors: [StreamID: StreamDescriptor] = [:]
    private var days: [DayID: [[UInt8]: [UInt8]]] = [:]

    /// Notes records of a day; a later value of a key replaces the earlier one.
    mutating func note(_ records: [Record], on day: Day, of descriptor: StreamDescriptor) {
        if descriptors[descriptor.stream] == nil { descriptors[descriptor.stream] = descriptor }
        for record in records { days[DayID(stream: descriptor.stream, day: day), default: [:]][record.key] = record.value }
    }

    /// All days in order.
    var allDays: [DayID] { days.keys.sorted() }

    func records(of id: DayID) -> [Record] { (days[id] ?? [:]).map { Record(key: $0.key, value: $0.value) }.sorted() }

    func lastDay(of id: DayID) -> Day { descriptors[id.stream].map { $0.lastDay(ofBucketAt: id.day) } ?? id.day }

    func content(of id: DayID, using random: inout some RandomNumberGenerator) -> DayContent? {
        guard let descriptor = descriptors[id.stream] else { return nil }
        let buckets = Bucket.buckets(of: records(of: id), at: id.day, descriptor: descriptor, using: &random)
        return DayContent(descriptor: descriptor, day: id.day, buckets: buckets)
    }

    /// Unexpired days whose records are not exactly those of these buckets.
    func differing(from buckets: [Bucket], on today: Day) -> [DayID] {
        var found: [DayID: [[UInt8]: [UInt8]]] = [:]
        for bucket in buckets {
            let id = DayID(stream: bucket.entry.stream, day: bucket.entry.day)
            for record in bucket.records { found[id, default: [:]][record.key] = record.value }
        }
        return allDays.filter { lastDay(of: $0) >= today && found[$0] != days[$0] }
    }
}
