import Foundation
import GRDB
import Ledger
import NodeCore
import Primitives
import Storage
import Testing

@Suite struct StatementStoreTests {
    let folder = ScratchFolder()
    let ann = Operator(seed: 1)
    let ben = Operator(seed: 2)
    let cy = Operator(seed: 3)

    private func open() throws -> MeshStore { try MeshStore(path: folder.path("mesh.db")) }

    @Test func statementsSurviveARestart() throws {
        let statements = [ann.membership(of: ben), ann.revocation(of: ben), ann.peerRecord(incarnation: 1)]
        try open().keep(statements)

        let (state, problems) = try open().load()

        #expect(Set(state.statements) == Set(statements))
        #expect(problems.isEmpty)
    }

    @Test func aStatementTakesThePlaceOfTheOneItReplacesAndOfNoOther() throws {
        let store = try open()
        try store.keep([ann.membership(of: ben, named: "Old"), ben.membership(of: cy), ann.peerRecord(incarnation: 1)])
        let newer = [ann.membership(of: ben, named: "New"), ann.peerRecord(incarnation: 2)]

        try store.keep(newer)

        #expect(Set(try store.load().state.statements) == Set(newer + [ben.membership(of: cy)]))
    }

    /// Whether a revoker may revoke is decided elsewhere, perhaps later: one who may not must not push out one who may.
    @Test func revocationsByTwoStandSideBySide() throws {
        let store = try open()
        try store.keep([ann.revocation(of: cy)])
        try store.keep([ben.revocation(of: cy)])

        #expect(Set(try store.load().state.statements) == [ann.revocation(of: cy), ben.revocation(of: cy)])
    }

    @Test func headsAreKeptWithTheirContentOnly() throws {
        let store = try open()
        try store.keep([.head(ann.head(1, .empty))])

        #expect(try store.load().state.statements.isEmpty)
    }

    /// Every byte of the statement that is changed, and every type that a damaged row may hold, is told and passed over.
    @Test func aDamagedStatementIsToldAndPassedOver() throws {
        let store = try open()
        let good = ann.membership(of: cy)
        let bad = ann.membership(of: ben)
        try store.keep([good, bad])

        for index in bad.bytes.indices {
            var bytes = bad.bytes
            bytes[index] ^= 1
            try edit("UPDATE statement SET bytes = ? WHERE bytes <> ?", [Data(bytes), Data(good.bytes)])
            let (state, problems) = try store.load()
            #expect(state.statements == [good], "byte \(index)")
            #expect(problems.map(\.table) == ["statement"], "byte \(index)")
        }
        for value in ["7", "'text'", "1.5", "x''"] {
            try edit("UPDATE statement SET bytes = \(value) WHERE bytes <> ?", [Data(good.bytes)])
            #expect(try store.load().problems.count == 1, "\(value)")
        }
    }

    private func edit(_ sql: String, _ arguments: StatementArguments = []) throws {
        try DatabaseQueue(path: folder.path("mesh.db")).write { try $0.execute(sql: sql, arguments: arguments) }
    }
}
