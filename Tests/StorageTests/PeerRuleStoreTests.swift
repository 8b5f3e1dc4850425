import Foundation
import GRDB
import NodeCore
import Primitives
import Storage
import Testing

@Suite struct PeerRuleStoreTests {
    let folder = ScratchFolder()

    @Test func rulesAndAnchorsOutliveARestart() throws {
        var random = SeededGenerator(seed: 1)
        let origins = (0..<3).map { _ in OriginID(bytes: random.bytes(count: 32))! }
        let anchors = (0..<2).map { _ in NodeID(bytes: random.bytes(count: 32))! }
        let store = try MeshStore(path: folder.path("mesh.db"))
        try store.keep(.pinned, on: origins[0])
        try store.keep(.blocked, on: origins[1])
        try store.keep(.blocked, on: origins[2])
        try store.keep(.pinned, on: origins[2])
        try store.keep(nil, on: origins[1])
        try store.keep(anchors: anchors)

        let (state, problems) = try MeshStore(path: folder.path("mesh.db")).load()

        #expect(state.rules == PeerRules([origins[0]: .pinned, origins[2]: .pinned]))
        #expect(state.anchors == anchors && problems.isEmpty)
    }

    @Test func aDamagedRuleIsToldAndPassedOver() throws {
        let path = folder.path("mesh.db")
        try MeshStore(path: path).keep(.blocked, on: OriginID(bytes: [UInt8](repeating: 3, count: 32))!)
        let queue = try DatabaseQueue(path: path)
        for rule in ["9", "'x'", "x'00'"] {
            try queue.write { try $0.execute(sql: "UPDATE peer_rule SET rule = \(rule)") }

            let (state, problems) = try MeshStore(path: path).load()

            #expect(state.rules == PeerRules() && problems.map(\.table) == ["peer_rule"])
        }
        try queue.write { try $0.execute(sql: "INSERT INTO setting (name, value) VALUES ('anchors', x'0102')") }
        #expect(try MeshStore(path: path).load().state.anchors.isEmpty)
    }
}
