import Cryptography
import Ledger
import NodeCore
import Primitives
import Testing
import WireFormat

/// Operators that tell different things to different people: `Protocol/replication.md` §8.
@Suite struct EvidenceTests {
    private func equivocation(at index: Int, in mesh: TinyMesh, of origin: Int) -> Bool {
        mesh.members[index].events.contains { if case .equivocation(mesh.operators[origin].origin, generation: 1) = $0 { true } else { false } }
    }

    private func evidence(at index: Int, in mesh: TinyMesh) -> [Evidence] {
        mesh.members[index].stored.statements.compactMap { if case .evidence(let evidence) = $0 { evidence } else { nil } }
    }

    /// Alpha's true head is everywhere; another one with its number turns up at beta.
    @Test func twoHeadsAtOnePositionAreKeptAsEvidenceEverywhere() throws {
        let mesh = TinyMesh(["alpha", "beta", "gamma", "delta"], seed: 51)
        mesh.start()
        mesh.publish([1, 2], by: 0)
        mesh.run(for: .seconds(10))
        let position = try #require(mesh.adopted(of: 0, at: 1))

        mesh.learn([mesh.head(of: 0, generation: 1, sequence: position.sequence).bytes], at: 1)
        mesh.settle()

        for index in 0..<4 {
            #expect(equivocation(at: index, in: mesh, of: 0), "node \(index), without a moment passing: evidence goes first")
            #expect(evidence(at: index, in: mesh).count == 1)
        }
        for index in 1..<4 { #expect(mesh.codes(of: 0, at: index) == [] && mesh.adopted(of: 0, at: index) == nil, "in quarantine") }
        #expect(mesh.signing(of: 0) == .halted(.equivocation), "alpha is told too: somebody else has its key")

        // Kept: a node that starts anew, and one that joins later, know of it.
        mesh.restart(2, from: mesh.members[2].stored, incarnation: 2)
        mesh.run(for: .seconds(20))
        #expect(mesh.adopted(of: 0, at: 2) == nil)

        mesh.give(0, .command(.openGeneration(.afterEquivocation)))
        mesh.run(for: .seconds(20))
        for index in 1..<4 { #expect(mesh.codes(of: 0, at: index) == [1, 2], "a new generation ends the quarantine") }
    }

    /// Two forks, one always a number ahead: the newest heads never have one number, but the histories deny each other.
    @Test(arguments: [61, 62, 63] as [UInt64]) func forksOfDifferentLengthAreFoundThroughTheirHistories(seed: UInt64) throws {
        let mesh = TinyMesh(["alpha", "beta", "gamma", "delta", "epsilon"], seed: seed)
        // Alpha's own node is not needed: its key speaks. The others are in two halves that do not hear each other.
        let (left, right) = ([1, 2], [3, 4])
        let isolated: Set<Set<Int>> = [[0, 1], [0, 2], [0, 3], [0, 4]]
        mesh.cutLinks = isolated.union(left.flatMap { near in right.map { [near, $0] } })
        mesh.start()
        mesh.run(for: .seconds(5))
        let certificate = try #require(
            mesh.members[0].stored.statements.lazy.compactMap { statement -> Verified<GenerationCertificate>? in
                if case .generation(let certificate) = statement { certificate } else { nil }
            }.first)
        for index in 1...4 { mesh.hold(.empty, at: index) }
        func fork(_ lifetime: UInt32, _ count: UInt64) -> [Verified<Head>] {
            var tree = HistoryTree(certificateHash: certificate.hash)
            return (1...count).map { sequence in
                let head = Signed.make(
                    Head(
                        origin: mesh.operators[0].origin, position: HeadPosition(generation: 1, sequence: sequence), issuedAt: mesh.now.timestamp,
                        lifetimeSeconds: lifetime, manifestRoot: Manifest.empty.root, entryCount: 0, sightingCount: 0, dataByteCount: 0, historyRoot: tree.root)!,
                    with: mesh.operators[0].generationKey)
                tree.append(head.hash)
                return head
            }
        }
        for (half, fork) in [(left, fork(100, 6)), (right, fork(200, 7))] {
            mesh.learn(mesh.operators.indices.flatMap { mesh.members[$0].stored.statements.filter { $0.rank < 6 }.map(\.bytes) }, at: half[0])
            for head in fork {
                mesh.learn([head.bytes], at: half[0])
                mesh.run(for: .seconds(1))
            }
        }
        mesh.run(for: .seconds(40))
        for half in [left, right] {
            for index in half { #expect(mesh.adopted(of: 0, at: index)?.sequence == (half == left ? 6 : 7), "seed \(seed), node \(index)") }
        }

        mesh.cutLinks = isolated
        mesh.run(for: .seconds(400))

        for index in 1...4 {
            #expect(equivocation(at: index, in: mesh, of: 0), "seed \(seed), node \(index)")
            let piece = try #require(evidence(at: index, in: mesh).first)
            #expect(Evidence(try UncheckedEvidence(decoding: piece.bytes)) == piece, "anybody can check it")
            if case .forkedHistory = piece.contradiction {} else { Issue.record("seed \(seed): another contradiction was found: \(piece.contradiction)") }
            #expect(mesh.adopted(of: 0, at: index) == nil)
        }
    }

    /// A key that was copied, and opened a generation on each of two machines.
    @Test func oneGenerationOpenedTwiceIsEvidence() {
        let mesh = TinyMesh(["alpha", "beta", "gamma"], seed: 54)
        mesh.start()
        mesh.publish([1], by: 0)
        mesh.run(for: .seconds(10))

        mesh.learn([mesh.certificate(of: 0, generation: 1, reason: .first).bytes], at: 1)
        mesh.settle()

        for index in 0..<3 { #expect(equivocation(at: index, in: mesh, of: 0)) }
        for index in 1..<3 { #expect(mesh.codes(of: 0, at: index) == []) }
    }

    /// An honest origin whose heads come in leaps and out of order is accused of nothing.
    @Test(arguments: [71, 72] as [UInt64]) func heedlessDeliveryIsNoEvidence(seed: UInt64) throws {
        let mesh = TinyMesh(["alpha", "beta", "gamma"], seed: seed)
        mesh.start()
        var heads: [[UInt8]] = []
        for code in 1...40 as ClosedRange<UInt64> {
            mesh.publish([code], by: 0)
            mesh.run(for: .milliseconds(code.isMultiple(of: 5) ? 3_000 : 60))
            if let head = mesh.members[0].core.ownState?.head.bytes { heads.append(head) }
        }
        mesh.learn(heads.reversed(), at: 1)
        mesh.learn(heads.sample(20, using: &mesh.random), at: 2)
        mesh.run(for: .seconds(60))

        for index in 0..<3 { #expect(!equivocation(at: index, in: mesh, of: 0), "seed \(seed)") }
        #expect(mesh.codes(of: 0, at: 1) == [40])
        #expect(!mesh.members.contains { $0.events.contains { if case .misbehaviour = $0 { true } else { false } } }, "seed \(seed)")
    }

    /// Old generations take their evidence with them, so nobody can make a node keep more and more of it.
    @Test func evidenceIsKeptForTheGenerationsThatAreKept() {
        let mesh = TinyMesh(["alpha", "beta"], seed: 55)
        mesh.start()
        mesh.run(for: .seconds(5))
        for generation in 2...40 as ClosedRange<UInt32> {
            let key = SigningKey(using: &mesh.random)
            let pair = [
                mesh.certificate(of: 0, generation: generation, reason: .rotation, key: key),
                mesh.certificate(of: 0, generation: generation, reason: .compromise),
            ]
            for certificate in pair {
                mesh.learn([certificate.bytes], at: 1)
                mesh.settle()
            }
        }

        #expect(evidence(at: 1, in: mesh).count == 8)
        #expect(
            mesh.members[1].stored.statements.count {
                if case .generation(let certificate) = $0 { certificate.body.origin == mesh.operators[0].origin } else { false }
            } == 8)
    }

    @Test func falseEvidenceEndsTheSessionOfWhoSentIt() throws {
        let mesh = TinyMesh(["alpha", "beta"], seed: 56)
        mesh.start()
        mesh.publish([1, 2], by: 0)
        mesh.run(for: .seconds(10))
        let position = try #require(mesh.adopted(of: 0, at: 1))
        let other = mesh.head(of: 0, generation: 1, sequence: position.sequence)
        let certificate = try #require(
            mesh.members[0].stored.statements.lazy.compactMap { statement -> Verified<GenerationCertificate>? in
                if case .generation(let certificate) = statement, certificate.body.origin == mesh.operators[0].origin { certificate } else { nil }
            }.first)
        let own = try #require(mesh.members[0].core.ownState).head.signed
        let evidence = try #require(Evidence(own, other.signed, under: certificate.signed))
        let session = try #require(mesh.openSessions(between: 1, and: 0).first)
        var forged = evidence.bytes
        forged[forged.count - 1] ^= 1

        mesh.give(1, .frame(session, Frame(.evidence, body: forged)))
        mesh.settle()

        #expect(mesh.members[1].events.contains { if case .misbehaviour(session, .forgedStatements(count: 1)) = $0 { true } else { false } })
        #expect(mesh.codes(of: 0, at: 1) == [1, 2])
    }
}
