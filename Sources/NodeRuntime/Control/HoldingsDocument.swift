import Foundation
import Ledger

/// How much of each other operator a node holds, as JSON.
public struct HoldingsDocument: Codable, Hashable, Sendable {
    /// Sightings by operator, of those that are followed.
    public var sightings: [String: UInt64]

    init(_ heads: [Head]) { sightings = Dictionary(heads.map { ("\($0.origin)", $0.sightingCount) }, uniquingKeysWith: { first, _ in first }) }

    var text: String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        return (try? encoder.encode(self)).map { String(decoding: $0, as: UTF8.self) } ?? "{}"
    }
}
