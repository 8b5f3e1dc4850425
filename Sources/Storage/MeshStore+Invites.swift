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
        precondition(secret.count == PreSharedKey.byteCount, "an invite's secret has \(PreSharedKey.byteCount) bytes, not \(secret.count)")
        try write("add an invite") { database in
            try Self.forgetInvites(at: now, in: database)
            try database.execute(
                sql: "INSERT INTO invite (id, secret, not_after, label) VALUES (?, ?, ?, ?)",
                arguments: [Data(id.bytes), Data(secret), Int64(clamping: notAfter.milliseconds), label])
        }
    }

    static func forgetInvites(at now: Timestamp, in database: Database) throws {
        let forgetBefore = now + (.zero - inviteMemory)
        try database.execute(sql: "DELETE FROM invite WHERE not_after < ?", arguments: [Int64(clamping: forgetBefore.milliseconds)])
    }

    /// All invites that are still remembered, the one that ends first leading. Without their secrets.
    public func invites() throws(StoreError) -> [StoredInvite] {
        try read("list the invites") { database in
            try Row.fetchAll(database, sql: "SELECT id, not_after, label, used_by FROM invite ORDER BY not_after, id").compactMap { row in
                guard let id = row.blob("id").flatMap({ InviteID(bytes: $0) }), let notAfter: UInt64 = row.integer("not_after") else { return nil }
                let label = (row["label"] as (any DatabaseValueConvertible)?) as? String
                return StoredInvite(id: id, notAfter: Timestamp(milliseconds: notAfter), label: label ?? "", usedBy: row.identifier("used_by"))
            }
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
            guard row.hasNull("used_by") else { return row.blob("used_by") == origin.data ? .accepted : .alreadyUsed }
            guard let notAfter: Int64 = row.integer("not_after"), Int64(clamping: now.milliseconds) < notAfter else { return .expired }
            try database.execute(sql: "UPDATE invite SET used_by = ? WHERE id = ?", arguments: [origin.data, Data(id.bytes)])
            return .accepted
        }
    }
}

/// An invite as its maker sees it in a list.
public struct StoredInvite: Hashable, Sendable {
    public let id: InviteID
    public let notAfter: Timestamp
    public let label: String
    /// Whom it has let in; `nil` while it is unused.
    public let usedBy: OriginID?
}
