import Cryptography
import Foundation
import GRDB
import NodeCore
import Noise
import Primitives
import WireFormat

extension MeshStore {
    /// How long an invite that is over is still recognised, so that its holder is told why it is refused.
    public static let inviteMemory: Duration = .seconds(7 * 86_400)

    /// Makes an invite good until `notAfter`. Forgets those that ended long ago.
    public func addInvite(_ id: InviteID, secret: [UInt8], notAfter: Timestamp, label: String, at now: Timestamp) throws(StoreError) {
        let forgetBefore = now + (.zero - Self.inviteMemory)
        try write("add an invite") { database in
            try database.execute(sql: "DELETE FROM invite WHERE not_after < ?", arguments: [Int64(clamping: forgetBefore.milliseconds)])
            try database.execute(
                sql: "INSERT INTO invite (id, secret, not_after, label) VALUES (?, ?, ?, ?)",
                arguments: [Data(id.bytes), Data(secret), Int64(clamping: notAfter.milliseconds), label])
        }
    }

    /// The secret of an invite, also of one that is used or over: its holder shall be told so. `nil` if it is not known.
    public func inviteSecret(_ id: InviteID) throws(StoreError) -> PreSharedKey? {
        try read("look up an invite") { database in
            try Data.fetchOne(database, sql: "SELECT secret FROM invite WHERE id = ?", arguments: [Data(id.bytes)])
                .flatMap { PreSharedKey(SecretBytes(copying: Array($0))) }
        }
    }

    /// Uses an invite up for an operator. The same operator may come again: the answer to it may have been lost.
    public func redeem(_ id: InviteID, by origin: OriginID, at now: Timestamp) throws(StoreError) -> InviteOutcome {
        try write("use an invite") { database in
            guard let row = try Row.fetchOne(database, sql: "SELECT not_after, used_by FROM invite WHERE id = ?", arguments: [Data(id.bytes)]) else {
                return .unknown
            }
            if let user = row["used_by"] as Data? { return user == origin.data ? .accepted : .alreadyUsed }
            guard Int64(clamping: now.milliseconds) < row["not_after"] as Int64 else { return .expired }
            try database.execute(sql: "UPDATE invite SET used_by = ? WHERE id = ?", arguments: [origin.data, Data(id.bytes)])
            return .accepted
        }
    }
}
