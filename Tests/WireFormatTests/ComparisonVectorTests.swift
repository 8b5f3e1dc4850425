import Cryptography
import Foundation
import Primitives
import Testing
import WireFormat

/// `Protocol/vectors/replication/comparisons`: what stands in comparisons and differences. What the digests are is tested with the log.
@Suite struct ComparisonVectorTests {
    private struct File: Decodable {
        struct Message: Decodable { let name, bytes: String; let refusal: String? }
        let comparisons, differences: [Message]
    }

    private static func file() throws -> File {
        let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../../Protocol/vectors/replication/comparisons.json")
        return try JSONDecoder().decode(File.self, from: Data(contentsOf: path))
    }

    private static func name(of error: WireError) -> String {
        switch error {
        case .truncated: "truncated"
        case .trailing: "trailing"
        case .invalid(let field): "invalid:\(field.rawValue)"
        case .overLimit(let field, _, _): "over-limit:\(field.rawValue)"
        default: "\(error)"
        }
    }

    private static func check(_ messages: [File.Message], again: ([UInt8]) throws(WireError) -> [UInt8]) throws {
        for message in messages {
            let bytes = try #require(Hex.decode(message.bytes))
            do throws(WireError) {
                let written = try again(bytes)
                #expect(message.refusal == nil && written == bytes, "\(message.name)")
            } catch { #expect(name(of: error) == message.refusal, "\(message.name)") }
        }
        #expect(messages.contains { $0.refusal == nil } && messages.contains { $0.refusal != nil })
    }

    @Test func comparisonsAreReadAsElsewhere() throws {
        try Self.check(Self.file().comparisons) { bytes throws(WireError) in try StatementsComparison(decoding: bytes).encoded() }
    }

    @Test func differencesAreReadAsElsewhere() throws {
        try Self.check(Self.file().differences) { bytes throws(WireError) in try StatementsDifference(decoding: bytes).encoded() }
    }

    @Test func theLongestOfBothFitTheirFrames() {
        let comparison = StatementsComparison(logID: 1, after: 1, digests: [UInt64](repeating: 1, count: 4_096)).encoded()
        #expect(comparison.count == FrameType.comparison.maximumBodyByteCount)
        let difference = StatementsDifference(logID: 1, upTo: 1, hasMore: false, isEqual: [Bool](repeating: true, count: 4_096), statements: [])
        #expect(difference.encoded().count == StatementsDifference.overhead)
    }
}
