import Cryptography
import Foundation
import Primitives
import Testing
import WireFormat

/// `Protocol/vectors/replication/messages`: what stands in datagrams, what a voucher signs, and what is asked of a history.
@Suite struct MessageVectorTests {
    private struct File: Decodable {
        struct Message: Decodable { let name, bytes: String; let refusal: String? }
        struct Vouching: Decodable { let name, node, asker, nonce, signature: String; let good: Bool }
        let datagrams, history_requests: [Message]
        let vouchers: [Vouching]
    }

    private static func file() throws -> File {
        let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../../Protocol/vectors/replication/messages.json")
        return try JSONDecoder().decode(File.self, from: Data(contentsOf: path))
    }

    private static func check(_ messages: [File.Message], again: ([UInt8]) throws -> [UInt8]) throws {
        for message in messages {
            let bytes = try #require(Hex.decode(message.bytes))
            do {
                let written = try again(bytes)
                #expect(message.refusal == nil && written == bytes, "\(message.name)")
            } catch let error as WireError { #expect(Self.name(of: error) == message.refusal, "\(message.name)") }
        }
        #expect(messages.contains { $0.refusal == nil } && messages.contains { $0.refusal != nil })
    }

    private static func name(of error: WireError) -> String {
        switch error {
        case .truncated: "truncated"
        case .trailing: "trailing"
        case .invalid(.datagramType): "invalid:datagram-type"
        case .invalid(let field): "invalid:\(field.rawValue)"
        case .overLimit(let field, _, _): "over-limit:\(field.rawValue)"
        default: "\(error)"
        }
    }

    @Test func datagramsAreReadAsElsewhere() throws { try Self.check(Self.file().datagrams) { try DatagramMessage(decoding: $0).encoded() } }

    @Test func historyRequestsAreReadAsElsewhere() throws { try Self.check(Self.file().history_requests) { try HistoryRequest(decoding: $0).encoded() } }

    @Test func aVoucherHoldsForOneAskerAndOneQuestion() throws {
        for vector in try Self.file().vouchers {
            let node = try #require(VerifyingKey(hex: vector.node)), asker = try #require(NodeID(hex: vector.asker)),
                nonce = try #require(Bytes32(hex: vector.nonce))
            let signature = try #require(Hex.decode(vector.signature).flatMap { Signature($0) })
            let message = Challenge.signedBytes(asker: asker, nonce: nonce)
            #expect(node.verifies(signature, on: message, as: SignatureTag("hearsay/v1/alive")) == vector.good, "\(vector.name)")
        }
    }
}
