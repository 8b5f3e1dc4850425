import Cryptography
import Primitives
import Replication
import Testing
import WireFormat

@Suite struct StatementPartsTests {
    /// Compared with a set that computes everything anew, through all sizes at which leaves are split.
    @Test(arguments: [1, 2, 3] as [UInt64]) func digestsAreThoseOfWhatIsHeld(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var parts = StatementParts()
        var model: Set<Digest> = []
        func digest(of part: Int, bits: Int) -> UInt64 {
            BLAKE2b.hash(model.filter { StatementParts.part(of: $0, bits: bits) == part }.sorted().flatMap(\.bytes)).raw.prefix
        }

        for step in 0..<3_000 {
            let hash = BLAKE2b.hash(random.bytes(count: 8))
            parts.insert(hash)
            model.insert(hash)
            if random.number(below: 4) == 0, let gone = model.min() {
                parts.remove(gone)
                model.remove(gone)
                #expect(!parts.contains(gone), "seed \(seed) step \(step)")
            }
            if random.number(below: 100) == 0 {
                let bits = Int(random.number(below: 13))
                let part = StatementParts.part(of: hash, bits: bits)
                let found = parts.digests(bits: bits)
                #expect(found.count == 1 << bits && found[part] == digest(of: part, bits: bits), "seed \(seed) step \(step)")
            }
        }

        #expect(parts.count == model.count)
        for hash in model { #expect(parts.contains(hash)) }
        for bits in 0...6 { #expect(parts.digests(bits: bits) == (0..<1 << bits).map { digest(of: $0, bits: bits) }, "seed \(seed) bits \(bits)") }
    }

    @Test func theSameTwiceIsHeldOnceAndWhatIsNotHeldCannotBeTakenOut() {
        var parts = StatementParts()
        let (one, other) = (BLAKE2b.hash([1]), BLAKE2b.hash([2]))
        parts.insert(one)
        let before = parts.digests(bits: 3)

        parts.insert(one)
        parts.remove(other)

        #expect(parts.count == 1 && parts.digests(bits: 3) == before)
        parts.remove(one)
        #expect(parts.count == 0 && parts.digests(bits: 3) == [UInt64](repeating: StatementParts.emptyDigest, count: 8))
    }

    @Test func anEmptyPartHasTheHashOfNothing() {
        var parts = StatementParts()
        #expect(parts.digests(bits: 12) == [UInt64](repeating: BLAKE2b.hash([]).raw.prefix, count: 4_096))
    }
}

/// Two logs, statements that replace each other, and changes on both sides while the one is read by the other.
@Suite struct ComparisonTests {
    /// What a node holds of each slot: the highest version it has met, unless that has been denied.
    struct Node {
        var log: StatementLog<Int>
        private var versions: [Int: UInt64] = [:]

        init(id: UInt64) { log = StatementLog(id: id) }

        static func bytes(_ slot: Int, _ version: UInt64) -> [UInt8] {
            var writer = WireWriter()
            writer.integer(UInt64(slot))
            writer.integer(version)
            return writer.bytes
        }

        mutating func take(_ bytes: [UInt8]) {
            var reader = WireReader(bytes)
            guard let slot = try? Int(reader.integer(UInt64.self)), let version = try? reader.integer(UInt64.self) else { return }
            guard versions[slot].map({ $0 < version }) ?? true else { return }
            versions[slot] = version
            log.append(bytes, in: slot)
        }

        /// As when a head does not count any more: neither it nor an older one is taken again.
        mutating func deny(_ slot: Int) { log.remove(slot) }
    }

    static func change(_ node: inout Node, slots: UInt64, using random: inout SeededGenerator) {
        let slot = Int(random.number(below: slots))
        if random.number(below: 12) == 0 { node.deny(slot) } else { node.take(Node.bytes(slot, random.number(below: 50))) }
    }

    /// Whatever changes between two pages, and whether or not digests are made anew for each: in the end the asker holds what a full pull would have given it.
    @Test(arguments: 1...60 as ClosedRange<UInt64>) func aComparisonEndsWhereAFullPullEnds(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let slots = 20 + random.number(below: 800)
        var answerer = Node(id: 1)
        var asker = Node(id: 2)
        for _ in 0..<random.number(below: 3_000) {
            let bytes = Node.bytes(Int(random.number(below: slots)), random.number(below: 50))
            if random.number(below: 20) > 0 { answerer.take(bytes) }
            if random.number(below: 20) > 0 { asker.take(bytes) }
        }
        let bits = Int(random.number(below: 10))
        let makesAnew = random.number(below: 2) == 0
        var digests = asker.log.digests(bits: bits)
        var cursor: UInt64 = 0
        var told: [[UInt8]] = []

        while true {
            if makesAnew { digests = asker.log.digests(bits: bits) }
            for _ in 0..<random.number(below: 8) { Self.change(&asker, slots: slots, using: &random) }  // While the question is under way.
            for _ in 0..<random.number(below: 8) { Self.change(&answerer, slots: slots, using: &random) }
            let isEqual = zip(answerer.log.digests(bits: bits), digests).map { $0 == $1 }
            let answer = answerer.log.statements(after: cursor, outside: isEqual, limit: 1 + Int(random.number(below: 40)), byteLimit: 1_000, overhead: 2)
            for _ in 0..<random.number(below: 8) { Self.change(&asker, slots: slots, using: &random) }
            for bytes in answer.statements { asker.take(bytes) }
            told += answer.statements
            cursor = answer.upTo
            if !answer.hasMore { break }
        }

        var twin = asker  // Knows what the asker knows, and asks for everything.
        for bytes in answerer.log.statements(after: 0, limit: .max, byteLimit: .max, overhead: 2).statements { twin.take(bytes) }
        #expect(twin.log.count == asker.log.count && twin.log.digests(bits: 12) == asker.log.digests(bits: 12), "seed \(seed)")
        #expect(cursor == answerer.log.upTo, "seed \(seed)")
        #expect(Set(told).count == told.count, "seed \(seed): a statement was told twice")
    }

    /// Statements of parts in which nothing differs are not told.
    @Test(arguments: [1, 2, 3] as [UInt64]) func littleIsToldWhereLittleDiffers(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var answerer = Node(id: 1)
        for slot in 0..<8_000 { answerer.take(Node.bytes(slot, 1 + random.number(below: 9))) }
        var asker = answerer
        for slot in [7, 400, 7_999] { answerer.take(Node.bytes(slot, 100)) }

        let isEqual = zip(answerer.log.digests(bits: 10), asker.log.digests(bits: 10)).map { $0 == $1 }
        let answer = answerer.log.statements(after: 0, outside: isEqual, limit: 1_024, byteLimit: 1 << 20, overhead: 2)

        #expect((3...120).contains(answer.statements.count) && !answer.hasMore, "seed \(seed): \(answer.statements.count)")
        for slot in [7, 400, 7_999] { #expect(answer.statements.contains(Node.bytes(slot, 100))) }
        let plain = answerer.log.statements(after: 0, outside: [true], limit: 10, byteLimit: 100, overhead: 2)
        #expect(plain.statements.isEmpty && plain.upTo == answerer.log.upTo)
    }
}
