import Ledger
import Membership
import NodeCore
import Primitives
import Storage

extension LocalAnswers {
    /// A bundle that shows anybody what is signed of these sightings; `nil` if none of them is held here any more. Works with the node running, and without.
    public static func proof(of targets: [ProofTarget], in directory: NodeDirectory) throws -> ProofBundle? {
        guard directory.exists else { throw NodeStartError.noNode(path: directory.path) }
        let store = try MeshStore(path: directory.databasePath)
        guard let root = try store.settings()?.meshRoot.flatMap({ VerifyingKey(hex: $0) }) else { throw NodeStartError.noMesh(path: directory.path) }
        let members = MembershipRecord(try store.load().state.statements, mesh: MeshID(root: root))
        return try ProofBundle.make(
            of: try store.proofMaterial(of: Array(targets.prefix(ProofBundle.sightingLimit))), memberships: members.certificates(at: SystemClock.timestamp))
    }
}

/// The membership of everybody, from stored statements.
private struct MembershipRecord {
    private var members: MemberTable

    init(_ statements: [AnyStatement], mesh: MeshID) {
        members = MemberTable(mesh: mesh)
        var waiting = statements.compactMap { statement -> Verified<MembershipCertificate>? in
            guard case .membership(let certificate) = statement else { return nil }
            return certificate
        }
        // Sponsors come before whom they sponsor; every round places one more level.
        while true {
            var orphans: [Verified<MembershipCertificate>] = []
            for certificate in waiting where members.admit(certificate) == .orphan { orphans.append(certificate) }
            guard orphans.count < waiting.count else { break }
            waiting = orphans
        }
        for statement in statements { if case .revocation(let revocation) = statement { _ = members.revoke(revocation) } }
    }

    /// The first step of everybody's shortest chain: together they are the chains of all.
    func certificates(at now: Timestamp) -> [Signed<MembershipCertificate>] { members.operators.compactMap { members.chain(of: $0, at: now)?.first?.signed } }
}
