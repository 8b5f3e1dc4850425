import Primitives

/// How often the right person is among the first k, if a session is looked for in a collection with one session of everybody.
///
/// For each session with another of its person, the collection is drawn anew: one other session of that person and one of each other. Sessions at
/// the same distance stand in random order, so they count with the chance of coming first.
public struct Ranking: Sendable, Equatable {
    public static let places = [1, 10, 20]

    /// Sessions in each collection: one of every person.
    public let collectionSize: Int
    public let queryCount: Int
    /// In the order of `places`.
    public let rates: [Estimate]

    init?(_ set: SpecimenSet, weights: BootstrapWeights, seed: UInt64) {
        var hits = [[Double]](repeating: Array(repeating: 0, count: set.personCount), count: Self.places.count)
        for (place, sessions) in set.persons.enumerated() where sessions.count >= 2 {
            var dice = SeededGenerator(of: seed, 0x72_616E_6B, UInt64(place))
            for (index, query) in sessions.enumerated() {
                var other = Int(dice.number(below: UInt64(sessions.count - 1)))
                if other >= index { other += 1 }
                let distance = (query.code ^ sessions[other].code).nonzeroBitCount
                var (closer, tied) = (0, 0)
                for (otherPlace, others) in set.persons.enumerated() where otherPlace != place {
                    let drawn = others[others.count == 1 ? 0 : Int(dice.number(below: UInt64(others.count)))]
                    let otherDistance = (query.code ^ drawn.code).nonzeroBitCount
                    if otherDistance < distance { closer += 1 } else if otherDistance == distance { tied += 1 }
                }
                for (rank, wanted) in Self.places.enumerated() {
                    hits[rank][place] += min(1, max(0, Double(wanted - closer) / Double(tied + 1)))
                }
            }
        }
        let queries = set.persons.map { $0.count >= 2 ? Double($0.count) : 0 }
        let total = queries.reduce(0, +)
        guard total > 0 else { return nil }
        collectionSize = set.personCount
        queryCount = Int(total)
        rates = hits.compactMap { hits in
            let replicates = (0..<weights.replicateCount).map { replicate -> Double? in
                var (hit, asked) = (0.0, 0.0)
                for place in queries.indices {
                    hit += hits[place] * Double(weights[place, replicate])
                    asked += queries[place] * Double(weights[place, replicate])
                }
                return asked > 0 ? hit / asked : nil
            }
            return Estimate(hits.reduce(0, +) / total, replicates: replicates)
        }
    }
}
