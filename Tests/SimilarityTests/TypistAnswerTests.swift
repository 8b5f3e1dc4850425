import Ledger
import Primitives
import Testing

@testable import Similarity

@Suite struct TypistAnswerTests {
    private let day = Day(number: 20_000)
    private let question: UInt64 = 0x0F0F_1234_5678_9ABC

    /// So many codes, the n-th of them n bits away from the question.
    private func far(_ bits: ClosedRange<Int>, from code: UInt64) -> [UInt64] { bits.map { code ^ ($0 == 64 ? .max : (1 << UInt64($0)) - 1) } }

    private func bucket(_ codes: [UInt64], strength: UInt8 = 2, on day: Day, in stream: StreamID = .sessionSimHash2, _ samples: inout Samples) -> Bucket {
        let records = codes.map { Record(key: Hex.decode(Hex.encode($0)) ?? [], value: [0, 1, strength]) }.sorted()
        return samples.bucket(records, on: day, of: stream, keyByteCount: 8, valueByteCount: 3)
    }

    private func index(_ strength: UInt8 = 2, searchable: [StreamID] = SightingIndex.knownStreams) -> SightingIndex {
        var samples = Samples(seed: 5)
        var index = SightingIndex(own: origin(1), searchable: searchable)
        index.add(bucket(far(0...30, from: question), strength: strength, on: day, &samples), of: origin(2))
        return index
    }

