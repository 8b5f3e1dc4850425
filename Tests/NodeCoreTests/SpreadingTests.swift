import Cryptography
import Ledger
import NodeCore
import Primitives
import Testing
import WireFormat

/// How a head goes round (`Protocol/replication.md` §6): to everybody, and to nobody for nothing.
@Suite struct SpreadingTests {
    private static func heads(in bytes: [UInt8]) -> [[UInt8]] {
        switch try? DatagramMessage(decoding: bytes) {
        case .heads(let heads): heads
        case .headWithChange(let news): [news.head]
        default: []
        }
    }

    private static func origin(of head: [UInt8]) -> OriginID? { (try? Signed<Head>(decoding: head))?.body.origin }

    private func mesh(of count: Int, seed: UInt64) -> TinyMesh {
        let mesh = TinyMesh((0..<count).map { "node-\($0)" }, seed: seed)
        mesh.start()
        for near in 0..<count { for far in 0..<near where mesh.openSessions(between: near, and: far).isEmpty { mesh.connect(near, far) } }
        mesh.run(for: .seconds(30))
        return mesh
    }

    @Test(arguments: [31, 32, 33] as [UInt64]) func aHeadIsToldToNobodyTwice(seed: UInt64) {
        let count = 6
        let mesh = mesh(of: count, seed: seed)
        var told = [Int](repeating: 0, count: count)
        mesh.onDatagram = { from, bytes in
            told[from] += Self.heads(in: bytes).count { Self.origin(of: $0) == mesh.operators[0].origin }
            return bytes
        }
        mesh.publish([1, 2, 3], by: 0)
        mesh.run(for: .seconds(2))

        for node in 1..<count { #expect(mesh.codes(of: 0, at: node) == [1, 2, 3], "seed \(seed): node \(node)") }
        #expect(told[0] == count - 1, "seed \(seed): its origin tells all its neighbours at once: \(told)")
        #expect(told.allSatisfy { $0 < count }, "seed \(seed): in three rounds no neighbour is told twice: \(told)")
        // Between two neighbours it goes once in either direction at most, and whoever was told by all need tell nobody.
        #expect(told.reduce(0, +) <= count * (count - 1), "seed \(seed): \(told)")
    }

    @Test func aHeadOfNothingIsFollowedWithoutAQuestion() {
        let mesh = TinyMesh(["alpha", "beta"], seed: 34)
        var asked: [FrameType: Int] = [:]
        mesh.onFrame = { _, frame in
            if let type = frame.knownType { asked[type, default: 0] += 1 }
            return frame
        }
        mesh.start()
        mesh.run(for: .seconds(20))

        for (near, far) in [(0, 1), (1, 0)] {
            let adopted = mesh.members[near].core.adoptedHeads.first { $0.origin == mesh.operators[far].origin }
            #expect(adopted?.head.body.manifestRoot == Manifest.empty.root)
        }
        #expect(asked[.manifestRequest] == nil && asked[.changesRequest] == nil, "\(asked)")
    }

    /// The same head from two neighbours, while it is being checked: one signature, and both are known to hold it.
    @Test func aHeadIsCheckedOnceHoweverManyTellOfIt() throws {
        let mesh = mesh(of: 3, seed: 35)
        var news: [UInt8]?
        mesh.onDatagram = { from, bytes in
            guard from == 0, !Self.heads(in: bytes).isEmpty else { return bytes }
            news = bytes
            return nil  // It is delivered below.
        }
        mesh.publish([7], by: 0)
        mesh.run(for: .milliseconds(100))
        let datagram = try #require(news)
        var checkCount = 0
        mesh.onCheck = { node, batch in
            if node == 2, batch.purpose == .push { checkCount += batch.statements.count }
        }
        let sessions = [try #require(mesh.openSessions(between: 2, and: 0).first), try #require(mesh.openSessions(between: 2, and: 1).first)]
        for session in sessions + sessions { mesh.give(2, .datagram(session, datagram)) }
        mesh.settle()

        #expect(checkCount == 1)
        #expect(mesh.codes(of: 0, at: 2) == [7])
    }
}
