import Cryptography
import Ledger
import Primitives
import Testing
import WireFormat

@testable import Membership

@Suite struct MemberTableTests {
    static let now = Timestamp(milliseconds: 1_790_000_000_000)

    struct World {
        var random: SeededGenerator
        let root: SigningKey
        var keys: [SigningKey]
        var mesh: MeshID { MeshID(root: root.verifyingKey) }

        init(seed: UInt64, count: Int) {
            var random = SeededGenerator(seed: seed)
            root = SigningKey(using: &random)
            keys = []
            for _ in 0..<count { keys.append(SigningKey(using: &random)) }
            self.random = random
        }

        func origin(_ index: Int) -> OriginID { OriginID(keys[index].verifyingKey.raw) }

        /// - Parameter sponsor: `nil` for the root.
        func certificate(_ member: Int, by sponsor: Int?, days: Int64 = 365, from start: Timestamp = now) -> Verified<MembershipCertificate> {
            let key = sponsor.map { keys[$0] } ?? root
            return Signed.make(
                MembershipCertificate(
                    mesh: mesh, member: origin(member), displayName: "member \(member)", sponsor: key.verifyingKey, notBefore: start,
                    notAfter: start + .seconds(days * 86_400))!, with: key)
        }

        func revocation(of member: Int, by revoker: Int?) -> Verified<Revocation> {
            let key = revoker.map { keys[$0] } ?? root
            return Signed.make(Revocation(mesh: mesh, revoked: origin(member), revoker: key.verifyingKey, issuedAt: now, reason: .left), with: key)
        }
    }

    @Test func aChainLeadsToTheRoot() {
        let world = World(seed: 1, count: 3)
        var table = MemberTable(mesh: world.mesh)

        let verdict1 = table.admit(world.certificate(1, by: 0))
        #expect(verdict1 == .orphan)
        let verdict2 = table.admit(world.certificate(0, by: nil))
        #expect(verdict2 == .accepted)
        let verdict3 = table.admit(world.certificate(1, by: 0))
        #expect(verdict3 == .accepted)
        let verdict4 = table.admit(world.certificate(2, by: 1))
        #expect(verdict4 == .accepted)

        #expect(table.standing(of: world.origin(0), at: Self.now) == .member(depth: 0))
        #expect(table.standing(of: world.origin(2), at: Self.now) == .member(depth: 2))
        #expect(table.chain(of: world.origin(2), at: Self.now)?.map(\.body.member) == [2, 1, 0].map(world.origin))
    }

    @Test func aRevocationEndsTheBranchBelowAndASecondSponsorHoldsIt() {
        let world = World(seed: 2, count: 4)
        var table = MemberTable(mesh: world.mesh)
        for certificate in [world.certificate(0, by: nil), world.certificate(1, by: 0), world.certificate(2, by: 1), world.certificate(3, by: 0)] {
            let verdict5 = table.admit(certificate)
            #expect(verdict5 == .accepted)
        }

        let verdict6 = table.revoke(world.revocation(of: 1, by: 3))
        #expect(verdict6 == .refused)
        let verdict7 = table.revoke(world.revocation(of: 1, by: 2))
        #expect(verdict7 == .refused)
        let verdict8 = table.revoke(world.revocation(of: 1, by: 0))
        #expect(verdict8 == .accepted)

        #expect(table.standing(of: world.origin(1), at: Self.now) == .revoked)
        #expect(table.standing(of: world.origin(2), at: Self.now) == .lapsed)
        let verdict9 = table.admit(world.certificate(2, by: 3))
        #expect(verdict9 == .accepted)
        #expect(table.standing(of: world.origin(2), at: Self.now) == .member(depth: 2))
        let verdict10 = table.admit(world.certificate(1, by: 3))
        #expect(verdict10 == .accepted)
        #expect(table.standing(of: world.origin(1), at: Self.now) == .revoked)
    }

    @Test func validityHasABeginningAndAnEnd() {
        let world = World(seed: 3, count: 1)
        var table = MemberTable(mesh: world.mesh)
        _ = table.admit(world.certificate(0, by: nil, days: 10))

        #expect(table.standing(of: world.origin(0), at: Self.now + .seconds(-601)) == .lapsed)
        #expect(table.standing(of: world.origin(0), at: Self.now + .seconds(-600)) == .member(depth: 0))
        #expect(table.standing(of: world.origin(0), at: Self.now + .seconds(864_000 - 1)) == .member(depth: 0))
        #expect(table.standing(of: world.origin(0), at: Self.now + .seconds(864_000)) == .lapsed)
    }

