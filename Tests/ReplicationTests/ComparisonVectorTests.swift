import Foundation
import Primitives
import Replication
import Testing
import WireFormat

/// `Protocol/vectors/replication/comparisons`: digests of parts, and what a log answers.
@Suite struct ComparisonVectorTests {
    private struct File: Decodable {
        struct Parts: Decodable { let name: String; let statements: [String]; let bits: Int; let digests: [String] }
        struct Conversation: Decodable { let name, log_id, question, answer: String; let log: [Numbered]; let held: [String]; let bits: Int }
        struct Numbered: Decodable {
            let number: UInt64
            let statement: String

            init(from decoder: any Decoder) throws {
                var pair = try decoder.unkeyedContainer()
                number = try pair.decode(UInt64.self)
                statement = try pair.decode(String.self)
            }
        }
        let parts: [Parts]
        let conversations: [Conversation]
    }

    private static func file() throws -> File {
        let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../../Protocol/vectors/replication/comparisons.json")
        return try JSONDecoder().decode(File.self, from: Data(contentsOf: path))
    }

    /// A log with these statements, each in a slot of its own, under these numbers.
    private static func log(id: UInt64 = 1, _ statements: [(number: UInt64, statement: String)]) throws -> StatementLog<String> {
        var log = StatementLog<String>(id: id)
        for (number, statement) in statements {
            while log.upTo + 1 < number { log.append([], in: "") }  // Others that have come and gone.
            log.remove("")
            log.append(try #require(Hex.decode(statement)), in: statement)
        }
        return log
    }

    @Test func digestsAreThoseOfElsewhere() throws {
        for vector in try Self.file().parts {
            var log = try Self.log(vector.statements.enumerated().map { (UInt64($0.offset) + 1, $0.element) })
            #expect(log.digests(bits: vector.bits) == vector.digests.map { UInt64($0, radix: 16) }, "\(vector.name)")
        }
    }

    @Test func questionsAndAnswersAreThoseOfElsewhere() throws {
        for vector in try Self.file().conversations {
            let question = try StatementsComparison(decoding: #require(Hex.decode(vector.question)))
            var asker = try Self.log(vector.held.enumerated().map { (UInt64($0.offset) + 1, $0.element) })
            #expect(question.digests == asker.digests(bits: vector.bits), "\(vector.name)")

            var log = try Self.log(id: #require(UInt64(vector.log_id, radix: 16)), vector.log.map { ($0.number, $0.statement) })
            let isEqual = zip(log.digests(bits: vector.bits), question.digests).map { $0 == $1 }
            let answer = log.statements(after: question.logID == log.id ? question.after : 0, outside: isEqual, limit: 1_024, byteLimit: 1 << 20, overhead: 2)
            let difference = StatementsDifference(
                logID: log.id, upTo: answer.upTo, hasMore: answer.hasMore, isEqual: isEqual, statements: answer.statements)
            #expect(try difference.encoded() == #require(Hex.decode(vector.answer)), "\(vector.name)")
        }
    }
}
