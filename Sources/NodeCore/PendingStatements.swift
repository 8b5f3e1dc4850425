import Ledger
import Primitives

/// Statements whose ground has not come yet, by what they wait for: when that comes they alone are looked at again.
struct PendingStatements: Sendable {
    /// What a statement rests on.
    enum Ground: Hashable, Sendable {
        /// An operator's membership, or a certificate of one of its generations.
        case origin(OriginID)
        /// A node's certificate.
        case node(NodeID)
    }

    enum Statement: Sendable {
        case verified(AnyStatement)
        /// A head of a generation that is not known, so that nobody can say whether it is signed.
        case unresolved(Signed<Head>)

        var bytes: [UInt8] {
            switch self {
            case .verified(let statement): statement.bytes
            case .unresolved(let head): head.bytes
            }
        }

        fileprivate var rank: Int {
            switch self {
            case .verified(let statement): statement.rank
            case .unresolved: .max
            }
        }
    }

    struct Entry: Sendable {
        let statement: Statement
        /// Who has brought it; `nil` if that is not known any more.
        let bringer: OriginID?
    }

    /// Us: what was kept here waits whatever there is of it.
    let own: OriginID
    private var waiting: [Ground: [Entry]] = [:]  // Looked up, never iterated.
    private var present: Set<[UInt8]> = []
    private var countByBringer: [OriginID?: Int] = [:]

    init(own: OriginID) { self.own = own }

    var count: Int { present.count }
    var isFull: Bool { count >= NodeCore.Bound.pendingStatements }

    /// Whether there was room, in all and for whoever has brought it.
    mutating func add(_ statement: Statement, until ground: Ground, from bringer: OriginID?) -> Bool {
        if present.contains(statement.bytes) { return true }
        let brought = countByBringer[bringer, default: 0]
        guard !isFull, brought < NodeCore.Bound.pendingStatementsPerOperator || bringer == own else { return false }
        present.insert(statement.bytes)
        countByBringer[bringer] = brought + 1
        waiting[ground, default: []].append(Entry(statement: statement, bringer: bringer))
        return true
    }

    /// What has waited for this, what others rest on first; otherwise in the order in which it came.
    mutating func take(_ ground: Ground) -> [Entry] {
        let entries = waiting.removeValue(forKey: ground) ?? []
        for entry in entries {
            present.remove(entry.statement.bytes)
            let count = countByBringer[entry.bringer, default: 1]
            countByBringer[entry.bringer] = count > 1 ? count - 1 : nil
        }
        let inOrder = entries.enumerated().sorted { ($0.element.statement.rank, $0.offset) < ($1.element.statement.rank, $1.offset) }
        return inOrder.map(\.element)
    }
}

extension PendingStatements.Ground {
    /// What a statement that was not accepted yet rests on.
    init(of statement: AnyStatement) {
        self =
            switch statement {
            case .membership(let certificate): .origin(OriginID(certificate.body.sponsor.raw))
            case .revocation(let revocation): .origin(revocation.body.revoked)
            case .generation(let certificate): .origin(certificate.body.origin)
            case .node(let certificate): .origin(certificate.body.origin)
            case .peer(let record): .node(record.body.node)
            case .head(let head): .origin(head.body.origin)
            case .evidence(let evidence): .origin(evidence.origin)
            }
    }

    /// What has been laid by accepting this; `nil` if nothing rests on it.
    init?(laidBy statement: AnyStatement) {
        switch statement {
        case .membership(let certificate): self = .origin(certificate.body.member)
        case .generation(let certificate): self = .origin(certificate.body.origin)
        case .node(let certificate): self = .node(certificate.body.node)
        case .revocation, .peer, .head, .evidence: return nil
        }
    }
}
