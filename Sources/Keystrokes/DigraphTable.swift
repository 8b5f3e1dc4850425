/// The digraphs of a session and how long each took: what SimHash and top bigrams are made of (`Protocol/session-profile.md` §4).
///
/// Samples stand in two flat arrays in the order they came and are grouped once, at the end: 12 bytes a sample, whatever the attacker types.
struct DigraphTable: Sendable {
    /// The most bigrams that are listed.
    static let topCount = 32

    private var places: [UInt64: UInt32] = [:]  // Both keys packed into one word: hashing it costs a few nanoseconds.
    private var digraphs: [UInt64] = []
    private var sampleCounts: [UInt32] = []
    private var samplePlaces: [UInt32] = []
    private var sampleSeconds: [Double] = []

    var count: Int { digraphs.count }
    var sampleCount: Int { sampleSeconds.count }

    /// Called at most `ProfileBuilder.recordLimit` times, so that a place fits 32 bits.
    mutating func add(_ first: UInt32, _ second: UInt32, seconds: Double) {
        let digraph = UInt64(first) << 32 | UInt64(second)
        let place: UInt32
        if let known = places[digraph] {
            place = known
            sampleCounts[Int(place)] += 1
        } else {
            place = UInt32(digraphs.count)
            places[digraph] = place
            digraphs.append(digraph)
            sampleCounts.append(1)
        }
        samplePlaces.append(place)
        sampleSeconds.append(seconds)
    }

    /// Groups the samples by digraph.
    consuming func finish() -> (simHash: UInt64?, topBigrams: String) {
        places = [:]  // Not needed any more, and the largest part.
        let grouped = groupedSamples()
        return (simHash(grouped), topBigramsJSON(grouped))
    }

    /// The samples of a digraph, next to each other and in the order they came.
    private func groupedSamples() -> GroupedSamples {
        var starts = [0]
        starts.reserveCapacity(count + 1)
        for sampleCount in sampleCounts { starts.append(starts[starts.count - 1] + Int(sampleCount)) }
        var next = starts
        var seconds = [Double](repeating: 0, count: sampleCount)
        for (sample, place) in samplePlaces.enumerated() {
            seconds[next[Int(place)]] = sampleSeconds[sample]
            next[Int(place)] += 1
        }
        return GroupedSamples(starts: starts, seconds: seconds)
    }

    private func simHash(_ grouped: GroupedSamples) -> UInt64? {
        guard count >= DigraphSimHash.minimumDigraphs, sampleCount >= DigraphSimHash.minimumSamples else { return nil }
        var hash = DigraphSimHash()
        for (place, digraph) in digraphs.enumerated() {
            hash.add(digraph.firstKey, digraph.secondKey, median: Statistics.median(grouped[place]), sampleCount: Int(sampleCounts[place]))
        }
        return hash.value
    }

    /// The commonest bigrams as JSON: `[[digraph,count,mean seconds],…]`. Near plain text: stays where it was made.
    private func topBigramsJSON(_ grouped: GroupedSamples) -> String {
        let items = commonest().map { place in
            var text = "[\""
            KeyText.appendJSON(digraphs[place].firstKey, to: &text)
            KeyText.appendJSON(digraphs[place].secondKey, to: &text)
            let samples = grouped[place]
            return text + "\",\(samples.count),\(samples.reduce(0, +) / Double(samples.count))]"
        }
        return "[" + items.joined(separator: ",") + "]"
    }

    /// Places by count descending, then keys ascending; at most `topCount`. Sorts no more than that: a session can hold millions of digraphs.
    private func commonest() -> [Int] {
        func isBefore(_ left: Int, _ right: Int) -> Bool {
            sampleCounts[left] != sampleCounts[right] ? sampleCounts[left] > sampleCounts[right] : digraphs[left] < digraphs[right]
        }
        var top: [Int] = []
        for place in digraphs.indices {
            if top.count == Self.topCount, !isBefore(place, top[Self.topCount - 1]) { continue }
            top.insert(place, at: top.firstIndex { isBefore(place, $0) } ?? top.count)
            if top.count > Self.topCount { top.removeLast() }
        }
        return top
    }
}

/// Samples of digraph *i* are `seconds[starts[i]..<starts[i + 1]]`.
private struct GroupedSamples {
    let starts: [Int]
    let seconds: [Double]

    subscript(place: Int) -> ArraySlice<Double> { seconds[starts[place]..<starts[place + 1]] }
}

extension UInt64 {
    fileprivate var firstKey: UInt32 { UInt32(truncatingIfNeeded: self >> 32) }
    fileprivate var secondKey: UInt32 { UInt32(truncatingIfNeeded: self) }
}
