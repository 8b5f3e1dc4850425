import Ledger
import Primitives
import Testing
import WireFormat

@testable import Replication

@Suite struct ChangeLogTests {
    private let descriptor = StreamDescriptor.standard(for: .sessionSimHash1, shardKey: [UInt8](repeating: 1, count: 16))!
    private let origin = OriginID(bytes: [UInt8](repeating: 3, count: 32))!
    private let day = Day(number: 20_000)

    private struct Version {
        let manifest: Manifest
        let buckets: [Digest: [UInt8]]
    }

    private func version(_ codes: [UInt64], using random: inout SeededGenerator) -> Version {
        let records = codes.sorted().map { SessionSimHashSighting(day: day, simHash: $0, sessions: 1, strength: 0)!.record }
        let buckets = Bucket.buckets(of: records, at: day, descriptor: descriptor, using: &random)
        return Version(
            manifest: Manifest(descriptors: [descriptor], entries: buckets.map(\.entry)),
            buckets: Dictionary(uniqueKeysWithValues: buckets.map { ($0.entry.root, $0.bytes) }))
    }

    private func observed(_ before: Version, _ after: Version) -> ObservedChange {
        let change = ContentChange.between(before.manifest, after.manifest, old: { before.buckets[$0.root] }, new: { after.buckets[$0.root] })
        return ObservedChange(origin: origin, since: before.manifest, root: after.manifest, change)
    }

    private func request(_ since: Version, _ root: Version) -> ChangesRequest {
        ChangesRequest(origin: origin, since: since.manifest.root, root: root.manifest.root)
    }

    @Test func aLineLeadsFromAnyOfItsVersionsToAnyLater() {
        var random = SeededGenerator(seed: 1)
        var log = ChangeLog()
        let versions = (1...6).map { version(Array(1...UInt64($0)), using: &random) }
        for (before, after) in zip(versions, versions.dropFirst()) { log.append(observed(before, after)) }
        for start in versions.indices {
            for end in versions.indices {
                let found = log.changes(request(versions[start], versions[end]))?.count
                #expect(found == (start < end ? end - start : nil), "\(start) to \(end)")
            }
        }
        #expect(log.lastChange(of: origin, to: versions[5].manifest.root)?.since == versions[4].manifest.root)
        #expect(log.lastChange(of: origin, to: versions[4].manifest.root) == nil)
    }

    /// What was retracted may stand in earlier changes: they go with it.
    @Test func aDeletionEndsTheLineBeforeIt() {
        var random = SeededGenerator(seed: 2)
        var log = ChangeLog()
        let secret: UInt64 = 0x1122_3344_5566_7788
        let versions = [[1], [1, secret], [1], [1, 2]].map { version($0, using: &random) }
        for (before, after) in zip(versions, versions.dropFirst()) { log.append(observed(before, after)) }
        #expect(log.changes(request(versions[0], versions[1])) == nil)
        #expect(log.changes(request(versions[0], versions[2])) == nil)
        let line = log.changes(request(versions[1], versions[3]))
        #expect(line?.count == 2, "from the deletion on it is told")
        let key = (0..<8).map { UInt8(truncatingIfNeeded: secret >> UInt64(56 - 8 * $0)) }
        for change in line ?? [] { #expect(!change.indices.contains { change[$0...].starts(with: key) }, "a deletion names a place, not what was there") }
    }

    @Test func aGapBeginsANewLineAndALineHasItsLimit() {
        var random = SeededGenerator(seed: 3)
        var log = ChangeLog()
        let versions = (1...UInt64(ChangeLog.changesPerOrigin + 4)).map { version(Array(1...$0), using: &random) }
        log.append(observed(versions[0], versions[1]))
        for (before, after) in zip(versions.dropFirst(2), versions.dropFirst(3)) { log.append(observed(before, after)) }
        #expect(log.changes(request(versions[0], versions[1])) == nil, "it does not lead to what came after it")
        let last = versions[versions.count - 1]
        #expect(log.changes(request(versions[versions.count - 1 - ChangeLog.changesPerOrigin], last))?.count == ChangeLog.changesPerOrigin)
        #expect(log.changes(request(versions[2], last)) == nil, "longer than one answer holds")
        log.forget(origin)
        #expect(log.changes(request(versions[versions.count - 2], last)) == nil)
    }
}
