import Foundation
import GRDB
import Keystrokes
import Primitives

/// A session of our own beside another, by habits of typing and by code. Local: none of it can be asked of the mesh.
public struct SimilarSession: Sendable {
    public let session: OwnSession
    /// Root mean square over the features both have, each in standard deviations of all our sessions; `nil` below five features.
    public let featureDistance: Double?
    /// Bits that differ, by the newest schema_version both have a code of.
    public let codeDistance: Int?
    public let schemaVersion: Int?

    /// What the list is ordered by: `featureDistance` plus an eighth of the bits.
    ///
    /// Where one of the two is not known, what strangers have stands for it: 1.4 standard deviations, 32 bits. The eighth is a guess: it gives both
    /// about the same weight between a same person's typical 14 bits and a stranger's 32.
    public var score: Double { Self.score(featureDistance, codeDistance) }

    static func score(_ features: Double?, _ bits: Int?) -> Double { (features ?? 1.4) + Double(bits ?? 32) / 8 }
}

extension ProfilesDatabase {
    /// Fewer shared features say nothing.
    private static let leastFeatures = 5

    /// The features that tell how somebody types, and neither how long nor what.
    static let habitColumns = SessionProfile.columnNames.filter { name in
        name.hasPrefix("kd_") && name != "kd_digraph_simhash" && name != "kd_top_bigrams" && !name.hasPrefix("kd_pause_hist")
    }

    /// Our own sessions most like one of them, most alike first; `nil` if that one was never collected.
    public func sessions(similarTo sid: String, limit: Int) throws -> [SimilarSession]? {
        guard let asked = try session(sid) else { return nil }
        return try read("compare sessions") { database in
            let names = Self.habitColumns
            let scales = try Self.scales(names, database)
            let select = names.map { "p.\($0)" }.joined(separator: ", ")
            guard let own = try Row.fetchOne(database, sql: "SELECT \(select) FROM session_profile p WHERE p.sid = ?", arguments: [sid]) else { return [] }
            var best: [(sid: String, score: Double, features: Double?, bits: Int?, version: Int?)] = []
            let rows = try Row.fetchCursor(
                database,
                sql: """
                    SELECT p.sid, one.code AS one, two.code AS two, \(select) FROM session_profile p JOIN session_source s ON s.sid = p.sid
                        LEFT JOIN session_code one ON one.sid = p.sid AND one.schema_version = \(SessionProfile.schemaVersion)
                        LEFT JOIN session_code two ON two.sid = p.sid AND two.schema_version = \(Fingerprint2.schemaVersion)
                    WHERE p.sid <> ?
                    """, arguments: [sid])
            while let row = try rows.next() {
                let features = Self.distance(own, row, names, scales)
                var (bits, version): (Int?, Int?) = (nil, nil)
                for (name, candidate) in [("two", Fingerprint2.schemaVersion), ("one", SessionProfile.schemaVersion)] where bits == nil {
                    guard let mine = asked.code(of: candidate)?.code, let theirs = SessionCode.number(row[name]), theirs != 0 else { continue }
                    (bits, version) = ((mine ^ theirs).nonzeroBitCount, candidate)
                }
                guard features != nil || bits != nil else { continue }
                best.append((row["sid"], SimilarSession.score(features, bits), features, bits, version))
                if best.count >= 2 * limit + 64 { Self.cut(&best, to: limit) }
            }
            Self.cut(&best, to: limit)
            return try best.compactMap { entry in
                try Row.fetchOne(database, sql: Self.sessionColumns + " WHERE s.sid = ?", arguments: [entry.sid]).map {
                    SimilarSession(
                        session: try Self.session($0, database), featureDistance: entry.features, codeDistance: entry.bits, schemaVersion: entry.version)
                }
            }
        }
    }

    private static func cut(_ best: inout [(sid: String, score: Double, features: Double?, bits: Int?, version: Int?)], to limit: Int) {
        best.sort { ($0.score, $0.sid) < ($1.score, $1.sid) }
        best.removeLast(max(0, best.count - limit))
    }

    /// Of each feature the mean's spread over all our sessions; `nil` where all are the same.
    private static func scales(_ names: [String], _ database: Database) throws -> [Double?] {
        let sums = names.map { "avg(\($0) * \($0)) - avg(\($0)) * avg(\($0))" }.joined(separator: ", ")
        guard let row = try Row.fetchOne(database, sql: "SELECT \(sums) FROM session_profile") else { return names.map { _ in nil } }
        return names.indices.map { place in (row[place] as Double?).flatMap { $0 > 1e-12 ? $0.squareRoot() : nil } }
    }

    private static func distance(_ left: Row, _ right: Row, _ names: [String], _ scales: [Double?]) -> Double? {
        var (sum, count) = (0.0, 0)
        for (name, scale) in zip(names, scales) {
            guard let scale, let one = left[name] as Double?, let other = right[name] as Double?, one.isFinite, other.isFinite else { continue }
            let difference = (one - other) / scale
            (sum, count) = (sum + difference * difference, count + 1)
        }
        return count >= leastFeatures ? (sum / Double(count)).squareRoot() : nil
    }
}