    @Test func aChainLongerThanTheLimitDoesNotCount() {
        let world = World(seed: 4, count: Limits.sponsorDepth + 2)
        var table = MemberTable(mesh: world.mesh)
        for member in world.keys.indices { #expect(table.admit(world.certificate(member, by: member == 0 ? nil : member - 1)) == .accepted) }

        #expect(table.standing(of: world.origin(Limits.sponsorDepth), at: Self.now) == .member(depth: Limits.sponsorDepth))
        #expect(table.standing(of: world.origin(Limits.sponsorDepth + 1), at: Self.now) == .lapsed)
    }

    @Test func anotherMeshAndTooManySponsorsAreRefused() {
        let world = World(seed: 5, count: 8)
        let stranger = World(seed: 6, count: 1)
        var table = MemberTable(mesh: world.mesh)

        let verdict11 = table.admit(stranger.certificate(0, by: nil))
        #expect(verdict11 == .refused)
        for sponsor in 0..<6 { _ = table.admit(world.certificate(sponsor, by: nil)) }
        for sponsor in 0..<MemberTable.sponsorLimit { #expect(table.admit(world.certificate(7, by: sponsor)) == .accepted) }
        let verdict12 = table.admit(world.certificate(7, by: MemberTable.sponsorLimit))
        #expect(verdict12 == .full)
    }

    /// Whoever hears the same statements believes the same, in whatever order they came.
    @Test(arguments: [1, 2, 3, 4, 5, 6, 7, 8] as [UInt64]) func standingDoesNotDependOnTheOrder(seed: UInt64) {
        var world = World(seed: seed, count: 10)
        var certificates: [Verified<MembershipCertificate>] = []
        var revocations: [Verified<Revocation>] = []
        for member in world.keys.indices {
            let sponsor = member == 0 ? nil : Int(world.random.number(below: UInt64(member)))
            certificates.append(world.certificate(member, by: sponsor, days: 1 + Int64(world.random.number(below: 3))))
            if world.random.number(below: 3) == 0, let sponsor {
                certificates.append(world.certificate(member, by: sponsor, days: 2 + Int64(world.random.number(below: 3))))
            }
            if world.random.number(below: 6) == 0 { revocations.append(world.revocation(of: member, by: sponsor)) }
        }

        func table(shuffledWith generator: inout SeededGenerator) -> MemberTable {
            var table = MemberTable(mesh: world.mesh)
            var waiting: [(MembershipOrRevocation)] = certificates.map { .membership($0) } + revocations.map { .revocation($0) }
            while !waiting.isEmpty {
                waiting.reorder(using: &generator)
                waiting = waiting.filter { statement in
                    switch statement {
                    case .membership(let certificate): table.admit(certificate) == .orphan
                    case .revocation(let revocation): [.orphan, .refused].contains(table.revoke(revocation))
                    }
                }
            }
            return table
        }
        var generator = SeededGenerator(seed: seed &+ 100)
        let (first, second) = (table(shuffledWith: &generator), table(shuffledWith: &generator))

        for member in world.keys.indices {
            for day in 0..<6 {
                let time = Self.now + .seconds(Int64(day) * 86_400 - 1_000)
                #expect(first.standing(of: world.origin(member), at: time) == second.standing(of: world.origin(member), at: time), "seed \(seed)")
            }
        }
    }

    /// A walk up, level by level, as slow and obvious as can be.
    private static func walk(up table: MemberTable, from origin: OriginID, at now: Timestamp) -> [Verified<MembershipCertificate>]? {
        var visited: Set<OriginID> = [origin]
        var level: [(chain: [Verified<MembershipCertificate>], tip: OriginID)] = [([], origin)]
        for _ in 0...Limits.sponsorDepth {
            var next: [(chain: [Verified<MembershipCertificate>], tip: OriginID)] = []
            for (chain, member) in level where table.revocations[member] == nil {
                for certificate in (table.certificates[member] ?? []).sorted(by: { $0.body.sponsor < $1.body.sponsor }) {
                    guard certificate.body.notBefore <= now + Limits.clockSkew, now < certificate.body.notAfter else { continue }
                    if certificate.body.isSponsoredByRoot { return chain + [certificate] }
                    let sponsor = OriginID(certificate.body.sponsor.raw)
                    if visited.insert(sponsor).inserted { next.append((chain + [certificate], sponsor)) }
                }
            }
            level = next
        }
        return nil
    }

    /// Trees with several sponsors each, circles, gaps in time and revocations, asked while they grow, forwards and backwards in time, and in copies that go
    /// different ways: what is kept from one question for the next changes no answer.
    @Test(arguments: [1, 2, 3, 4, 5, 6] as [UInt64], [0, 3, MemberTable.surveyLimit])
    func aChainIsWhatAWalkUpFinds(seed: UInt64, surveyLimit: Int) {
        var world = World(seed: seed, count: 40)
        var tables = [MemberTable(mesh: world.mesh, surveyLimit: surveyLimit)]
        var known = 1
        var (found, deepest) = (0, 0)
        for step in 0..<600 {
            let place = Int(world.random.number(below: UInt64(tables.count)))
            let member = Int(world.random.number(below: UInt64(min(known + 1, world.keys.count))))
            // Near in age, so that chains get long; now and then a later one, so that there are circles.
            let sponsor = max(0, min(world.keys.count - 1, member - 1 - Int(world.random.number(below: 4)) + (step % 7 == 0 ? 4 : 0)))
            let start = Self.now + .seconds(Int64(world.random.number(below: 4)) * 86_400)
            if step % 40 == 39 {
                _ = tables[place].revoke(world.revocation(of: member, by: step % 80 == 39 ? nil : sponsor))
            } else if step % 100 == 99, tables.count < 3 {
                tables.append(tables[place])
            } else {
                let isByRoot = member == 0 || world.random.number(below: 40) == 0
                let days = 3 + Int64(world.random.number(below: 6))
                let verdict = tables[place].admit(world.certificate(member, by: isByRoot ? nil : sponsor, days: days, from: start))
                if verdict == .accepted { known = max(known, member + 1) }
            }
            for _ in 0..<12 {
                let table = tables[Int(world.random.number(below: UInt64(tables.count)))]
                let origin = world.origin(Int(world.random.number(below: UInt64(world.keys.count))))
                let time = Self.now + .seconds(Int64(world.random.number(below: 12 * 24)) * 3_600 - 601 + Int64(world.random.number(below: 3)))
                let expected = Self.walk(up: table, from: origin, at: time)
                #expect(table.chain(of: origin, at: time) == expected, "seed \(seed), step \(step)")
                guard table.isKnown(origin), !table.isRevoked(origin) else { continue }
                let (standing, span) = table.lastingStanding(of: origin, at: time)
                #expect(standing == expected.map { .member(depth: $0.count - 1) } ?? .lapsed, "seed \(seed), step \(step)")
                #expect(span.contains(time))
                for other in [span.start, span.end + .milliseconds(-1)] {
                    #expect(table.standing(of: origin, at: other) == standing, "seed \(seed), step \(step)")
                }
                if let expected { (found, deepest) = (found + 1, max(deepest, expected.count)) }
            }
        }

        #expect(found > 500 && deepest > 6, "seed \(seed): \(found) chains, the longest of \(deepest), say little")
    }

    private enum MembershipOrRevocation {
        case membership(Verified<MembershipCertificate>)
        case revocation(Verified<Revocation>)
    }
}

@Suite struct NodeTableTests {
    private func certificate(_ operatorKey: SigningKey, _ node: SigningKey, _ transport: AgreementKey, serial: UInt64) -> Verified<NodeCertificate> {
        Signed.make(
            NodeCertificate(
                origin: OriginID(operatorKey.verifyingKey.raw), serial: serial, node: NodeID(node.verifyingKey.raw), transportKey: transport.publicKey,
                roles: .replica, notBefore: MemberTableTests.now, notAfter: MemberTableTests.now + .seconds(86_400))!, with: operatorKey)
    }

    @Test func theHighestSerialCountsAndKeysFollowIt() {
        var random = SeededGenerator(seed: 9)
        let (owner, thief, node) = (SigningKey(using: &random), SigningKey(using: &random), SigningKey(using: &random))
        let (old, new) = (AgreementKey(using: &random), AgreementKey(using: &random))
        let id = NodeID(node.verifyingKey.raw)
        var table = NodeTable()

        let verdict13 = table.take(certificate(owner, node, old, serial: 2))
        #expect(verdict13 == .accepted)
        let verdict14 = table.take(certificate(owner, node, new, serial: 1))
        #expect(verdict14 == .known)
        #expect(table.node(with: old.publicKey) == id)
        let verdict15 = table.take(certificate(owner, node, new, serial: 3))
        #expect(verdict15 == .accepted)
        #expect(table.node(with: old.publicKey) == nil && table.node(with: new.publicKey) == id)
        let verdict16 = table.take(certificate(thief, node, old, serial: .max))
        #expect(verdict16 == .refused)
    }

    /// Anybody can certify a key that it does not hold. As long as several nodes claim one it stands for none of them, whoever was heard of first.
    @Test(arguments: [false, true]) func aKeyThatSeveralClaimIsNobodysUntilOneIsLeft(isThiefFirst: Bool) {
        var random = SeededGenerator(seed: 13)
        let (owner, node) = (SigningKey(using: &random), SigningKey(using: &random))
        let (thief, other) = (SigningKey(using: &random), SigningKey(using: &random))
        let (claimed, unclaimed) = (AgreementKey(using: &random), AgreementKey(using: &random))
        var table = NodeTable()

        let certificates = [certificate(owner, node, claimed, serial: 1), certificate(thief, other, claimed, serial: 1)]
        for certificate in isThiefFirst ? certificates.reversed() : certificates {
            let verdict = table.take(certificate)
            #expect(verdict == .accepted)
        }
        #expect(table.node(with: claimed.publicKey) == nil)

        _ = table.take(certificate(thief, other, unclaimed, serial: 2))
        #expect(table.node(with: claimed.publicKey) == NodeID(node.verifyingKey.raw))
        #expect(table.node(with: unclaimed.publicKey) == NodeID(other.verifyingKey.raw))
        _ = table.take(certificate(owner, node, unclaimed, serial: 2))
        #expect(table.node(with: claimed.publicKey) == nil && table.node(with: unclaimed.publicKey) == nil)
    }

    @Test func onlyANodeOfACertifiedKindIsListenedTo() {
        var random = SeededGenerator(seed: 10)
        let (owner, node) = (SigningKey(using: &random), SigningKey(using: &random))
        func record(_ incarnation: UInt64) -> Verified<PeerRecord> {
            Signed.make(PeerRecord(node: NodeID(node.verifyingKey.raw), incarnation: incarnation, flags: [], addresses: [])!, with: node)
        }
        var table = NodeTable()

        let verdict17 = table.take(record(5), at: MemberTableTests.now)
        #expect(verdict17 == .orphan)
        _ = table.take(certificate(owner, node, AgreementKey(using: &random), serial: 1))
        let verdict18 = table.take(record(5), at: MemberTableTests.now)
        #expect(verdict18 == .accepted)
        let verdict19 = table.take(record(5), at: MemberTableTests.now)
        #expect(verdict19 == .known)
        let verdict20 = table.take(record(4), at: MemberTableTests.now)
        #expect(verdict20 == .known)
        let verdict21 = table.take(record(6), at: MemberTableTests.now)
        #expect(verdict21 == .accepted)
    }

    @Test func nodesOfOneOperatorAreLimited() {
        var random = SeededGenerator(seed: 11)
        let owner = SigningKey(using: &random)
        var table = NodeTable()
        for _ in 0..<NodeTable.nodesPerOperator {
            let verdict22 = table.take(certificate(owner, SigningKey(using: &random), AgreementKey(using: &random), serial: 1))
            #expect(verdict22 == .accepted)
        }
        let verdict23 = table.take(certificate(owner, SigningKey(using: &random), AgreementKey(using: &random), serial: 1))
        #expect(verdict23 == .full)
    }
}

@Suite struct DialBackoffTests {
    @Test func waitingDoublesAndNeverEnds() {
        var random = SeededGenerator(seed: 12)
        var backoff = DialBackoff()
        let key = DialTarget.key(AgreementKey(using: &random).publicKey)
        var now = Instant.zero
        var longest = Duration.zero

        #expect(backoff.mayDial(key, at: now))
        for _ in 0..<40 {
            backoff.failed(key, at: now, using: &random)
            #expect(!backoff.mayDial(key, at: now))
            let start = now
            while !backoff.mayDial(key, at: now) { now = now + .milliseconds(500) }
            longest = max(longest, now - start)
        }
        #expect(longest >= DialBackoff.longest && longest <= DialBackoff.longest * 3 / 2 + .seconds(1))
        backoff.succeeded(key)
        #expect(backoff.mayDial(key, at: .zero) && backoff.failureCount(of: key) == 0)
    }
}
