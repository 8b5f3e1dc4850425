import Foundation
import Primitives
import Testing
import WireFormat

@testable import Transport

@Suite struct FrameTests {
    private struct Frames: Decodable {
        struct Good: Decodable { let name, body, bytes: String; let type, flags: UInt16; let request: UInt32 }
        struct Refused: Decodable { let name, bytes, fault: String }
        let frames: [Good]
        let refused: [Refused]
    }

    private struct Offers: Decodable {
        struct Good: Decodable { let name, session, bytes: String; let port: UInt16 }
        let offers: [Good]
        let refused: [Frames.Refused]
    }

    private static func load<Value: Decodable>(_ name: String) throws -> Value {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../../Protocol/vectors/transport")
        return try JSONDecoder().decode(Value.self, from: Data(contentsOf: folder.appendingPathComponent(name)))
    }

    private static func bytes(_ hex: String) throws -> [UInt8] { try #require(Hex.decode(hex)) }

    @Test func framesAreReadAsElsewhereInWhateverPieces() throws {
        let file: Frames = try Self.load("frames.json")
        let all = try file.frames.flatMap { try Self.bytes($0.bytes) }
        for pieceByteCount in [1, 5, all.count] {
            var decoder = FrameDecoder()
            var frames: [Frame] = []
            for offset in stride(from: 0, to: all.count, by: pieceByteCount) {
                decoder.append(all[offset..<min(all.count, offset + pieceByteCount)])
                while let frame = try decoder.next() { frames.append(frame) }
            }
            #expect(frames.count == file.frames.count && decoder.pendingByteCount == 0)
            for (frame, expected) in zip(frames, file.frames) {
                #expect(frame.type == expected.type && frame.flags == expected.flags && frame.requestID == expected.request, "\(expected.name)")
                #expect(try frame.body == Self.bytes(expected.body) && frame.encoded() == Self.bytes(expected.bytes), "\(expected.name)")
            }
        }
    }

    @Test func everyPrefixOfAFrameWaitsForMore() throws {
        let bytes = Frame(.ping, requestID: 1, body: [1, 2, 3]).encoded()
        for count in 0..<bytes.count {
            var decoder = FrameDecoder()
            decoder.append(bytes.prefix(count))
            #expect(try decoder.next() == nil)
            #expect(decoder.pendingByteCount == count)
        }
    }

    @Test func framesOverTheirLimitAreRefusedByTheirHeader() throws {
        let file: Frames = try Self.load("frames.json")
        #expect(file.refused.count > FrameType.allCases.count)
        for refused in file.refused {
            var decoder = FrameDecoder()
            decoder.append(try Self.bytes(refused.bytes))
            let error = #expect(throws: WireError.self, "\(refused.name)") { try decoder.next() }
            let fault =
                switch error {
                case .invalid(.frameLength): "invalid:frame-length"
                case .overLimit(.frameLength, _, _): "over-limit:frame-length"
                default: "\(error as Any)"
                }
            #expect(fault == refused.fault, "\(refused.name)")
        }
    }

    @Test(arguments: FrameType.allCases) func theLongestBodyOfEachTypePasses(_ type: FrameType) throws {
        let frame = Frame(type, body: [UInt8](repeating: 1, count: type.maximumBodyByteCount))
        var decoder = FrameDecoder()
        decoder.append(frame.encoded())
        #expect(try decoder.next() == frame)
    }

    @Test func offersAreReadAsElsewhere() throws {
        let file: Offers = try Self.load("offers.json")
        for good in file.offers {
            let offer = try DatagramOffer(decoding: Self.bytes(good.bytes))
            #expect(offer.sessionID == UInt64(good.session, radix: 16) && offer.port == good.port, "\(good.name)")
            #expect(try offer.encoded() == Self.bytes(good.bytes), "\(good.name)")
        }
        for refused in file.refused {
            let bytes = try Self.bytes(refused.bytes)
            let error = #expect(throws: WireError.self, "\(refused.name)") { try DatagramOffer(decoding: bytes) }
            let fault =
                switch error {
                case .invalid(.sessionID): "invalid:session-id"
                case .truncated: "truncated"
                case .trailing: "trailing"
                default: "\(error as Any)"
                }
            #expect(fault == refused.fault, "\(refused.name)")
        }
    }
}
