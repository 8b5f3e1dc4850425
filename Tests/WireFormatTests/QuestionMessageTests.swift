import Primitives
import Testing
import WireFormat

@Suite struct QuestionMessageTests {
    private static let questions = [
        PeerQuestion(stream: .sessionSimHash2, key: [1, 2, 3, 4, 5, 6, 7, 8]), PeerQuestion(stream: .sessionSimHash1, key: [0, 0, 0, 0, 0, 0, 0, 1]),
        PeerQuestion(stream: .smtpTarget1, key: Array("victim.example".utf8)),
    ].compactMap { $0 }

    @Test func questionsHaveOneSizeAndOneForm() throws {
        #expect(Self.questions.count == 3)
        for question in Self.questions {
            let bytes = question.encoded()
            #expect(bytes.count == PeerQuestion.byteCount && bytes.count == 258)
            #expect(try PeerQuestion(decoding: bytes) == question)
            for count in bytes.indices {
                #expect { _ = try PeerQuestion(decoding: Array(bytes.prefix(count))) } throws: {
                    if case .truncated? = $0 as? WireError { true } else { false }
                }
            }
            #expect(throws: WireError.trailing(count: 1)) { _ = try PeerQuestion(decoding: bytes + [0]) }
            #expect(throws: WireError.invalid(.key)) { _ = try PeerQuestion(decoding: bytes.dropLast() + [1]) }
        }
    }

    @Test func whatCannotBeAskedIsRefused() {
        #expect(PeerQuestion(stream: .sessionSimHash2, key: [0, 0, 0, 0, 0, 0, 0, 0]) == nil)
        #expect(PeerQuestion(stream: .sessionSimHash2, key: [1, 2, 3]) == nil)
        #expect(PeerQuestion(stream: .smtpTarget1, key: Array("Victim.Example".utf8)) == nil)
        #expect(PeerQuestion(stream: StreamID(kind: 9, schemaVersion: 1), key: [1]) == nil)
        let long = [0, 2, 0, 1, 254] + [UInt8](repeating: 97, count: 253)
        #expect(throws: WireError.overLimit(.key, value: 254, limit: 253)) { _ = try PeerQuestion(decoding: long) }
    }

    /// All 4,294,967,296 would take too long: each byte alone, and each that differs from a good answer in one.
    @Test func anAnswerHasNoRoomForMore() throws {
        var accepted = 0
        for place in 0..<4 {
            for value in UInt8.min...UInt8.max {
                var bytes: [UInt8] = [1, 1, 1, 0]
                bytes[place] = value
                guard let answer = try? AggregateAnswer(decoding: bytes) else { continue }
                #expect(answer.encoded() == bytes)
                accepted += 1
            }
        }
        #expect(accepted == 4 + 9 + 3 + 4)
        #expect(try AggregateAnswer(decoding: [0, 0, 0, 0]) == .none)
        #expect((try? AggregateAnswer(decoding: [0, 1, 0, 0])) == nil, "nothing is told below the threshold")
        for count in 0..<4 { #expect((try? AggregateAnswer(decoding: [UInt8](repeating: 1, count: count))) == nil) }
        #expect((try? AggregateAnswer(decoding: [1, 1, 1, 1, 1])) == nil)
    }
}
