import Foundation
import GRDB
import Ledger
import NodeCore
import Primitives

/// What an operator has decided about others, and the neighbours that a restart begins with.
extension MeshStore {
    private static let anchors = "anchors"

    /// - Parameter rule: `nil` takes back what was decided.
    public func keep(_ rule: PeerRule?, on origin: OriginID) throws(StoreError) {
        try write("keep a rule about an operator") { database in
            guard let rule else { return try database.execute(sql: "DELETE FROM peer_rule WHERE origin = ?", arguments: [origin.data]) }
            try database.execute(
                sql: "INSERT INTO peer_rule (origin, rule) VALUES (?, ?) ON CONFLICT (origin) DO UPDATE SET rule = excluded.rule",
                arguments: [origin.data, rule.rawValue])
        }
    }

    public func keep(anchors: [NodeID]) throws(StoreError) {
        try write("keep the anchors") { database in
            try Self.set(Self.anchors, anchors.reduce(into: Data()) { $0 += $1.data }, in: database)
        }
    }

    static func loadPeerChoices(into state: inout StoredState, problems: inout [StoreProblem], from database: Database) throws {
        var rules: [OriginID: PeerRule] = [:]
        for row in try Row.fetchAll(database, sql: "SELECT origin, rule FROM peer_rule ORDER BY origin") {
            guard let origin = row.identifier("origin", as: OriginID.self), let rule = row.integer("rule", as: UInt8.self).flatMap(PeerRule.init) else {
                problems.append(StoreProblem(table: "peer_rule", reason: "a rule about an operator is damaged; pin or block it again"))
                continue
            }
            rules[origin] = rule
        }
        state.rules = PeerRules(rules)
        let bytes = try Row.fetchOne(database, sql: "SELECT value FROM setting WHERE name = ?", arguments: [anchors])?.blob("value") ?? Data()
        state.anchors = stride(from: 0, to: bytes.count, by: Bytes32.byteCount).prefix(NodeCore.anchorLimit).compactMap { start in
            NodeID(data: bytes.dropFirst(start).prefix(Bytes32.byteCount))
        }
    }
}
