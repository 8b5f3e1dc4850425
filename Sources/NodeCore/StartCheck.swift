import Primitives

/// Before a node signs its first head it asks others for the newest head of its own that they have seen.
///
/// A disk that was restored from a backup, or copied to a second machine, would otherwise sign a number that is taken: evidence against its own operator
/// (`Protocol/replication.md` §7).
struct StartCheck: Sendable {
    /// As many neighbours are asked, if there are so many.
    static let neighbours = 3
    /// Fewer are enough after this time, if at least one has answered. Nobody's answer is never enough, as long as anybody is known.
    static let patience: Duration = .seconds(3)

    let startedAt: Instant
    private var answered: Set<NodeID> = []
    private(set) var isDone = false

    init(at now: Instant) { startedAt = now }

    /// A neighbour has shown its whole log.
    mutating func hasAnswered(_ node: NodeID) { answered.insert(node) }

    /// Whether the node may sign. Once it may, it always may.
    ///
    /// - Parameter known: nodes of others that could be asked, reachable or not.
    mutating func allowsSigning(known: Int, at now: Instant) -> Bool {
        if isDone { return true }
        let isEnough = answered.count >= min(Self.neighbours, known) || !answered.isEmpty && now - startedAt >= Self.patience
        isDone = isEnough
        return isDone
    }
}
