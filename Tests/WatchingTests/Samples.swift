import Foundation
import Primitives
import Testing

@testable import Watching

let seeds: [UInt64] = [1, 2, 0xC0FFEE]

func replay(_ seed: UInt64) -> Comment { "seed \(seed)" }

/// Noon of a day.
let today = Day(number: 20_000)
let noon = Timestamp(milliseconds: 20_000 * 86_400_000 + 43_200_000)

func origin(_ number: Int) -> String { String(repeating: "0", count: 62) + (number < 16 ? "0" : "") + String(number, radix: 16) }

func near(_ code: String, of number: Int, day: Day = today, distance: Int = 3, decibans: Double? = 15, noise: Bool = false, session: String? = nil) -> Finding {
    var sighting = Alert.Sighting(operator: origin(number), day: "\(day)", noise: noise)
    (sighting.code, sighting.distance, sighting.decibans, sighting.sessions, sighting.words) = (code, distance, decibans, 1, "weak support")
    if let session { (sighting.own_session, sighting.own_attacker, sighting.own_code) = (session, "attacker of " + session, "00000000000000ff") }
    return Finding(key: (session.map { $0 + "/" } ?? "") + code, origin: origin(number), day: day, sighting: sighting)
}

func watch(decibans: Double? = nil, operators: Int = 1) -> Watch {
    Watch(
        .code("69fadb7ce0a96d0e", lengthClass: 1), label: "a \"friend\"", schemaVersion: 2, within: 10, minimumDecibans: decibans, minimumOperators: operators)
}

/// A folder of its own, deleted when the body returns.
func withScratchFolder<Value>(_ body: (String) async throws -> Value) async throws -> Value {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("hearsay-watching-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: path) }
    return try await body(path)
}
