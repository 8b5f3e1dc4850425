import Foundation
import Keystrokes
import Testing

@Suite struct ProfileVectorTests {
    struct Vector: CustomStringConvertible, Sendable {
        let id: String
        let events: [(time: Double, kind: SessionEventKind, data: [UInt8])]
        let duration: Double?
        let expected: [String: ColumnValue]
        var description: String { id }
    }

    static func folder(_ name: String) -> URL {
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../../Protocol/vectors/\(name)").standardizedFileURL
    }

    static func load(_ file: String) throws -> [Vector] {
        let data = try Data(contentsOf: folder("session-profile").appendingPathComponent(file))
        let document = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
        let items = try #require(document["items"] as? [[String: Any]])
        return try items.map { item in
            let events = try #require((item["events"] ?? item["events_b64"]) as? [[Any]])
            let isBase64 = item["events_b64"] != nil
            return Vector(
                id: try #require(item["id"] as? String),
                events: try events.map { event in
                    let text = try #require(event[2] as? String)
                    let kind: SessionEventKind = event[1] as? String == "i" ? .input : event[1] as? String == "o" ? .output : .other
                    let bytes = isBase64 ? Array(try #require(Data(base64Encoded: text))) : Array(text.utf8)
                    return (try #require(event[0] as? NSNumber).doubleValue, kind, bytes)
                },
                duration: (item["recorded_duration_s"] as? NSNumber)?.doubleValue,
                expected: try columns(try #require(item["expected"] as? [String: Any])))
        }
    }

    static func columns(_ expected: [String: Any]) throws -> [String: ColumnValue] {
        var columns: [String: ColumnValue] = [:]
        for (name, value) in expected {
            switch value {
            case is NSNull: columns[name] = .null
            case let text as String: columns[name] = .text(text)
            case let number as NSNumber where name.contains("hist") || name == "total_keystrokes": columns[name] = .integer(number.int64Value)
            case let number as NSNumber: columns[name] = .real(number.doubleValue)
            case let list as [[Any]]: columns[name] = .text(list.map { "\($0[1])" }.joined(separator: ","))
            default: Issue.record("\(name) has an unexpected type")
            }
        }
        return columns
    }

    static func profile(of vector: Vector) -> SessionProfile {
        var builder = ProfileBuilder()
        for event in vector.events { builder.add(time: event.time, kind: event.kind, data: event.data) }
        return builder.finish(recordedDuration: vector.duration)
    }

    static func isClose(_ left: Double, _ right: Double) -> Bool { abs(left - right) <= max(1e-9, 1e-9 * max(abs(left), abs(right))) }

    static func check(_ vector: Vector) {
        let profile = profile(of: vector)
        #expect(vector.expected.count >= SessionProfile.columnNames.count, "\(vector.id)")
        for (name, expected) in vector.expected {
            switch (name, profile.value(of: name), expected) {
            case ("kd_digraph_simhash", .blob(let bytes), .text(let hex)):
                #expect(bytes.map { String(format: "%02x", $0) }.joined() == hex, "\(vector.id)")
            case ("kd_top_bigrams", .text(let json), .text(let counts)):
                let list = (try? JSONSerialization.jsonObject(with: Data(json.utf8)) as? [[Any]]) ?? []
                #expect(list.map { "\($0[1])" }.joined(separator: ",") == counts, "\(vector.id)")
            case (_, .real(let found), .real(let wanted)): #expect(isClose(found, wanted), "\(vector.id) \(name): \(found), not \(wanted)")
            case (_, let found, let wanted): #expect(found == wanted, "\(vector.id) \(name)")
            }
        }
    }

    @Test func everyPublishedVectorComesOutExactly() throws {
        let vectors = try Self.load("vectors.json")
        #expect(vectors.count == 61)
        for vector in vectors { Self.check(vector) }
    }

    @Test func bytesThatAreNotUTF8AreKeysOfTheirOwn() throws {
        let vectors = try Self.load("invalid_utf8.json")
        #expect(vectors.count == 12)
        for vector in vectors { Self.check(vector) }
    }

    /// Digraph by digraph, from the same file read as text.
    @Test(arguments: ["vectors.json", "invalid_utf8.json"]) func topBigramsAreNamedInOrderWithTheirMeans(file: String) throws {
        let data = try Data(contentsOf: Self.folder("session-profile").appendingPathComponent(file))
        let document = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
        let items = try #require(document["items"] as? [[String: Any]])
        for (vector, item) in zip(try Self.load(file), items) {
            let expected = try #require((item["expected"] as? [String: Any])?["kd_top_bigrams"] as? [[Any]])
            let found = try #require(try JSONSerialization.jsonObject(with: Data(Self.profile(of: vector).topBigrams.utf8)) as? [[Any]])
            #expect(found.count == expected.count, "\(vector.id)")
            for (left, right) in zip(found, expected) {
                // Compared scalar by scalar: two spellings of one character are two digraphs.
                #expect(Array((left[0] as? String ?? "").unicodeScalars) == Array((right[0] as? String ?? "").unicodeScalars), "\(vector.id)")
                #expect(Self.isClose((left[2] as? NSNumber)?.doubleValue ?? -1, (right[2] as? NSNumber)?.doubleValue ?? -2), "\(vector.id)")
            }
        }
    }
}
