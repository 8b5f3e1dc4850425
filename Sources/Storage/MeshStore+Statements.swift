import Cryptography
import Foundation
import GRDB
import Ledger
import NodeCore
import Primitives
import WireFormat

extension MeshStore {
    /// Keeps statements, each in the place of what it replaces. Heads are kept with their content instead, and passed over here.
    public func keep(_ statements: [AnyStatement]) throws(StoreError) {
        try write("keep statements") { database in
            for statement in statements {
                guard let slot = Self.key(of: statement) else { continue }
                try database.run(
                    "INSERT INTO statement (slot, bytes) VALUES (?, ?) ON CONFLICT (slot) DO UPDATE SET bytes = excluded.bytes",
                    [slot, Data(statement.bytes)])
            }
        }
    }

    /// Forgets the statement in a slot.
    public func discard(_ slot: Slot) throws(StoreError) {
        try write("forget a statement") { try $0.execute(sql: "DELETE FROM statement WHERE slot = ?", arguments: [Data(slot.bytes)]) }
    }

    /// All evidence held, in the order of its slots. Each piece is checked again; what does not hold is left out.
    public func evidence() throws(StoreError) -> [Evidence] {
        let first = Data([UInt8(Evidence.structure >> 8), UInt8(Evidence.structure & 0xFF)])
        return try read("read evidence") { database in
            try Data.fetchAll(database, sql: "SELECT bytes FROM statement WHERE substr(slot, 1, 2) = ? ORDER BY slot", arguments: [first])
                .compactMap { (try? UncheckedEvidence(decoding: Array($0))).flatMap { Evidence($0) } }
        }
    }

    /// All that a core needs to start. Signatures are checked again, about 35 us a statement, and so is the checksum of every staged bucket.
    ///
    /// What is damaged is left out and told. Of an origin whose head or manifest is, the buckets count as staged: only what is missing is fetched.
    public func load() throws(StoreError) -> (state: StoredState, problems: [StoreProblem]) {
        try read("load") { database in
            var state = StoredState()
            var problems: [StoreProblem] = []
            for row in try Row.fetchAll(database, sql: "SELECT bytes FROM statement ORDER BY slot") {
                guard let bytes = row.blob("bytes"), let unchecked = try? UncheckedStatement(decoding: Array(bytes)),
                    let statement = try? AnyStatement(checking: unchecked, headKey: { _, _ in nil })
                else {
                    problems.append(StoreProblem(table: "statement", reason: "a statement is damaged"))
                    continue
                }
                state.statements.append(statement)
            }
            for row in try Row.fetchAll(database, sql: "SELECT origin, head, signing_key, manifest, history FROM origin ORDER BY origin") {
                guard let content = Self.content(of: row) else {
                    problems.append(StoreProblem(table: "origin", reason: "a replica is damaged, and will be fetched again"))
                    continue
                }
                if let history = content.history {
                    state.own = OwnState(head: content.head, manifest: content.manifest, history: history)
                } else {
                    state.adopted[content.head.body.origin] = AdoptedState(head: content.head, manifest: content.manifest)
                }
            }
            try Self.loadStaged(into: &state, problems: &problems, from: database)
            try Self.loadPeerChoices(into: &state, problems: &problems, from: database)
            return (state, problems)
        }
    }

    private static func loadStaged(into state: inout StoredState, problems: inout [StoreProblem], from database: Database) throws {
        for row in try Row.fetchAll(database, sql: "SELECT origin, root FROM bucket WHERE NOT is_staged ORDER BY origin, root") {
            guard let origin = row.identifier("origin", as: OriginID.self), let root = row.identifier("root", as: Digest.self) else { continue }
            if state.adopted[origin] == nil, state.own?.head.body.origin != origin { state.staged[origin, default: []].insert(root) }
        }
        let rows = try Row.fetchCursor(
            database, sql: "SELECT origin, root, descriptor, entry, bytes, checksum FROM bucket WHERE is_staged ORDER BY origin, root")
        while let row = try rows.next() {
            guard let origin = row.identifier("origin", as: OriginID.self), let bucket = bucket(in: row) else {
                problems.append(StoreProblem(table: "bucket", reason: "a staged bucket is damaged, and will be fetched again"))
                continue
            }
            state.staged[origin, default: []].insert(bucket.entry.root)
        }
    }

    static func content(of row: Row) -> (head: Verified<Head>, manifest: Manifest, history: HistoryTree?)? {
        guard let key = row.identifier("signing_key", as: VerifyingKey.self), let bytes = row.blob("head"), let manifestBytes = row.blob("manifest"),
            let signed = try? Signed<Head>(decoding: Array(bytes)), row.identifier("origin") == signed.body.origin,
            let head = signed.verified(by: key), let manifest = try? Manifest(checking: Array(manifestBytes), head: head.body)
        else { return nil }
        guard row.hasNull("history") == false else { return (head, manifest, nil) }
        guard let stored = row.blob("history"), let history = decodeHistory(Array(stored)) else { return nil }
        return (head, manifest, history)
    }

    static func encode(_ history: HistoryTree) -> [UInt8] {
        var writer = WireWriter()
        writer.integer(history.leafCount)
        for root in history.subtreeRoots { writer.identifier(root) }
        return writer.bytes
    }

    private static func decodeHistory(_ bytes: [UInt8]) -> HistoryTree? {
        var reader = WireReader(bytes)
        guard let count = try? reader.integer(UInt64.self) else { return nil }
        var roots: [Digest] = []
        while reader.remaining > 0 {
            guard let root = try? reader.identifier(Digest.self) else { return nil }
            roots.append(root)
        }
        return HistoryTree(leafCount: count, subtreeRoots: roots)
    }

    /// What a statement is about, as a key; `nil` for heads.
    private static func key(of statement: AnyStatement) -> Data? {
        switch statement {
        case .head: nil
        // By revoker too, so that one that turns out not to count cannot take the place of one that does.
        case .revocation(let revocation): Data(statement.slot.bytes + revocation.body.revoker.bytes)
        default: Data(statement.slot.bytes)
        }
    }
}
