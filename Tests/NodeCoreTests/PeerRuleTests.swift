import Ledger
import NodeCore
import Primitives
import Testing
import WireFormat

/// What an operator decides about others for its own node (`Protocol/liveness.md` §6).
@Suite struct PeerRuleTests {
    /// Ten nodes, of which each dials three.
    private func mesh(seed: UInt64, outbound: Int = 3) -> TinyMesh {
        TinyMesh((0..<10).map { "node\($0)" }, seed: seed) { configuration in
            configuration.outboundSessions = outbound
            configuration.redrawnSessions = outbound
        }
    }

    private func neighbours(of index: Int, in mesh: TinyMesh) -> Set<OriginID> {
        Set(mesh.members[index].core.status(at: mesh.now).peers.filter(\.isConnected).map(\.origin))
    }

    @Test(arguments: [1, 2, 3] as [UInt64]) func aSessionWithWhoeverIsPinnedIsKeptThroughAllDraws(seed: UInt64) {
        let mesh = mesh(seed: seed, outbound: 2)
        mesh.start()
        mesh.run(for: .seconds(30))
        let pinned = mesh.operators[6].origin

        mesh.give(0, .command(.rule(.pinned, on: pinned)))
        mesh.run(for: .seconds(5))
        var missing = 0
        for _ in 0..<20 {
            mesh.run(for: .seconds(1_800))
            if !neighbours(of: 0, in: mesh).contains(pinned) { missing += 1 }
        }

        #expect(missing == 0, "run again with seed \(seed)")
        #expect(mesh.members[0].stored.rules[pinned] == .pinned)
    }

    /// The control of the test before: without a pin the draws do part them.
    @Test func aSessionWithWhoeverIsNotPinnedEndsSooner() {
        let mesh = mesh(seed: 4, outbound: 2)
        mesh.start()
        mesh.run(for: .seconds(30))

        var missing = 0
        for _ in 0..<20 {
            mesh.run(for: .seconds(1_800))
            if !neighbours(of: 0, in: mesh).contains(mesh.operators[6].origin) { missing += 1 }
        }

        #expect(missing > 0)
    }

    @Test func whoIsBlockedIsNotTalkedToAndLeavesNothingHere() {
        let mesh = TinyMesh(["alpha", "beta", "gamma"], seed: 5)
        mesh.start()
        mesh.publish([7, 8], by: 2)
        mesh.run(for: .seconds(30))
        #expect(mesh.codes(of: 2, at: 0) == [7, 8])

        mesh.give(0, .command(.rule(.blocked, on: mesh.operators[2].origin)))
        mesh.run(for: .seconds(1))
        mesh.publish([9], by: 2)
        mesh.publish([1], by: 0)
        mesh.run(for: .seconds(300))

        #expect(mesh.codes(of: 2, at: 0) == [], "what was held is deleted, and what is new is not fetched by way of others")
        #expect(mesh.codes(of: 2, at: 1) == [9] && mesh.codes(of: 0, at: 2) == [1], "others are not kept from anything")
        #expect(!neighbours(of: 0, in: mesh).contains(mesh.operators[2].origin))
        #expect(mesh.members[0].stored.adopted[mesh.operators[2].origin] == nil)
    }

    @Test func whoIsNotBlockedAnyMoreIsFollowedAgain() {
        let mesh = TinyMesh(["alpha", "beta", "gamma"], seed: 6)
        mesh.start()
        mesh.publish([7, 8], by: 2)
        mesh.run(for: .seconds(30))
        let blocked = mesh.operators[2].origin

        mesh.give(0, .command(.rule(.blocked, on: blocked)))
        mesh.run(for: .seconds(60))
        mesh.give(0, .command(.rule(nil, on: blocked)))
        mesh.run(for: .seconds(120))

        #expect(mesh.codes(of: 2, at: 0) == [7, 8])
        #expect(neighbours(of: 0, in: mesh).contains(blocked))
        #expect(mesh.members[0].stored.rules[blocked] == nil)
    }

