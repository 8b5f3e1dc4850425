import Ledger
import Primitives
import WireFormat

/// Whether an operator belongs to the mesh at some point in time.
public enum Standing: Hashable, Sendable {
    /// A chain of valid certificates leads to the root; `depth` sponsors stand between.
    case member(depth: Int)
    /// Its own key has been revoked. For ever.
    case revoked
    /// No chain of certificates is valid now: it, or somebody above it, has expired or been revoked.
    case lapsed
    /// No certificate names it.
    case unknown
}

/// Who has been admitted by whom, and who has been revoked (`Protocol/statements.md` §3 and §4).
///
/// Takes checked statements only, in any order that puts sponsors before those they sponsor. What it holds depends on the set of
/// statements it took, not on their order, so all nodes with the same statements agree.
public struct MemberTable: Sendable {
    /// Different sponsors of one operator that are kept; more are refused.
    public static let sponsorLimit = 4

    /// What became of a statement.
    public enum Verdict: Hashable, Sendable {
        case accepted
        /// Held already, or an older one than is held.
        case known
        /// Rests on an operator of whom nothing is known yet.
        case orphan
        /// Never valid here: another mesh, or a revoker who does not stand above.
        case refused
        /// Over a limit.
        case full
    }

    public let mesh: MeshID
    private var certificates: [OriginID: [Verified<MembershipCertificate>]] = [:]
    private var revocations: [OriginID: Verified<Revocation>] = [:]

    public init(mesh: MeshID) { self.mesh = mesh }

    /// How many operators are known, in whatever standing.
    public var count: Int { certificates.count }

    /// All operators known, in ascending order. O(n log n).
    public var operators: [OriginID] { certificates.keys.sorted() }

    public func isKnown(_ origin: OriginID) -> Bool { certificates[origin] != nil }

    public func isRevoked(_ origin: OriginID) -> Bool { revocations[origin] != nil }

    /// The name in the newest certificate. Hostile text.
    public func displayName(of origin: OriginID) -> String? { certificates[origin]?.max { $0.body.notBefore < $1.body.notBefore }?.body.displayName }

    /// The sponsors in the certificates held.
    public func sponsors(of origin: OriginID) -> [VerifyingKey] { (certificates[origin] ?? []).map(\.body.sponsor).sorted() }

    /// Takes a certificate. A newer one of the same sponsor replaces the older.
    public mutating func admit(_ certificate: Verified<MembershipCertificate>) -> Verdict {
        let body = certificate.body
        guard body.mesh == mesh else { return .refused }
        guard body.isSponsoredByRoot || isKnown(OriginID(body.sponsor.raw)) else { return .orphan }
        guard body.sponsor.raw != body.member.raw else { return .refused }
        var held = certificates[body.member] ?? []
        if let place = held.firstIndex(where: { $0.body.sponsor == body.sponsor }) {
            // The longer validity wins; of two equally long ones the one with the smaller hash, so that all nodes keep the same.
            let (old, new) = (held[place], certificate)
            guard new.bytes != old.bytes else { return .known }
            let isNewer = (new.body.notAfter, new.body.notBefore) != (old.body.notAfter, old.body.notBefore)
                ? (new.body.notAfter, new.body.notBefore) > (old.body.notAfter, old.body.notBefore) : new.hash < old.hash
            guard isNewer else { return .known }
            held[place] = certificate
        } else {
            guard held.count < Self.sponsorLimit, !held.isEmpty || certificates.count < Limits.members else { return .full }
            held.append(certificate)
        }
        certificates[body.member] = held
        return .accepted
    }

    /// Takes a revocation by the root, or by an operator that stands above in any chain.
    public mutating func revoke(_ revocation: Verified<Revocation>) -> Verdict {
        let body = revocation.body
        guard body.mesh == mesh else { return .refused }
        if let held = revocations[body.revoked] {
            // One is enough; the smallest hash, so that all nodes keep the same.
            guard revocation.hash < held.hash, mayRevoke(body) else { return .known }
            revocations[body.revoked] = revocation
            return .accepted
        }
        guard mayRevoke(body) else { return isKnown(body.revoked) ? .refused : .orphan }
        revocations[body.revoked] = revocation
        return .accepted
    }

    /// Whether `key` may revoke `origin`: it is the root, or stands above it.
    public func standsAbove(_ key: VerifyingKey, _ origin: OriginID) -> Bool {
        if MeshID(root: key) == mesh { return true }
        var visited: Set<OriginID> = []
        var queue = [origin]
        while let next = queue.popLast() {
            guard visited.insert(next).inserted else { continue }
            for certificate in certificates[next] ?? [] where !certificate.body.isSponsoredByRoot {
                if certificate.body.sponsor == key { return true }
                queue.append(OriginID(certificate.body.sponsor.raw))
            }
        }
        return false
    }

    public func standing(of origin: OriginID, at now: Timestamp) -> Standing {
        if revocations[origin] != nil { return .revoked }
        guard certificates[origin] != nil else { return .unknown }
        return chain(of: origin, at: now).map { .member(depth: $0.count - 1) } ?? .lapsed
    }

    /// The shortest chain of certificates that are valid now, the operator's own first; `nil` if it is no member now.
    public func chain(of origin: OriginID, at now: Timestamp) -> [Verified<MembershipCertificate>]? {
        var visited: Set<OriginID> = [origin]
        var level: [[Verified<MembershipCertificate>]] = [[]]
        var tip = [origin]
        for _ in 0...Limits.sponsorDepth {
            var nextLevel: [[Verified<MembershipCertificate>]] = []
            var nextTip: [OriginID] = []
            for (chain, member) in zip(level, tip) {
                guard revocations[member] == nil else { continue }
                for certificate in (certificates[member] ?? []).sorted(by: { $0.body.sponsor < $1.body.sponsor }) {
                    guard certificate.body.notBefore <= now + Limits.clockSkew, now < certificate.body.notAfter else { continue }
                    if certificate.body.isSponsoredByRoot { return chain + [certificate] }
                    let sponsor = OriginID(certificate.body.sponsor.raw)
                    guard visited.insert(sponsor).inserted else { continue }
                    nextLevel.append(chain + [certificate])
                    nextTip.append(sponsor)
                }
            }
            (level, tip) = (nextLevel, nextTip)
        }
        return nil
    }

    private func mayRevoke(_ body: Revocation) -> Bool { standsAbove(body.revoker, body.revoked) }
}
