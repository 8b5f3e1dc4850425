import Cryptography
import Primitives
import WireFormat

/// Why changes do not lead to the head that they were given for.
public enum ContentChangeError: Error, Hashable, Sendable {
    /// They cannot be read, or name what is not in the manifest that they begin with. The deliverer is at fault.
    case malformed
    /// What they lead to has not the head's root. The deliverer is at fault.
    case wrongRoot
    /// A bucket that they begin with is not here, or is damaged. Nobody else is at fault.
    case baseMissing
    /// They lead to the head's root, but what is there breaks a rule: the *origin* is at fault.
    case breaksRule
}

/// `Protocol/replication.md` §4.3: what turns an origin's content under one head into that under a later one, in as few bytes as it takes.
///
/// Deleted sightings are named by their places and not by what they were: whoever keeps changes keeps nothing of what was retracted.
public struct ContentChange: Hashable, Sendable {
    public enum Step: Hashable, Sendable {
        /// The bucket at this place of the manifest loses records by their places, gains others, and has a fresh seed.
        case edit(place: Int, seed: [UInt8], deleted: [Int], added: [PackedRecord])
        /// The bucket at this place of the manifest is gone.
        case remove(place: Int)
        /// A bucket that was not there before, or is another altogether: to be asked for by its root.
        case entry(BucketEntry)
        /// A small bucket that was not there before. The root of the entry counts for nothing: it is computed.
        case new(BucketEntry, seed: [UInt8], records: [PackedRecord])
    }

    /// Streams that are new, or described anew.
    public var descriptors: [StreamDescriptor]
    public var steps: [Step]

    public init(descriptors: [StreamDescriptor] = [], steps: [Step] = []) {
        self.descriptors = descriptors
        self.steps = steps
    }

    /// Whether something that was published is no more. What led there from earlier heads may still hold it, and must not be kept.
    public var isDeleting: Bool {
        steps.contains { step in
            switch step {
            case .edit(_, _, let deleted, _): !deleted.isEmpty
            case .remove, .entry: true
            case .new: false
            }
        }
    }

    // MARK: Finding out what has changed

    /// What leads from one manifest to another.
    ///
    /// - Parameters:
    ///   - old, new: the bytes of a bucket of either; `nil` if they are not at hand: then its entry stands for it.
    public static func between(
        _ before: Manifest, _ after: Manifest, old: (BucketEntry) -> [UInt8]?, new: (BucketEntry) -> [UInt8]?
    ) -> ContentChange {
        var change = ContentChange(descriptors: after.descriptors.filter { before.descriptor(of: $0.stream) != $0 })
        var place = 0
        for entry in after.entries {
            while place < before.entries.count, before.entries[place] < entry {
                change.steps.append(.remove(place: place))
                place += 1
            }
            guard place < before.entries.count, !(entry < before.entries[place]) else {
                change.steps.append(step(toNew: entry, in: after, new(entry)))
                continue
            }
            defer { place += 1 }
            let earlier = before.entries[place]
            guard earlier != entry else { continue }
            let isEdit =
                (earlier.shardBits, earlier.flags) == (entry.shardBits, entry.flags)
                && before.descriptor(of: entry.stream) == after.descriptor(of: entry.stream)
            if isEdit, let descriptor = after.descriptor(of: entry.stream), let old = old(earlier).flatMap({ BucketContent($0, descriptor) }),
                let new = new(entry).flatMap({ BucketContent($0, descriptor) }), let step = step(from: old, to: new, at: place)
            {
                change.steps.append(step)
            } else {
                change.steps.append(.entry(entry))
            }
        }
        while place < before.entries.count {
            change.steps.append(.remove(place: place))
            place += 1
        }
        return change
    }

    private static func step(toNew entry: BucketEntry, in manifest: Manifest, _ bytes: [UInt8]?) -> Step {
        guard Int(entry.byteCount) <= Limits.changedBucketByteCount, let descriptor = manifest.descriptor(of: entry.stream),
            let content = bytes.flatMap({ BucketContent($0, descriptor) })
        else { return .entry(entry) }
        return .new(entry, seed: content.seed, records: content.records)
    }

    private static func step(from old: BucketContent, to new: BucketContent, at place: Int) -> Step? {
        var deleted: [Int] = []
        var added: [PackedRecord] = []
        var rest = new.records[...]
        for (index, record) in old.records.enumerated() {
            while let first = rest.first, first < record {
                added.append(first)
                rest.removeFirst()
            }
            if rest.first == record {
                rest.removeFirst()
                continue
            }
            deleted.append(index)
            if let first = rest.first, first.key == record.key {
                added.append(first)
                rest.removeFirst()
            }
        }
        added += rest
        guard 2 * deleted.count + added.reduce(0, { $0 + $1.bytes.count }) <= Limits.changedBucketByteCount else { return nil }
        return .edit(place: place, seed: new.seed, deleted: deleted, added: added)
    }

