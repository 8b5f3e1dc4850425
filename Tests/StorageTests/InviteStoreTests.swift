import Foundation
import Ledger
import NodeCore
import Primitives
import Testing

@testable import Storage

@Suite struct InviteStoreTests {
    let folder = ScratchFolder()
    let ann = Operator(seed: 1).origin
    let ben = Operator(seed: 2).origin
    let id = InviteID(bytes: Array(0..<16))!
    let secret = Array(repeating: UInt8(0xA5), count: 32)
    let start = Timestamp(milliseconds: 1_000_000_000_000)

    private func open() throws -> MeshStore { try MeshStore(path: folder.path("mesh.db")) }

    @Test func anInviteMadeByOneProcessLetsSomebodyInAtAnother() throws {
        let node = try open()
        let commandLine = try open()
        try commandLine.addInvite(id, secret: secret, notAfter: start + .seconds(60), label: "for Ben", at: start)

        #expect(try node.inviteSecret(id) != nil)
        #expect(try node.redeem(id, by: ben, at: start) == .accepted)
        #expect(try commandLine.invites() == [StoredInvite(id: id, notAfter: start + .seconds(60), label: "for Ben", usedBy: ben)])
    }

    @Test func anInviteServesOneOperatorHoweverOftenItAsks() throws {
        let store = try open()
        try store.addInvite(id, secret: secret, notAfter: start + .seconds(60), label: "", at: start)

        #expect(try store.redeem(id, by: ben, at: start) == .accepted)
        #expect(try store.redeem(id, by: ben, at: start + .seconds(90)) == .accepted)  // The first answer was lost.
        #expect(try store.redeem(id, by: ann, at: start) == .alreadyUsed)
    }

    @Test func anInviteEndsOnTheMillisecond() throws {
        let store = try open()
        try store.addInvite(id, secret: secret, notAfter: start + .seconds(60), label: "", at: start)

        #expect(try store.redeem(id, by: ben, at: start + .seconds(60)) == .expired)
        #expect(try store.redeem(id, by: ben, at: start + .milliseconds(59_999)) == .accepted)
    }

    @Test func anUnknownInviteHasNoSecret() throws {
        let store = try open()

        #expect(try store.inviteSecret(id) == nil)
        #expect(try store.redeem(id, by: ben, at: start) == .unknown)
    }

    /// Its holder is told for a week that it is over. After that nothing of it is left in the files.
    @Test func aSecretIsForgottenAWeekAfterItsEnd() throws {
        let store = try open()
        let end = Timestamp(milliseconds: 12_000 * 86_400_000)
        try store.addInvite(id, secret: secret, notAfter: end, label: "", at: start)

        _ = try store.expire(before: Day(number: 12_007))
        #expect(try store.inviteSecret(id) != nil)
        _ = try store.expire(before: Day(number: 12_008))
        #expect(try store.inviteSecret(id) == nil)
        #expect(try folder.files(containing: secret) == [])
    }

    /// Two processes and eight operators race for one invite: one of them gets it.
    @Test func twoProcessesGiveAnInviteToOneOnly() async throws {
        let stores = [try open(), try open()]
        try stores[0].addInvite(id, secret: secret, notAfter: start + .seconds(60), label: "", at: start)
        let (id, start) = (id, start)

        let outcomes = try await withThrowingTaskGroup(of: InviteOutcome.self) { group in
            for number in 0..<8 {
                let store = stores[number % 2]
                group.addTask { try store.redeem(id, by: Operator(seed: UInt64(number)).origin, at: start) }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }

        #expect(outcomes.filter { $0 == .accepted }.count == 1)
        #expect(outcomes.filter { $0 == .alreadyUsed }.count == 7)
    }
}