    /// Its heads were passed over while it was blocked, and nobody tells of one twice: not even if a neighbour's log is just being read.
    @Test func whatWasPassedOverIsFollowedEvenIfNobodyTellsOfItAgain() throws {
        let mesh = TinyMesh(["alpha", "beta", "gamma"], seed: 9)
        mesh.cutLinks = [[0, 2]]
        mesh.start()
        mesh.publish([7, 8], by: 2)
        mesh.run(for: .seconds(30))
        mesh.give(0, .command(.rule(.blocked, on: mesh.operators[2].origin)))
        mesh.publish([8, 9], by: 2)
        mesh.run(for: .seconds(60))
        #expect(mesh.codes(of: 2, at: 0) == [])

        var requests: [Frame] = []
        mesh.onFrame = { index, frame in
            guard index == 0, frame.knownType == .statementsRequest else { return frame }
            requests.append(frame)
            return nil
        }
        mesh.publish([1], by: 1)
        mesh.run(for: .seconds(25))
        let request = try #require(requests.last, "the log of beta is being read")
        mesh.give(0, .command(.rule(nil, on: mesh.operators[2].origin)))
        mesh.settle()
        mesh.onFrame = { _, frame in frame }
        mesh.give(1, .frame(try #require(mesh.openSessions(between: 1, and: 0).first), request))
        mesh.run(for: .seconds(60))

        #expect(mesh.codes(of: 2, at: 0) == [8, 9])
    }

    @Test func aBlockOutlivesARestart() {
        let mesh = TinyMesh(["alpha", "beta", "gamma"], seed: 7)
        mesh.start()
        mesh.publish([7], by: 2)
        mesh.run(for: .seconds(30))
        mesh.give(0, .command(.rule(.blocked, on: mesh.operators[2].origin)))
        mesh.run(for: .seconds(5))

        mesh.restart(0, from: mesh.members[0].stored, incarnation: 2)
        mesh.run(for: .seconds(120))

        #expect(mesh.codes(of: 2, at: 0) == [])
        #expect(!neighbours(of: 0, in: mesh).contains(mesh.operators[2].origin))
    }

    @Test func nobodyBlocksItselfAndPinsAreFew() {
        let mesh = mesh(seed: 8)
        mesh.start()
        mesh.run(for: .seconds(30))

        mesh.give(0, .command(.rule(.blocked, on: mesh.operators[0].origin)))
        for index in 1...(PeerRules.pinLimit + 1) { mesh.give(0, .command(.rule(.pinned, on: mesh.operators[index].origin))) }
        mesh.run(for: .seconds(5))

        #expect(mesh.members[0].core.status(at: mesh.now).rules.count == PeerRules.pinLimit)
        #expect(mesh.members[0].events.filter { $0 == .commandRefused(.busy) }.count == 2)
    }

    /// Whoever waits for a restart to surround a node finds it with the neighbours it has had for longest.
    @Test(arguments: [11, 12, 13, 14] as [UInt64]) func aRestartBeginsWithTheNeighboursOfBefore(seed: UInt64) {
        let mesh = mesh(seed: seed)
        mesh.start()
        mesh.run(for: .seconds(60))
        let anchors = mesh.members[0].stored.anchors
        #expect(anchors.count == NodeCore.anchorLimit)

        for index in 1..<10 { for session in mesh.openSessions(between: 0, and: index) { mesh.cut(session) } }
        mesh.restart(0, from: mesh.members[0].stored, incarnation: 2)
        mesh.settle()

        let kept = Set(anchors.map { node in mesh.operators.first { $0.node == node }!.origin })
        #expect(kept.isSubset(of: neighbours(of: 0, in: mesh)), "run again with seed \(seed)")
    }

    /// Also of what was on its way when the operator was blocked nothing stays.
    @Test func whatWasFetchedOfWhoIsBlockedIsDeletedToo() {
        let mesh = TinyMesh(["alpha", "beta"], seed: 8)
        mesh.start()
        mesh.run(for: .seconds(20))
        mesh.slowDisk = 0
        mesh.publish([7, 8], by: 1)
        mesh.run(for: .seconds(1))
        let origin = mesh.operators[1].origin
        #expect(mesh.members[0].staged[origin]?.isEmpty == false)

        mesh.give(0, .command(.rule(.blocked, on: origin)))
        mesh.settle()
        #expect(mesh.members[0].staged[origin] == nil)
    }
}