    // MARK: Applying

    /// What changes lead to from a manifest, one after another: checked against the head, to the last byte.
    ///
    /// - Parameter bucket: the bytes of a bucket of the manifest they begin with.
    /// - Returns: the manifest, and the buckets that are new in it and known from the changes alone.
    public static func apply(
        _ changes: [[UInt8]], to before: Manifest, head: Head, bucket: (BucketEntry) -> [UInt8]?
    ) throws(ContentChangeError) -> (manifest: Manifest, buckets: [Bucket]) {
        var content = ChangingContent(before)
        for bytes in changes {
            let change: ContentChange
            do throws(WireError) { change = try ContentChange(decoding: bytes, since: content.entries, descriptors: content.descriptors) } catch {
                throw .malformed
            }
            try content.take(change, bucket: bucket)
        }
        do throws(ContentChangeError) {
            return try content.finish(head: head)
        } catch {
            // Not before something is wrong: is it what was here that is wrong?
            let isDamaged = content.used.contains { entry in
                guard let descriptor = before.descriptor(of: entry.stream), let bytes = bucket(entry) else { return true }
                return (try? Bucket(checking: bytes, entry: entry, descriptor: descriptor)) == nil
            }
            throw isDamaged ? .baseMissing : error
        }
    }
}

/// Content on its way from one head to another.
private struct ChangingContent {
    struct Item {
        var entry: BucketEntry
        /// What it holds now, if that is not what its root says.
        var content: BucketContent?
    }

    var descriptors: [StreamDescriptor]
    private var items: [Item]
    /// The buckets that were looked at.
    private(set) var used: [BucketEntry] = []

    init(_ manifest: Manifest) {
        descriptors = manifest.descriptors
        items = manifest.entries.map { Item(entry: $0) }
    }

    var entries: [BucketEntry] { items.map(\.entry) }

    mutating func take(_ change: ContentChange, bucket: (BucketEntry) -> [UInt8]?) throws(ContentChangeError) {
        var removed: [Int] = []
        var added: [Item] = []
        for step in change.steps {
            switch step {
            case .edit(let place, let seed, let deleted, let records):
                guard items.indices.contains(place), let descriptor = descriptors.first(where: { $0.stream == items[place].entry.stream }) else {
                    throw .malformed
                }
                if items[place].content == nil {
                    let entry = items[place].entry
                    used.append(entry)
                    guard let content = bucket(entry).flatMap({ BucketContent($0, descriptor) }) else { throw .baseMissing }
                    items[place].content = content
                }
                guard items[place].content?.edit(seed: seed, deleted: deleted, added: records) == true else { throw .malformed }
            case .remove(let place):
                guard items.indices.contains(place) else { throw .malformed }
                removed.append(place)
            case .entry(let entry):
                if let place = items.firstIndex(where: { !($0.entry < entry) && !(entry < $0.entry) }) { removed.append(place) }
                added.append(Item(entry: entry))
            case .new(let entry, let seed, let records): added.append(Item(entry: entry, content: BucketContent(seed: seed, records: records)))
            }
        }
        for descriptor in change.descriptors {
            descriptors.removeAll { $0.stream == descriptor.stream }
            descriptors.append(descriptor)
        }
        descriptors.sort { $0.stream < $1.stream }
        for place in Set(removed).sorted(by: >) { items.remove(at: place) }
        items += added
        items.sort { $0.entry < $1.entry }
        guard items.count <= Limits.manifestEntries, descriptors.count <= Limits.streams else { throw .malformed }
    }

    /// Counts first: they cost nothing, and whoever makes them up has still to find the root.
    func finish(head: Head) throws(ContentChangeError) -> (manifest: Manifest, buckets: [Bucket]) {
        guard items.count == Int(head.entryCount) else { throw .wrongRoot }
        var entries: [BucketEntry] = []
        var buckets: [Bucket] = []
        var isBroken = false
        for item in items {
            guard let content = item.content else {
                entries.append(item.entry)
                continue
            }
            guard let descriptor = descriptors.first(where: { $0.stream == item.entry.stream }),
                let (bucket, rule) = content.bucket(like: item.entry, descriptor: descriptor)
            else { throw .wrongRoot }
            isBroken = isBroken || rule != nil
            entries.append(bucket.entry)
            buckets.append(bucket)
        }
        let manifest: Manifest
        do throws(ManifestError) {
            manifest = try Manifest(checking: Manifest.encoded(descriptors: descriptors, entries: entries), head: head)
        } catch {
            if case .breaksRule = error { throw .breaksRule }
            throw .wrongRoot
        }
        guard !isBroken else { throw .breaksRule }
        return (manifest, buckets)
    }
}
