import NodeCore
import Primitives
import WireFormat

/// Members whose version knows fewer types of frames: neither comparisons, changes nor histories. What a core would do with them never reaches it, and what it
/// would ask is answered as if the other side had never heard of it.
extension SimulatedMesh {
    private static let newerTypes: Set<FrameType> = [
        .comparison, .difference, .headlessRequest, .changesRequest, .changes, .historyRequest, .history,
    ]  // Looked up, never iterated.

    /// Whether an old version stands between: then the frame goes no further, and its question is answered with "unknown" (`Protocol/replication.md` §2.4).
    func isUnknown(_ frame: Frame, toVersionOf node: Int) -> Bool { nodes[node].isOld && frame.knownType.map { Self.newerTypes.contains($0) } ?? false }

    /// An old version does not ask what it does not know; the core is told what it would be told by one.
    func answerForOldVersion(_ frame: Frame, on session: SessionID, at node: Int) {
        guard !frame.isAnswer else { return }
        let unknown = Frame(.unknown, requestID: frame.requestID, isAnswer: true, body: [])
        schedule(.input(node, life: nodes[node].life, .frame(session, unknown)), in: .milliseconds(1))
    }
}
