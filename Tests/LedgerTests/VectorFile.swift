import Foundation
import Primitives

/// Reads a file of `Protocol/vectors`.
func vectors<Content: Decodable>(_ path: String, as type: Content.Type = Content.self) throws -> Content {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../../Protocol/vectors")
    return try JSONDecoder().decode(type, from: Data(contentsOf: folder.appendingPathComponent(path)))
}

/// Bytes that must be refused, and the name of their one fault.
struct BadVector: Decodable {
    let name: String
    let refusal: String
    let bytes: HexBytes
}

/// Bytes written as hexadecimal text.
struct HexBytes: Decodable, Hashable, Sendable {
    let bytes: [UInt8]

    init(from decoder: any Decoder) throws {
        let text = try decoder.singleValueContainer().decode(String.self)
        guard let bytes = Hex.decode(text) else {
            throw DecodingError.dataCorrupted(.init(codingPath: decoder.codingPath, debugDescription: "not hexadecimal: \(text)"))
        }
        self.bytes = bytes
    }

    var bytes32: Bytes32 { get throws { try Bytes32(bytes).orThrow("32 bytes expected, \(bytes.count) found") } }
}

struct MissingValue: Error, CustomStringConvertible {
    let description: String
}

extension Optional {
    func orThrow(_ description: String) throws -> Wrapped {
        guard let self else { throw MissingValue(description: description) }
        return self
    }
}
