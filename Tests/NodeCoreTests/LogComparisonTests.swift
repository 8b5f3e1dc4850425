import Cryptography
import Ledger
import NodeCore
import Primitives
import Testing
import WireFormat

/// Logs are compared where they are long enough for that (`Protocol/replication.md` §3.4).
@Suite struct LogComparisonTests {
    static let names = (0..<12).map { "operator\($0)" }

    /// What passes between two nodes from now on.
    final class Record {
        var frames: [(from: Int, frame: Frame)] = []

        func count(_ type: FrameType) -> Int { frames.count { $0.frame.knownType == type } }

        /// Statements in all answers of a node.
        func statements(from index: Int? = nil) -> [[UInt8]] {
            frames.filter { index == nil || $0.from == index }.flatMap { _, frame -> [[UInt8]] in
                switch frame.knownType {
                case .statements: (try? StatementsAnswer(decoding: frame.body).statements) ?? []
                case .difference: (try? StatementsDifference(decoding: frame.body).statements) ?? []
                default: []
                }
            }
        }
    }

    private static func record(_ mesh: TinyMesh) -> Record {
        let record = Record()
        mesh.onFrame = { from, frame in
            record.frames.append((from, frame))
            return frame
        }
        return record
    }

    /// Everybody knows everybody, and holds the same.
    private static func settled(seed: UInt64) -> TinyMesh {
        let mesh = TinyMesh(names, seed: seed)
        mesh.start()
        for index in names.indices { mesh.publish([UInt64(index) + 1], by: index) }
        mesh.run(for: .seconds(40))
        for index in names.indices { #expect(mesh.members[index].core.status(at: mesh.now).statementCount == 60, "seed \(seed)") }
        return mesh
    }

    private static func restart(_ index: Int, of mesh: TinyMesh, from stored: StoredState, incarnation: UInt64) {
        for other in names.indices { for session in mesh.openSessions(between: index, and: other) { mesh.cut(session) } }
        mesh.settle()
        mesh.members[index].core = mesh.makeCore(index, stored, incarnation: incarnation)
        mesh.members[index].timers = []
        mesh.members[index].events = []
        mesh.give(index, .start)
    }

    @Test(arguments: [1, 2] as [UInt64]) func aNewSessionBringsWhatDiffersAndLittleElse(seed: UInt64) throws {
        let mesh = Self.settled(seed: seed)
        let session = try #require(mesh.openSessions(between: 0, and: 1).first)
        let record = Self.record(mesh)

        mesh.cut(session)
        mesh.connect(0, 1)
        mesh.settle()

        #expect(record.count(.comparison) == 2 && record.count(.difference) == 2 && record.count(.statementsRequest) == 0, "seed \(seed)")
        #expect(record.statements() == [], "seed \(seed)")
        #expect(record.frames.allSatisfy { $0.frame.knownType != .comparison || $0.frame.body.count == 17 + 8 * 8 }, "60 statements in 8 parts")
    }

    /// Nobody sends us a head of ours that it knows we hold, so that it holds it too follows from the part that is the same.
    @Test(arguments: [1, 2] as [UInt64]) func aPartThatIsTheSameConfirmsOurHead(seed: UInt64) {
        let mesh = Self.settled(seed: seed)
        let own = mesh.members[0].core.ownState?.head
        let record = Self.record(mesh)

        mesh.cutLinks = Set((2..<12).map { [0, $0] })  // So that nobody else tells of it.
        Self.restart(0, of: mesh, from: mesh.members[0].stored, incarnation: 2)
        mesh.connect(0, 1)
        mesh.settle()

        let confirmed = mesh.members[0].core.status(at: mesh.now).peers.first { $0.origin == mesh.operators[1].origin }?.confirmed
        #expect(own != nil && confirmed == own?.body.position, "seed \(seed)")
        #expect(record.count(.comparison) > 0 && !record.statements(from: 1).contains(own?.bytes ?? []), "seed \(seed): it came the other way")
    }

    @Test(arguments: [1, 2] as [UInt64]) func aPartThatDiffersConfirmsNothing(seed: UInt64) {
        let mesh = Self.settled(seed: seed)
        mesh.cutLinks = Set((1..<12).map { [0, $0] })
        for other in 1..<12 { for session in mesh.openSessions(between: 0, and: other) { mesh.cut(session) } }
        mesh.publish([77], by: 0)
        mesh.run(for: .seconds(1))
        let record = Self.record(mesh)

        Self.restart(0, of: mesh, from: mesh.members[0].stored, incarnation: 2)
        mesh.onDatagram = { _, _ in nil }
        mesh.onFrame = { from, frame in
            record.frames.append((from, frame))
            return frame.knownType == .manifestRequest || frame.knownType == .changesRequest ? nil : frame  // So that it is not adopted.
        }
        mesh.connect(0, 1)
        mesh.settle()

        let confirmed = mesh.members[0].core.status(at: mesh.now).peers.first { $0.origin == mesh.operators[1].origin }?.confirmed
        #expect(record.count(.difference) == 2 && confirmed != mesh.members[0].core.ownState?.head.body.position, "seed \(seed)")
    }

    /// The answerer holds a newer head of ours, so the part in which that lies differs, and it comes (`Protocol/replication.md` §7).
    @Test(arguments: [1, 2] as [UInt64]) func aRestoredBackupIsNoticed(seed: UInt64) {
        let mesh = Self.settled(seed: seed)
        let backup = mesh.members[0].stored
        for code in 101...103 as ClosedRange<UInt64> {
            mesh.publish([code], by: 0)
            mesh.run(for: .seconds(2))
        }
        let newest = mesh.members[0].core.ownState?.head.body.position
        let record = Self.record(mesh)

        Self.restart(0, of: mesh, from: backup, incarnation: 3)
        mesh.publish([99], by: 0)
        mesh.onDatagram = { _, _ in nil }  // The logs alone have to show it.
        mesh.run(for: .seconds(60))

        #expect(record.frames.contains { $0.from == 0 && $0.frame.knownType == .comparison }, "seed \(seed)")
        #expect(newest.map { mesh.members[0].core.status(at: mesh.now).signing == .halted(.newerHead($0)) } ?? false, "seed \(seed)")
        #expect(!mesh.members[0].events.contains { if case .published = $0 { true } else { false } }, "seed \(seed)")
    }

    /// An older version answers `unknown`, and is asked for everything on that session.
    @Test func anOlderVersionIsAskedForEverything() {
        let mesh = TinyMesh(Self.names, seed: 5)
        var asked: [FrameType: Int] = [:]
        mesh.onFrame = { from, frame in
            if let type = frame.knownType { asked[type, default: 0] += 1 }
            return frame.forgetting([.comparison])
        }

        mesh.start()
        for index in Self.names.indices { mesh.publish([UInt64(index) + 1], by: index) }
        mesh.run(for: .seconds(40))

        for index in Self.names.indices { #expect(mesh.members[index].core.status(at: mesh.now).statementCount == 60) }
        #expect(asked[.comparison] ?? 0 > 10 && asked[.difference] == nil)
        #expect(mesh.members.allSatisfy { !$0.events.contains { if case .misbehaviour = $0 { true } else { false } } })
    }

    /// Each comparison may cost some hashing: whoever asks without end is told, at once and without any, what it may hold already.
    @Test func whoAsksTooOftenIsToldEverything() throws {
        let mesh = Self.settled(seed: 6)
        let session = try #require(mesh.openSessions(between: 1, and: 0).first)
        let record = Self.record(mesh)
        mesh.give(1, .frame(session, Frame(.statementsRequest, requestID: 1, body: StatementsRequest(logID: 0, after: 0).encoded())))
        mesh.settle()
        let all = record.statements(from: 1)
        let digest = BLAKE2b.hash(all.map { BLAKE2b.hash($0) }.sorted().flatMap(\.bytes)).raw.prefix

        for number in 1...100 as ClosedRange<UInt32> {
            let question = StatementsComparison(logID: 0, after: 0, digests: [digest])
            mesh.give(1, .frame(session, Frame(.comparison, requestID: number, body: question.encoded())))
        }
        mesh.settle()

        let answers = try record.frames.filter { $0.from == 1 && $0.frame.knownType == .difference }.map { try StatementsDifference(decoding: $0.frame.body) }
        #expect(all.count == 60 && answers.count == 100)
        #expect(answers.map(\.statements.count) == [Int](repeating: 0, count: 64) + [Int](repeating: 60, count: 36))
        #expect(answers.map(\.isEqual) == [[Bool]](repeating: [true], count: 64) + [[Bool]](repeating: [false], count: 36))
    }

    @Test func anAnswerAboutOtherPartsEndsTheSession() {
        let mesh = Self.settled(seed: 7)
        var spoiled = 0
        mesh.onFrame = { from, frame in
            guard from == 1, frame.knownType == .difference, let answer = try? StatementsDifference(decoding: frame.body) else { return frame }
            spoiled += 1
            var frame = frame
            frame.body =
                StatementsDifference(logID: answer.logID, upTo: answer.upTo, hasMore: false, isEqual: answer.isEqual + answer.isEqual, statements: []).encoded()
            return frame
        }

        for session in mesh.openSessions(between: 0, and: 1) { mesh.cut(session) }
        mesh.connect(0, 1)
        mesh.settle()

        #expect(spoiled == 1)
        #expect(mesh.members[0].events.contains { if case .misbehaviour(_, .malformed(.invalid(.count))) = $0 { true } else { false } })
    }

    /// As long as the other side may be an older version the question fits what such a one takes of an unknown type; then parts become finer.
    @Test func theFirstQuestionIsShortEnoughForOlderVersions() throws {
        let mesh = TinyMesh(["alpha", "beta"], seed: 8)
        let statements = (0..<4_400).map { number in
            let certificate = MembershipCertificate(
                mesh: mesh.mesh, member: OriginID(bytes: mesh.random.bytes(count: 32))!, displayName: "extra \(number)", sponsor: mesh.root.verifyingKey,
                notBefore: mesh.now.timestamp, notAfter: mesh.now.timestamp + .seconds(86_400))!
            return AnyStatement.membership(Signed.make(certificate, with: mesh.root))
        }
        for (index, own) in [statements[..<2_200], statements[2_200...]].enumerated() {
            var stored = mesh.members[index].stored
            stored.statements += own
            mesh.members[index].core = mesh.makeCore(index, stored, incarnation: 1)
        }
        let record = Self.record(mesh)

        mesh.start()
        mesh.run(for: .seconds(5))

        for index in 0...1 { #expect(mesh.members[index].core.status(at: mesh.now).statementCount == 4_400 + 10) }
        let asked = record.frames.filter { $0.frame.knownType == .comparison }
        for index in 0...1 {
            let own = asked.filter { $0.from == index }.map(\.frame.body.count)
            let first = try #require(own.first)
            #expect(first == 17 + 8 * 256 && first <= FrameType.maximumBodyByteCount(of: 999), "\(own)")
            #expect(own.dropFirst().allSatisfy { $0 > first } && own.count > 1, "\(own)")
        }
    }
}
