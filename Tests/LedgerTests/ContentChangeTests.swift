import Cryptography
import Primitives
import Testing
import WireFormat

@testable import Ledger

@Suite struct ContentChangeTests {
    static let day = Day(number: 20_700)

    /// Content as an origin would publish it.
    struct Content {
        var manifest: Manifest
        var buckets: [Digest: Bucket]

        init(_ days: [Day: [UInt64]], descriptor: StreamDescriptor, keeping earlier: Content? = nil, using random: inout SeededGenerator) {
            var all: [Bucket] = []
            for day in days.keys.sorted() {
                let records = (days[day] ?? []).sorted().map { SessionSimHashSighting(day: day, simHash: $0, sessions: 1, strength: 0)!.record }
                for bucket in Bucket.buckets(of: records, at: day, descriptor: descriptor, using: &random) {
                    let same = earlier?.buckets.values.first { $0.entry.day == day && $0.entry.shard == bucket.entry.shard && $0.records == bucket.records }
                    all.append(same ?? bucket)
                }
            }
            manifest = Manifest(descriptors: all.isEmpty ? [] : [descriptor], entries: all.map(\.entry))
            buckets = Dictionary(uniqueKeysWithValues: all.map { ($0.entry.root, $0) })
        }

        var head: Head {
            Head(
                origin: OriginID(Bytes32([UInt8](repeating: 3, count: 32)[...])!), position: HeadPosition(generation: 1, sequence: 2),
                issuedAt: Timestamp(milliseconds: 1), lifetimeSeconds: 60, manifestRoot: manifest.root, entryCount: UInt32(manifest.entries.count),
                sightingCount: manifest.sightingCount, dataByteCount: manifest.dataByteCount, historyRoot: .zero)!
        }

        func change(to next: Content) -> ContentChange {
            ContentChange.between(manifest, next.manifest, old: { buckets[$0.root]?.bytes }, new: { next.buckets[$0.root]?.bytes })
        }
    }

    static func descriptor() -> StreamDescriptor { StreamDescriptor.standard(for: .sessionSimHash1, shardKey: [UInt8](repeating: 7, count: 16))! }

    static func draw(_ count: Int, using random: inout SeededGenerator) -> [UInt64] { (0..<count).map { _ in random.number(below: 1 << 20) + 1 } }

