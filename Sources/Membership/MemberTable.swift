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

    /// What was found by looking at more operators than this is kept. Most have few above them, and are found anew each time.
    static let surveyLimit = 32

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
    private(set) var certificates: [OriginID: [Verified<MembershipCertificate>]] = [:]
    private(set) var revocations: [OriginID: Verified<Revocation>] = [:]
    /// `nil` before the root has admitted anybody.
    private var rootKey: VerifyingKey?
    /// Changes with whatever may change the standing of somebody who is known already.
    public private(set) var revision: UInt64 = 0
    /// What has been found out about those whose standing takes long to find.
    private(set) var places = KnownPlaces()
    private let surveyLimit: Int

    public init(mesh: MeshID) { self.init(mesh: mesh, surveyLimit: Self.surveyLimit) }

    init(mesh: MeshID, surveyLimit: Int) { (self.mesh, self.surveyLimit) = (mesh, surveyLimit) }

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
        if body.isSponsoredByRoot { rootKey = body.sponsor }
        // Nobody stands below somebody new. Copies of this table may yet learn something else of it.
        if certificates[body.member] != nil { forgetPlaces() } else { places = places.copy() }
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
        forgetPlaces()
        return .accepted
    }

    private mutating func forgetPlaces() {
        revision += 1
        places = KnownPlaces()
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

    public func standing(of origin: OriginID, at now: Timestamp) -> Standing { lastingStanding(of: origin, at: now).standing }

    /// And the times at which it is the same, as long as nobody who is known is certified anew or revoked (`revision`).
    public func lastingStanding(of origin: OriginID, at now: Timestamp) -> (standing: Standing, span: TimeSpan) {
        if revocations[origin] != nil { return (.revoked, .always) }
        guard certificates[origin] != nil else { return (.unknown, .always) }
        var found: [OriginID: Place] = [:]
        let place = place(of: origin, at: now, &found)
        return (place.depth.map { .member(depth: $0) } ?? .lapsed, place.span)
    }

    /// The shortest chain of certificates that are valid now, the operator's own first; `nil` if it is no member now. Of several equally short ones the one
    /// whose sponsors, from below, are the smallest, so that all nodes take the same.
    public func chain(of origin: OriginID, at now: Timestamp) -> [Verified<MembershipCertificate>]? {
        var found: [OriginID: Place] = [:]
        guard isKnown(origin), let depth = place(of: origin, at: now, &found).depth else { return nil }
        var chain: [Verified<MembershipCertificate>] = []
        var member = origin
        for above in (0..<depth).reversed() {
            let next = (certificates[member] ?? []).filter { certificate in
                guard certificate.body.validity(at: now).isValid, !isByRoot(certificate.body) else { return false }
                return place(of: OriginID(certificate.body.sponsor.raw), at: now, &found).depth == above
            }.min { $0.body.sponsor < $1.body.sponsor }
            guard let next else { return nil }  // There is one wherever there is a depth; what others have certified is no place for a trap.
            chain.append(next)
            member = OriginID(next.body.sponsor.raw)
        }
        return certificates[member]?.first { isByRoot($0.body) && $0.body.validity(at: now).isValid }.map { chain + [$0] }
    }

    /// How many sponsors stand between an operator and the root; what has been found on the way is added to `found`.
    private func place(of origin: OriginID, at now: Timestamp, _ found: inout [OriginID: Place]) -> Place {
        if let place = found[origin] ?? places.place(of: origin, at: now) { return place }
        let (members, place) = survey(origin, at: now, found)
        if members.count > surveyLimit {
            places.keep(members)
            found[origin] = place
        } else {
            for (member, place) in members { found[member] = place }
        }
        return place
    }

    /// Finds the places of an operator and of all above it, as far as they are not known: up through the sponsors, and level by level down from the root.
    /// O(operators above).
    private func survey(_ origin: OriginID, at now: Timestamp, _ found: [OriginID: Place]) -> (members: [(OriginID, Place)], own: Place) {
        var members = [origin]
        var numbers = [origin: 0]
        var below: [[Int]] = [[]]
        var levels = [[Int]](repeating: [], count: Limits.sponsorDepth + 1)
        var span = TimeSpan.always
        var next = 0
        while next < members.count {
            defer { next += 1 }
            guard revocations[members[next]] == nil else { continue }
            for certificate in certificates[members[next]] ?? [] {
                let (isValid, whileSo) = certificate.body.validity(at: now)
                span.narrow(to: whileSo)
                guard isValid else { continue }
                if isByRoot(certificate.body) {
                    levels[0].append(next)
                    continue
                }
                let sponsor = OriginID(certificate.body.sponsor.raw)
                if let number = numbers[sponsor] {
                    below[number].append(next)
                } else if let place = found[sponsor] ?? places.place(of: sponsor, at: now) {
                    span.narrow(to: place.span)
                    if let depth = place.depth, depth < Limits.sponsorDepth { levels[depth + 1].append(next) }
                } else {
                    numbers[sponsor] = members.count
                    members.append(sponsor)
                    below.append([next])
                }
            }
        }
        var depths = [Int?](repeating: nil, count: members.count)
        for depth in levels.indices {
            for number in levels[depth] where depths[number] == nil {
                depths[number] = depth
                if depth < Limits.sponsorDepth { levels[depth + 1] += below[number] }
            }
        }
        // One span for all of them: shorter than need be for those further up, and never too long.
        return (members.indices.map { (members[$0], Place(depth: depths[$0], span: span)) }, Place(depth: depths[0], span: span))
    }

    private func isByRoot(_ body: MembershipCertificate) -> Bool { body.sponsor == rootKey }

    private func mayRevoke(_ body: Revocation) -> Bool { standsAbove(body.revoker, body.revoked) }
}
