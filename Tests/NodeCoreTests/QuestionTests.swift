import Ledger
import NodeCore
import Primitives
import Testing
import WireFormat

@Suite struct QuestionTests {
    private static let question = PeerQuestion(stream: .smtpTarget1, key: Array("victim.example".utf8))!
    private static let today = Day(number: 20_718)

    private static func origin(_ number: UInt8) -> OriginID { OriginID(Bytes32(Array(repeating: number, count: 32))!) }

    private static func found(_ operators: ClosedRange<UInt8>, daysAgo: Int = 1, count: UInt64 = 1, distance: UInt16? = nil) -> [FoundSighting] {
        operators.map { FoundSighting(origin: origin($0), day: today.advanced(by: -daysAgo), count: count, distance: distance) }
    }

    private static let own = SponsorBranches(Dictionary(uniqueKeysWithValues: (1...40).map { (origin($0), origin($0)) }))

    // MARK: What may be said

    @Test func fewerThanThreeIsNobody() {
        #expect(AggregateAnswer([], branches: Self.own, today: Self.today) == .none)
        #expect(AggregateAnswer(Self.found(1...2, count: 1_000), branches: Self.own, today: Self.today) == .none)
        #expect(AggregateAnswer(Self.found(1...3), branches: Self.own, today: Self.today).seen?.operators == .from3)
    }

    @Test func operatorsOfOneBranchAreOneVoice() {
        let one = SponsorBranches(Dictionary(uniqueKeysWithValues: (1...40).map { (Self.origin($0), Self.origin($0 < 30 ? 1 : $0)) }))
        #expect(AggregateAnswer(Self.found(1...29), branches: one, today: Self.today) == .none)
        #expect(AggregateAnswer(Self.found(28...31), branches: one, today: Self.today).seen?.operators == .from3)
        #expect(AggregateAnswer(Self.found(1...9), branches: SponsorBranches([:]), today: Self.today) == .none, "who has no membership counts for nothing")
    }

    @Test func everythingIsAStep() {
        func seen(_ found: [FoundSighting]) -> AggregateAnswer.Seen? { AggregateAnswer(found, branches: Self.own, today: Self.today).seen }
        #expect([4, 5, 9, 10, 19, 20, 40].map { seen(Self.found(1...$0))?.operators } == [.from3, .from5, .from5, .from10, .from10, .from20, .from20])
        #expect([0, 6, 7, 29, 30, 90, 91].map { seen(Self.found(1...3, daysAgo: $0))?.recency }
            == [.within7Days, .within7Days, .within30Days, .within30Days, .within90Days, .within90Days, nil])
        #expect([0, 3, 4, 33, 34].map { seen(Self.found(1...3, count: $0))?.digits } == [1, 1, 2, 2, 3])
        #expect(seen(Self.found(1...3, count: .max))?.digits == 9)
        #expect([0, 6, 7, 10, 11, 16, 17].map { seen(Self.found(1...3, distance: $0))?.nearness }
            == [.within6Bits, .within6Bits, .within10Bits, .within10Bits, .within16Bits, .within16Bits, nil])
    }

    @Test func aNearCodeOfTooFewIsNotTold() {
        let found = Self.found(1...2, distance: 0) + Self.found(3...3, distance: 12)
        #expect(AggregateAnswer(found, branches: Self.own, today: Self.today).seen?.nearness == .within16Bits)
    }

    // MARK: Between nodes

    private func mesh(answers: Bool) -> TinyMesh {
        let mesh = TinyMesh(["alpha", "beta"], seed: 21) { $0.answersQuestions = answers }
        mesh.start()
        mesh.run(for: .seconds(5))
        return mesh
    }

    private func ask(_ mesh: TinyMesh, _ number: UInt64) -> [QuestionOutcome]? {
        mesh.give(0, .command(.ask(mesh.operators[1].node, Self.question, QuestionNumber(number))))
        mesh.run(for: .milliseconds(10))
        return mesh.members[0].settled[QuestionNumber(number)]
    }

    @Test func aPeerThatHasItOffRefuses() {
        let mesh = mesh(answers: false)
        #expect(ask(mesh, 1) == [.refused(.off)])
        mesh.give(1, .command(.answerPeers(true)))
        #expect(ask(mesh, 2) == [.answered(.none)])
        mesh.give(1, .command(.answerPeers(false)))
        #expect(ask(mesh, 3) == [.refused(.off)])
    }

    /// What two operators have seen, or nobody, is answered by the very same bytes.
    @Test func belowTheThresholdTheAnswerIsThatToNothing() {
        let mesh = mesh(answers: true)
        mesh.members[1].found[Self.question.key] = mesh.operators.map {
            FoundSighting(origin: $0.origin, day: mesh.now.timestamp.day, count: 5, distance: nil)
        }
        #expect(ask(mesh, 1) == [.answered(.none)])
    }

    @Test func anOperatorHasOneBudgetWhateverItsSessions() {
        let mesh = mesh(answers: true)
        for number in 1...100 { #expect(ask(mesh, UInt64(number)) == [.answered(.none)]) }
        #expect(ask(mesh, 101) == [.refused(.overBudget)])
        mesh.run(for: .seconds(865))
        #expect(ask(mesh, 102) == [.answered(.none)])
        #expect(ask(mesh, 103) == [.refused(.overBudget)])
    }

    @Test func whoDoesNotAnswerIsNotWaitedForLong() {
        let mesh = mesh(answers: true)
        mesh.onFrame = { _, frame in frame.knownType == .aggregateAnswer ? nil : frame }
        #expect(ask(mesh, 1) == nil)
        mesh.run(for: .seconds(12))
        #expect(mesh.members[0].settled[QuestionNumber(1)] == [.unanswered])
    }

    @Test func anUnknownPeerIsNotAsked() {
        let mesh = mesh(answers: true)
        mesh.give(0, .command(.ask(NodeID(Bytes32(Array(repeating: 3, count: 32))!), Self.question, QuestionNumber(9))))
        mesh.run(for: .milliseconds(10))
        #expect(mesh.members[0].settled[QuestionNumber(9)] == [.notConnected])
    }
}