    /// Whatever changes, the follower ends with exactly what the origin has: compared with the origin's own manifest and buckets.
    @Test(arguments: [1, 2, 3, 4, 5, 6, 7, 8] as [UInt64]) func changesLeadToWhatTheOriginHas(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let descriptor = Self.descriptor()
        var days: [Day: [UInt64]] = [:]
        for offset in 0..<4 { days[Self.day.advanced(by: offset)] = Array(Set(Self.draw(Int(random.number(below: 300)) + 1, using: &random))) }
        var content = Content(days, descriptor: descriptor, using: &random)
        for round in 0..<30 {
            let day = Self.day.advanced(by: Int(random.number(below: 6)))
            var codes = Set(days[day] ?? [])
            for code in Array(codes).sorted() where random.number(below: 20) == 0 { codes.remove(code) }
            if random.number(below: 10) == 0 { codes = [] }
            codes.formUnion(Self.draw(Int(random.number(below: 5)), using: &random))
            days[day] = codes.isEmpty ? nil : Array(codes)
            let next = Content(days, descriptor: descriptor, keeping: content, using: &random)
            let bytes = try #require(content.change(to: next).encoded(), "seed \(seed) round \(round)")

            let here = content
            let (manifest, buckets) = try ContentChange.apply([bytes], to: here.manifest, head: next.head) { here.buckets[$0.root]?.bytes }

            #expect(manifest == next.manifest, "seed \(seed) round \(round)")
            for bucket in buckets { #expect(next.buckets[bucket.entry.root] == bucket, "seed \(seed) round \(round)") }
            let known = Set(here.buckets.keys).union(buckets.map(\.entry.root))
            #expect(next.manifest.entries.allSatisfy { known.contains($0.root) }, "small changes need no bucket: seed \(seed) round \(round)")
            content = next
        }
    }

    @Test func oneSightingMoreOrLessTakesLessThanSixtyBytes() throws {
        var random = SeededGenerator(seed: 11)
        let descriptor = Self.descriptor()
        let codes = Array(Set(Self.draw(5_000, using: &random)))
        let content = Content([Self.day: codes], descriptor: descriptor, using: &random)

        let more = Content([Self.day: codes + [1 << 30]], descriptor: descriptor, using: &random)
        let less = Content([Self.day: Array(codes.dropLast())], descriptor: descriptor, using: &random)

        let added = try #require(content.change(to: more).encoded())
        let retracted = try #require(content.change(to: less).encoded())
        #expect(added.count == 3 + 1 + 4 + 32 + 2 + 2 + 11)
        #expect(retracted.count == 3 + 1 + 4 + 32 + 2 + 2 + 2)
        // What was retracted is not in it, only where it was.
        let code = (0..<8).map { UInt8(truncatingIfNeeded: codes[codes.count - 1] >> UInt64(56 - 8 * $0)) }
        #expect(!(0...retracted.count - 8).contains { Array(retracted[$0..<$0 + 8]) == code })
        #expect(content.change(to: less).isDeleting && !content.change(to: more).isDeleting)
    }

    @Test func severalChangesAreAppliedOneAfterAnother() throws {
        var random = SeededGenerator(seed: 12)
        let descriptor = Self.descriptor()
        let first = Content([Self.day: [1, 2, 3]], descriptor: descriptor, using: &random)
        let second = Content([Self.day: [1, 2, 3, 4]], descriptor: descriptor, using: &random)
        let third = Content([Self.day: [1, 3, 4, 5], Self.day.advanced(by: 1): [9]], descriptor: descriptor, using: &random)
        let changes = [try #require(first.change(to: second).encoded()), try #require(second.change(to: third).encoded())]

        let (manifest, buckets) = try ContentChange.apply(changes, to: first.manifest, head: third.head) { first.buckets[$0.root]?.bytes }

        #expect(manifest == third.manifest)
        #expect(Set(buckets.map(\.entry.root)) == Set(third.buckets.keys))
    }

    /// Of every byte changed, one at a time, none goes through; and nothing crashes on any beginning of a change.
    @Test func whatIsNotTheOriginsIsRefused() throws {
        var random = SeededGenerator(seed: 13)
        let descriptor = Self.descriptor()
        let first = Content([Self.day: [1, 2, 3]], descriptor: descriptor, using: &random)
        let second = Content([Self.day: [1, 3, 4], Self.day.advanced(by: 1): [9]], descriptor: descriptor, using: &random)
        let good = try #require(first.change(to: second).encoded())
        func outcome(_ bytes: [UInt8]) -> ContentChangeError? {
            do throws(ContentChangeError) {
                _ = try ContentChange.apply([bytes], to: first.manifest, head: second.head) { first.buckets[$0.root]?.bytes }
                return nil
            } catch { return error }
        }
        #expect(outcome(good) == nil)
        for place in good.indices {
            for bit in [1, 128] as [UInt8] {
                var bad = good
                bad[place] ^= bit
                #expect([.malformed, .wrongRoot].contains(outcome(bad)), "byte \(place) bit \(bit)")
            }
            #expect(outcome(Array(good[..<place])) == .malformed, "\(place) bytes")
        }
    }

    @Test func aDamagedOrMissingBucketHereIsNobodysFault() throws {
        var random = SeededGenerator(seed: 14)
        let descriptor = Self.descriptor()
        let first = Content([Self.day: [1, 2, 3]], descriptor: descriptor, using: &random)
        let second = Content([Self.day: [1, 2, 3, 4]], descriptor: descriptor, using: &random)
        let change = try #require(first.change(to: second).encoded())

        var damaged = first.buckets.values.first!.bytes
        damaged[40] ^= 1
        for bytes in [nil, damaged, [UInt8](repeating: 0, count: 9)] as [[UInt8]?] {
            #expect(throws: ContentChangeError.baseMissing) { try ContentChange.apply([change], to: first.manifest, head: second.head) { _ in bytes } }
        }
    }

    @Test func aLargeNewBucketIsNamedAndNotTold() throws {
        var random = SeededGenerator(seed: 15)
        let descriptor = Self.descriptor()
        let first = Content([Self.day: [1, 2, 3]], descriptor: descriptor, using: &random)
        let second = Content([Self.day: [1, 2, 3], Self.day.advanced(by: 1): Array(1...4_000)], descriptor: descriptor, keeping: first, using: &random)
        let change = try #require(first.change(to: second).encoded())
        #expect(change.count == 3 + 1 + 52)

        let (manifest, buckets) = try ContentChange.apply([change], to: first.manifest, head: second.head) { first.buckets[$0.root]?.bytes }
        #expect(manifest == second.manifest && buckets.isEmpty)
    }

    struct File: Decodable {
        struct Vector: Decodable {
            let name: String
            let before, root: HexBytes
            let buckets: [String: HexBytes]
            let changes: [HexBytes]
            let totals: [UInt64]
            let refusal: String?
            let after: HexBytes?
            let made: [HexBytes]?
        }
        let good, bad: [Vector]
    }

    @Test func everyVectorLeadsWhereItSays() throws {
        let file: File = try vectors("replication/changes.json")
        func head(_ root: Digest, _ totals: [UInt64]) -> Head {
            Head(
                origin: OriginID(.zero), position: HeadPosition(generation: 1, sequence: 1), issuedAt: .zero, lifetimeSeconds: 1, manifestRoot: root,
                entryCount: UInt32(totals[0]), sightingCount: totals[1], dataByteCount: totals[2], historyRoot: .zero)!
        }
        for vector in file.good + file.bad {
            let before = try Manifest(trusting: vector.before.bytes)
            let root = Digest(try vector.root.bytes32)
            var outcome: Result<(manifest: Manifest, buckets: [Bucket]), ContentChangeError>
            do throws(ContentChangeError) {
                outcome = .success(
                    try ContentChange.apply(vector.changes.map(\.bytes), to: before, head: head(root, vector.totals)) {
                        vector.buckets["\($0.root)"]?.bytes
                    })
            } catch { outcome = .failure(error) }
            switch outcome {
            case .success(let content):
                #expect(content.manifest.bytes == vector.after?.bytes && content.buckets.map(\.bytes) == vector.made?.map(\.bytes), "\(vector.name)")
            case .failure(let error):
                #expect(vector.refusal != nil && error == (vector.refusal == "wrong-root" ? .wrongRoot : .malformed), "\(vector.name): \(error)")
            }
        }
    }
}

extension Manifest {
    /// One whose root and totals are what its bytes say.
    fileprivate init(trusting bytes: [UInt8]) throws {
        let (descriptors, entries) = try Self.decode(bytes)
        self.init(descriptors: descriptors, entries: entries)
    }
}
