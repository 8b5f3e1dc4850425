import Cryptography
import Ledger
import Primitives
import Replication
import Testing

@Suite struct HistoryWindowTests {
    private func hash(_ number: Int) -> Digest { BLAKE2b.hash([UInt8(number & 0xFF), UInt8(number >> 8)]) }

    /// Within the window every stretch leads from the true root to the true root; outside there is none.
    @Test func theWindowShowsItsLastLeavesAndNoMore() {
        var roots: [Digest] = []
        var tree = HistoryTree(certificateHash: hash(0))
        var window = HistoryWindow(generation: 1, tree: tree)
        roots.append(.zero)
        for number in 1...200 {
            roots.append(tree.root)
            tree.append(hash(number))
            window.append(hash(number))
        }

        #expect(window.leafCount == 201)
        for end in 150...200 as ClosedRange<UInt64> {
            for start in 150...end {
                let link = window.link(from: start, to: end)
                #expect((link == nil) == (start < 169), "\(start) to \(end)")
                guard let link else { continue }
                #expect(link.startRoot == roots[Int(start)] && link.endRoot == roots[Int(end)])
                #expect(link.leaves == (start..<end).map { hash(Int($0)) })
                #expect(window.root(before: start) == roots[Int(start)])
            }
        }
        #expect(window.leaf(200) == hash(200) && window.leaf(169) == hash(169))
        #expect(window.leaf(168) == nil && window.leaf(201) == nil && window.link(from: 200, to: 202) == nil && window.link(from: 0, to: 5) == nil)

        let learned = window.link(from: 180, to: 200).map { HistoryWindow($0, then: hash(200), generation: 1) }
        #expect(learned?.leafCount == 201 && learned?.root(before: 200) == roots[200] && learned?.link(from: 181, to: 200) != nil)
    }
}