    private func ask(_ index: SightingIndex, _ selection: SightingIndex.Selection? = nil, lengthClass: UInt8? = 3) throws -> TypistAnswer {
        index.ask(try #require(TypistQuestion([.init(code: question, lengthClass: lengthClass)], in: .sessionSimHash2, selection: selection)))
    }

    @Test func theNearestTwentyAreNamedAndNoneBeyondSixteenBits() throws {
        let answer = try ask(index())
        #expect(answer.parts[0].candidates.map(\.match.distance) == Array(0...16))
        #expect(answer.searched == 31)
        #expect(answer.parts[0].near.radius == 10 && answer.parts[0].near.sessions == 11)
        var samples = Samples(seed: 6)
        var crowd = index()
        crowd.add(bucket(far(0...30, from: question), on: day, &samples), of: origin(3))
        #expect(try ask(crowd).parts[0].candidates.map(\.match.distance) == (0...9).flatMap { [$0, $0] })
        // A number or a radius that was asked for is given as it was asked for.
        #expect(try ask(index(), .nearest(25)).parts[0].candidates.last?.match.distance == 24)
        #expect(try ask(index(), .within(3)).parts[0].candidates.map(\.match.distance) == [0, 1, 2, 3])
    }

    @Test func theShorterSessionDecides() throws {
        #expect(try ask(index(2), lengthClass: 3).parts[0].candidates[8].evidence?.decibans == 13)
        #expect(try ask(index(3), lengthClass: 3).parts[0].candidates[8].evidence?.decibans == 14)
        #expect(try ask(index(3), lengthClass: 0).parts[0].candidates[8].evidence?.decibans == 12)
        #expect(try ask(index(3), lengthClass: nil).parts[0].candidates[8].lengthClass == 0, "one that is not known is the shortest")
        #expect(try ask(index(250), lengthClass: 3).parts[0].candidates[8].lengthClass == 3)
    }

    @Test func theBackgroundIsCounted() throws {
        #expect(try ask(index()).parts[0].candidates.map(\.asNear) == Array(1...17))
    }

    @Test func version1HasNoDecibans() throws {
        var samples = Samples(seed: 7)
        var index = SightingIndex(own: origin(1))
        index.add(bucket(far(0...3, from: question), on: day, in: .sessionSimHash1, &samples), of: origin(2))
        let answer = index.ask(try #require(TypistQuestion([.init(code: question), .init(code: ~question)], in: .sessionSimHash1)))
        #expect(answer.confidence == nil && answer.combined.isEmpty)
        #expect(answer.parts[0].candidates.count == 4 && answer.parts[0].candidates.allSatisfy { $0.evidence == nil })
        #expect(!answer.document(at: .zero).contains("decibans"))
        #expect(answer.document(at: .zero).contains("weak: schema_version 1 tells what was typed"))
    }

    /// Every candidate of any session is held against all of them.
    @Test func sessionsAskedTogetherShareTheirCandidates() throws {
        var samples = Samples(seed: 8)
        var index = SightingIndex(own: origin(1))
        let (other, stranger) = (question ^ 0b111, question ^ 0xFFF)
        index.add(bucket([question ^ 1, stranger], on: day, &samples), of: origin(2))
        let sessions: [TypistQuestion.Session] = [.init(code: question, lengthClass: 2), .init(code: other, lengthClass: 2)]
        let answer = index.ask(try #require(TypistQuestion(sessions, in: .sessionSimHash2)))
        #expect(answer.combined.map(\.code) == [question ^ 1, stranger])
        #expect(answer.combined.map(\.distances) == [[1, 2], [12, 9]])
        #expect(answer.combined[0].evidence == .together([WeightOfEvidence(quarters: 60), WeightOfEvidence(quarters: 60)]))
        #expect(answer.combined[1].evidence == .together([WeightOfEvidence(quarters: 32), WeightOfEvidence(quarters: 48)]))
    }

    @Test func ourOwnSightingOfTheVeryCodeIsNoEvidence() throws {
        var samples = Samples(seed: 11)
        var index = SightingIndex(own: origin(1))
        index.add(bucket([question, question ^ 1], on: day, &samples), of: origin(1))
        index.add(bucket([question], on: day, &samples), of: origin(2))
        let candidates = try ask(index).parts[0].candidates
        #expect(candidates.map(\.isItself) == [true, false, false])
        #expect(candidates.map { $0.evidence == nil } == [true, false, false])
        #expect(try ask(index).document(at: .zero).contains("our own sighting of this very code"))
        let sessions: [TypistQuestion.Session] = [.init(code: question, lengthClass: 2), .init(code: question ^ 1, lengthClass: 2)]
        let together = index.ask(try #require(TypistQuestion(sessions, in: .sessionSimHash2))).combined
        #expect(together.map(\.origin) == [origin(2)])
    }

    @Test func aPriorNarrowsWhoIsSearchedAndSoRaisesTheOdds() throws {
        var samples = Samples(seed: 9)
        var index = index()
        index.add(bucket(far(0...30, from: question), on: day.advanced(by: 1), &samples), of: origin(3))
        let session = TypistQuestion.Session(code: question, lengthClass: 2)
        func narrowed(_ candidates: TypistQuestion.Candidates) throws -> TypistAnswer {
            index.ask(try #require(TypistQuestion([session], in: .sessionSimHash2, candidates: candidates)))
        }
        #expect(try narrowed(.init()).searched == 62)
        let one = try narrowed(.init(origins: [origin(3)]))
        #expect(one.searched == 31 && one.parts[0].candidates.allSatisfy { $0.match.origin == origin(3) })
        #expect(try narrowed(.init(days: day...day)).parts[0].candidates.allSatisfy { $0.match.day == day })
        #expect(try narrowed(.init(origins: [origin(3)], days: day...day)).searched == 0)
        #expect(index.count(of: .sessionSimHash2) == 62, "the replica itself stays whole")
    }

    @Test func aCodeOfMoreThanTheSetShareOfOperatorsIsNoise() throws {
        func answer(seenBy count: UInt8, perMille: Int = Commonness.standardPerMille) throws -> Bool {
            var samples = Samples(seed: 10)
            var index = SightingIndex(own: origin(1))
            for number in 1...count { index.add(bucket([question], on: day, &samples), of: origin(number)) }
            for number: UInt8 in 1...10 { index.set(try head(of: origin(number))) }
            let question = try #require(TypistQuestion([.init(code: question)], in: .sessionSimHash2, noisePerMille: perMille))
            return index.ask(question).parts[0].isNoise
        }
        #expect(try !answer(seenBy: 5) && answer(seenBy: 6))
        #expect(try answer(seenBy: 4, perMille: 300) && !answer(seenBy: 3, perMille: 300))
        #expect(try !answer(seenBy: 2, perMille: 0), "two are never noise")
    }

    /// A node of version 1 holds what it cannot search; once it can, the same buckets answer.
    @Test func aVersionThatIsNotKnownIsNoPartOfAnyAnswer() throws {
        let older = index(searchable: [.sessionSimHash1, .smtpTarget1])
        #expect(!older.isSearchable(.sessionSimHash2) && older.count(of: .sessionSimHash2) == 0)
        #expect(try ask(older).parts[0].near.nearestDistance == nil)
        #expect(try ask(index()).parts[0].near.nearestDistance == 0)
    }

    @Test func aQuestionIsAboutOneToSixtyFourSessions() {
        let session = TypistQuestion.Session(code: 5)
        #expect(TypistQuestion([], in: .sessionSimHash2) == nil)
        #expect(TypistQuestion([TypistQuestion.Session](repeating: session, count: 65), in: .sessionSimHash2) == nil)
        #expect(TypistQuestion([.init(code: 0)], in: .sessionSimHash2) == nil, "no signal")
        #expect(TypistQuestion([TypistQuestion.Session](repeating: session, count: 64), in: .sessionSimHash2) != nil)
    }

    private func head(of origin: OriginID) throws -> Head {
        let zeros = try #require(Digest(bytes: [UInt8](repeating: 0, count: 32)))
        return try #require(
            Head(
                origin: origin, position: HeadPosition(generation: 1, sequence: 1), issuedAt: Timestamp(milliseconds: 0), lifetimeSeconds: 60,
                manifestRoot: zeros, entryCount: 0, sightingCount: 0, dataByteCount: 0, historyRoot: zeros))
    }
}
