import Ledger
import Primitives

/// What one question has found so far: the wanted nearest, and the figures within the radius.
struct NearCodes {
    /// One sighting; who saw it is looked up at the end, for the few that are left.
    struct Found {
        let distance: UInt16
        let sessions: UInt16
        let strength: UInt8
        /// Number of the run, or -1 less the number of the loose segment.
        let holder: Int32
        /// Number of the segment in its run, or of the code in its loose segment.
        let number: UInt32
        /// The first word of the code.
        let code: UInt64
    }

    let wanted: Int
    let radius: UInt16
    /// No code farther away than this can be among the wanted ones any more.
    private(set) var bound: UInt16
    private(set) var nearest: UInt16?
    private(set) var found: [Found] = []
    var tally = SightingIndex.Tally()
    /// How many have been found, by distance, and how many of them are within the bound.
    private var counts: [Int]
    private var withinBound = 0

    init(_ selection: SightingIndex.Selection, bits: Int) {
        switch selection {
        case .within(let asked):
            (radius, wanted) = (min(asked, UInt16(bits)), SightingIndex.matchLimit)
            bound = radius
        case .nearest(let count):
            (radius, wanted) = (min(SightingIndex.standardRadius, UInt16(bits)), min(max(0, count), SightingIndex.matchLimit))
            bound = UInt16(bits)
        }
        counts = [Int](repeating: 0, count: bits + 1)
    }

    /// Codes farther away need not be looked at.
    var limit: UInt16 { wanted > 0 ? max(radius, bound) : radius }

    mutating func take(_ each: Found, of label: SegmentLabel, own: OriginID, _ shelf: CodeShelf) {
        nearest = min(nearest ?? each.distance, each.distance)
        if each.distance <= radius { tally.add(label.origin, label.day, sessions: each.sessions, isOwn: label.origin == own) }
        guard wanted > 0, each.distance <= bound else { return }
        found.append(each)
        counts[Int(each.distance)] += 1
        withinBound += 1
        while withinBound - counts[Int(bound)] >= wanted {
            withinBound -= counts[Int(bound)]
            bound -= 1
        }
        if found.count >= 4 * wanted + 256 { tidy(shelf) }
    }

    /// Lets go of what is out; of many that are equally far, too, by the order of answers.
    private mutating func tidy(_ shelf: CodeShelf) {
        let bound = bound
        found.removeAll { $0.distance > bound }
        guard found.count > 2 * wanted else { return }
        let kept = found.map { (found: $0, match: match($0, shelf, own: nil)) }.sorted { $0.match < $1.match }.prefix(wanted)
        found = kept.map(\.found)
    }

    /// The wanted ones, nearest first.
    func matches(_ shelf: CodeShelf, own: OriginID) -> [SimHashMatch] {
        Array(found.filter { $0.distance <= bound }.map { match($0, shelf, own: own) }.sorted().prefix(wanted))
    }

    private func match(_ each: Found, _ shelf: CodeShelf, own: OriginID?) -> SimHashMatch {
        let label: SegmentLabel
        let code: [UInt64]
        if each.holder >= 0 {
            label = shelf.runs[Int(each.holder)].run.labels[Int(each.number)]
            code = [each.code]
        } else {
            let segment = shelf.loose[Int(-1 - each.holder)]
            label = segment.label
            code = Array(segment.codes[Int(each.number) * segment.wordsPerCode..<(Int(each.number) + 1) * segment.wordsPerCode])
        }
        return SimHashMatch(
            code: code, distance: each.distance, origin: label.origin, day: label.day, sessions: each.sessions, strength: each.strength,
            isOwn: label.origin == own)
    }
}
