import Primitives
import Replication
import Testing

@Suite struct StatementLogTests {
    /// Compared with a log that keeps everything and looks at all of it.
    @Test(arguments: [1, 2, 3, 4] as [UInt64]) func aReaderThatGoesOnMissesNothing(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var log = StatementLog<Int>(id: 7)
        var model: [Int: (number: UInt64, bytes: [UInt8])] = [:]
        var reader: [Int: [UInt8]] = [:]
        var cursor: UInt64 = 0

        for step in 0..<3_000 {
            let slot = Int(random.number(below: 60))
            switch random.number(below: 10) {
            case 0:
                log.remove(slot)
                model[slot] = nil
            case 1...8:
                let bytes = [UInt8(slot)] + random.bytes(count: Int(random.number(below: 30)))
                log.append(bytes, in: slot)
                model[slot] = (log.upTo, bytes)
            default:
                let answer = log.statements(after: cursor, limit: 1 + Int(random.number(below: 20)), byteLimit: 200, overhead: 2)
                #expect(!answer.statements.isEmpty || answer.upTo == log.upTo, "seed \(seed) step \(step)")
                for bytes in answer.statements { reader[Int(bytes[0])] = bytes }
                cursor = answer.upTo
            }
            #expect(log.count == model.count)
        }
        while true {
            let answer = log.statements(after: cursor, limit: 5, byteLimit: 100, overhead: 2)
            for bytes in answer.statements { reader[Int(bytes[0])] = bytes }
            cursor = answer.upTo
            if !answer.hasMore { break }
        }

        #expect(cursor == log.upTo)
        for (slot, held) in model { #expect(reader[slot] == held.bytes, "seed \(seed)") }
    }

    @Test func aStatementOverTheByteLimitStillTravels() {
        var log = StatementLog<Int>(id: 1)
        log.append([UInt8](repeating: 1, count: 500), in: 1)
        log.append([2], in: 2)

        let answer = log.statements(after: 0, limit: 10, byteLimit: 100, overhead: 2)

        #expect(answer.statements.count == 1 && answer.hasMore && answer.upTo == 1)
    }

    @Test func aNumberBeyondTheEndGivesNothing() {
        var log = StatementLog<Int>(id: 1)
        log.append([1], in: 1)
        let answer = log.statements(after: .max, limit: 10, byteLimit: 100, overhead: 2)
        #expect(answer.statements.isEmpty && !answer.hasMore && answer.upTo == 1)
    }
}
