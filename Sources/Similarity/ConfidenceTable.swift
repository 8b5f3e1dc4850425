/// What a distance between two codes of schema_version 2 says about whether one person typed both: the table of `Protocol/answers.md` §4.
///
/// Evidence is counted in quarters of a deciban; a deciban is 10 log10 of the likelihood ratio.
public struct ConfidenceTable: Sendable {
    /// Names the table in answers: whoever fits another gives it another.
    public let version: String
    /// Where its figures come from, in one line.
    public let source: String
    /// The distances of the columns, ascending.
    let distances: [Int]
    /// Decibans, a row for each length class from 0.
    let rows: [[Int]]

    /// Fitted once on real typing, over different days; an aggregate of some fifty figures. For short sessions they rest on 73 persons, for the longest on 45: 3 dB
    /// either way at least.
    public static let fingerprint2 = ConfidenceTable(
        version: "fingerprint-2/1",
        source: "beta-binomial fit over different days of French essays (45 to 74 persons, +-3 dB at least), capped at +15 and -10 dB",
        distances: [6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 32],
        rows: [
            [14, 12, 10, 8, 6, 5, 3, 2, 1, 0, -1, -2, -4],
            [15, 12, 10, 8, 6, 5, 3, 1, 0, -2, -3, -5, -8],
            [15, 13, 11, 8, 6, 4, 2, 0, -2, -4, -6, -8, -10],
            [15, 14, 11, 9, 6, 4, 1, -1, -4, -7, -10, -10, -10],
        ])

    /// The evidence of one distance: linear between the columns, and that of the last column beyond it.
    ///
    /// - Parameter lengthClass: of the shorter session; one beyond the last row counts as the last.
    public func evidence(at distance: UInt16, lengthClass: UInt8) -> WeightOfEvidence {
        let row = rows[min(Int(lengthClass), rows.count - 1)]
        let distance = Int(distance)
        guard let next = distances.firstIndex(where: { $0 >= distance }) else { return WeightOfEvidence(quarters: 4 * (row.last ?? 0)) }
        guard next > 0, distances[next] != distance else { return WeightOfEvidence(quarters: 4 * row[next]) }
        let (from, to) = (distances[next - 1], distances[next])
        // All steps are 2 or 4 bits wide, so quarters are exact.
        return WeightOfEvidence(quarters: 4 * row[next - 1] + 4 * (row[next] - row[next - 1]) * (distance - from) / (to - from))
    }
}

/// How much something speaks for one person having typed two sessions, rather than two persons.
public struct WeightOfEvidence: Hashable, Sendable, Comparable {
    /// Of a deciban; 0 speaks for neither.
    public let quarters: Int

    public init(quarters: Int) { self.quarters = quarters }

    public var decibans: Double { Double(quarters) / 4 }

    /// How many times likelier the distance is if one person typed both.
    public var likelihoodRatio: Double {
        var ratio = 1.0
        for _ in 0..<min(quarters.magnitude, 4_000) { ratio *= Self.quarterStep }
        return quarters < 0 ? 1 / ratio : ratio
    }

    /// The fortieth root of ten.
    private static let quarterStep = 1.0592537251772889

    /// What several sessions of one person say together about a candidate.
    ///
    /// Their sum would count what they share, the candidate's own session, once for each. So it is cut as a survey's size is cut for answers that go together, with
    /// a correlation of 1/2: two sessions count as 1.33, many as 2. The 1/2 is a guess; `hearsay evaluate` could measure it over groups of sessions.
    public static func together(_ all: [WeightOfEvidence]) -> WeightOfEvidence {
        guard !all.isEmpty else { return WeightOfEvidence(quarters: 0) }
        let sum = all.reduce(0) { $0 + $1.quarters }
        // sum / n, times n / (1 + (n - 1) / 2), towards 0.
        return WeightOfEvidence(quarters: 2 * sum / (all.count + 1))
    }

    public static func < (left: WeightOfEvidence, right: WeightOfEvidence) -> Bool { left.quarters < right.quarters }

    /// In a word. What one session can say at most, 15 dB, is weak.
    public enum Support: String, Sendable {
        case against = "speaks against"
        case none = "no support"
        case weak = "weak support"
        case moderate = "moderate support"
        case strong = "strong support"
    }

    public var support: Support {
        switch decibans {
        case ..<0: .against
        case ..<3: .none
        case ..<20: .weak
        case ..<30: .moderate
        default: .strong
        }
    }

    /// In words, for so many candidates searched: how many look like this by chance, and what the odds then are.
    public func words(candidates: Int) -> String {
        let ratio = likelihoodRatio
        guard quarters > 0 else { return "\(support.rawValue): different persons look like this as often as the same one" }
        let byChance = Double(max(1, candidates)) / ratio
        let share = "\(support.rawValue): 1 candidate in \(Self.rounded(max(1, ratio))) looks like this by chance"
        guard candidates > 1 else { return share }
        let odds = byChance >= 1 ? "1 to \(Self.rounded(byChance))" : "\(Self.rounded(1 / byChance)) to 1"
        return share + ", \(byChance < 0.5 ? "likely none" : "about \(Self.rounded(byChance))") of the \(candidates) searched; "
            + "odds \(odds) for the same typist, if among them at all"
    }

    /// Two significant digits are more than the table knows.
    private static func rounded(_ value: Double) -> String {
        guard value < 1e15 else { return "very many" }
        var unit = 1.0
        while value / unit >= 100 { unit *= 10 }
        return "\(Int((value / unit).rounded() * unit))"
    }
}
