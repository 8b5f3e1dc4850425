/// The few figures a profile needs. `nil` of nothing.
enum Statistics {
    /// Of at least one value; the mean of the middle two where their number is even.
    static func median(_ values: some Collection<Double>) -> Double {
        let sorted = values.sorted()
        let middle = sorted.count / 2
        return sorted.count.isMultiple(of: 2) ? (sorted[middle - 1] + sorted[middle]) / 2 : sorted[middle]
    }

    static func mean(_ values: [Double]) -> Double? { values.isEmpty ? nil : values.reduce(0, +) / Double(values.count) }

    /// Population standard deviation: the divisor is the number of values.
    static func deviation(_ values: [Double]) -> Double? {
        guard let mean = mean(values) else { return nil }
        let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        return (squares / Double(values.count)).squareRoot()
    }

    /// By linear interpolation between order statistics (Hyndman and Fan, type 7). `sorted` ascends.
    static func quantile(_ share: Double, ofSorted sorted: [Double]) -> Double? {
        guard let last = sorted.last else { return nil }
        let place = Double(sorted.count - 1) * share
        let below = Int(place)
        guard below + 1 < sorted.count else { return last }
        return sorted[below] + (place - Double(below)) * (sorted[below + 1] - sorted[below])
    }
}
