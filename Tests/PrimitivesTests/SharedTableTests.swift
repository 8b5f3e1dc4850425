import Primitives
import Testing

@Suite struct SharedTableTests {
    /// A key whose hash is bad: eight values for all, and so long ways down the tree.
    struct Clumsy: Hashable {
        let number: UInt64
        func hash(into hasher: inout Hasher) { hasher.combine(number % 8) }
    }

    /// Whatever is done to a table and to copies of it, each is what a dictionary would be.
    @Test(arguments: [1, 2, 3, 4, 5, 6] as [UInt64]) func copiesAreDictionariesOfTheirOwn(seed: UInt64) {
        compare(seed: seed) { $0 }
    }

    @Test(arguments: [7, 8] as [UInt64]) func keysThatMeetAreToldApart(seed: UInt64) {
        compare(seed: seed) { Clumsy(number: $0) }
    }

    private func compare<Key: Hashable & Sendable>(seed: UInt64, key: (UInt64) -> Key) {
        var random = SeededGenerator(seed: seed)
        var tables = [SharedTable<Key, [UInt64]>()]
        var plain: [[Key: [UInt64]]] = [[:]]
        for step in 0..<12_000 {
            let place = Int(random.number(below: UInt64(tables.count)))
            let key = key(random.number(below: 1_500))
            switch random.number(below: 11) {
            case 0, 1, 2, 3:
                tables[place][key] = [UInt64(step)]
                plain[place][key] = [UInt64(step)]
            case 4:
                tables[place][key] = nil
                plain[place][key] = nil
            case 5: #expect(tables[place].removeValue(forKey: key) == plain[place].removeValue(forKey: key), "seed \(seed), step \(step)")
            case 6:
                tables[place][key]?.append(UInt64(step))
                plain[place][key]?.append(UInt64(step))
            case 7:
                tables[place][key, default: [7]].append(UInt64(step))
                plain[place][key, default: [7]].append(UInt64(step))
            case 9:
                let count = tables[place].update(key) { value in
                    value.append(UInt64(step))
                    return value.count
                }
                plain[place][key]?.append(UInt64(step))
                #expect(count == plain[place][key]?.count, "seed \(seed), step \(step)")
            case 8: #expect(tables[place][key] == plain[place][key], "seed \(seed), step \(step)")
            default:
                guard random.number(below: 100) == 0 else { continue }
                if tables.count < 6 {
                    tables.append(tables[place])
                    plain.append(plain[place])
                } else {
                    tables.remove(at: place)
                    plain.remove(at: place)
                }
            }
        }
        for (table, dictionary) in zip(tables, plain) {
            #expect(table.count == dictionary.count && table.isEmpty == dictionary.isEmpty, "seed \(seed)")
            #expect(Set(table.keys) == Set(dictionary.keys) && table.keys.count == dictionary.count, "seed \(seed)")
            var found: [Key: [UInt64]] = [:]
            table.forEach { found[$0] = $1 }
            #expect(found == dictionary, "seed \(seed)")
        }
    }

    /// Setting what is not there to nothing leaves nothing, and asking copies nothing.
    @Test func nothingComesOfNothing() {
        var table = SharedTable<Int, Int>()
        table[1] = nil
        table[2]? += 1

        #expect(table.isEmpty && table[1] == nil && table.removeValue(forKey: 2) == nil && table[3, default: 9] == 9 && table.count == 0)
    }

    /// An emptied table begins anew.
    @Test func whatIsTakenOutIsGone() {
        var table = SharedTable<Int, Int>()
        for number in 0..<500 { table[number] = number }
        let full = table
        for number in 0..<500 { table[number] = nil }

        #expect(table.isEmpty && table.keys.isEmpty)
        #expect(full.count == 500 && (0..<500).allSatisfy { full[$0] == $0 })
    }
}
