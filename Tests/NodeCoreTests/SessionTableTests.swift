@testable import NodeCore
import Primitives
import Testing

@Suite struct SessionTableTests {
    private static func session(_ number: UInt64, attempt: UInt64 = 0) -> Session {
        Session(
            id: SessionID(number), remoteKey: TransportKey(.zero), dial: DialNumber(attempt), openedAt: .zero, phase: .greeting(isChecking: false, early: []),
            lastHeard: .zero, cursor: Cursor(), lastPull: .zero)
    }

    /// Whatever is done to it, and to copies of it, each is what a dictionary would be, in ascending order.
    @Test(arguments: [1, 2, 3] as [UInt64]) func itIsADictionaryInOrder(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var table = SessionTable()
        var plain: [SessionID: Session] = [:]
        for step in 0..<4_000 as Range<UInt64> {
            let number = random.number(below: 40)
            let id = SessionID(number)
            let before = table
            switch random.number(below: 5) {
            case 0, 1:
                table[id] = Self.session(number, attempt: step)
                plain[id] = Self.session(number, attempt: step)
            case 2:
                table[id] = nil
                plain[id] = nil
            case 3: #expect(table.removeValue(forKey: id)?.dial == plain.removeValue(forKey: id)?.dial, "seed \(seed), step \(step)")
            default:
                table[id]?.nextRequest += 1
                plain[id]?.nextRequest += 1
            }
            #expect(table.ids == plain.keys.sorted() && table.count == plain.count && table.map(\.id) == table.ids, "seed \(seed), step \(step)")
            #expect(table[id]?.dial == plain[id]?.dial && table[id]?.nextRequest == plain[id]?.nextRequest, "seed \(seed), step \(step)")
            #expect(before.ids == before.map(\.id), "a copy is its own, seed \(seed), step \(step)")
        }
    }
}
