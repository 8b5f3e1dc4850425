import Foundation

/// Draws what was measured, a row for every schema_version: how far apart the same and different persons are, and how many are found for how many
/// false hits.
public struct EvaluationPlot {
    private static let panel = (width: 400.0, height: 240.0)
    private static let (left, top, gap, foot) = (70.0, 74.0, 90.0, 86.0)
    /// The false positive rates of the right-hand axis, as powers of ten.
    private static let decades = -5...0
    private static let colours = (all: "#222222", classes: ["#9a6fb0", "#c98a1b", "#2a8f5b", "#1f5fa8"], same: "#1f5fa8", different: "#c0392b")

    private let streams: [StreamFigures]
    private let title: String

    public init(of streams: [StreamFigures], title: String) {
        self.streams = streams
        self.title = title
    }

    /// The whole file.
    public var svg: String {
        let rowHeight = Self.top + Self.panel.height + Self.foot
        var drawing = Drawing(
            width: Int(2 * Self.panel.width + Self.gap + Self.left + 30), height: Int(40 + rowHeight * Double(streams.count)))
        drawing.text(title, x: Self.left, y: 28, size: 16)
        for (row, stream) in streams.enumerated() {
            let y = 40 + rowHeight * Double(row) + Self.top - 40
            drawDistances(of: stream, Frame(x: Self.left, y: y), into: &drawing)
            drawCurves(of: stream, Frame(x: Self.left + Self.panel.width + Self.gap, y: y), into: &drawing)
        }
        return drawing.svg
    }

    /// Where a panel lies; shares of its sides become coordinates.
    private struct Frame {
        let x: Double
        let y: Double

        func point(_ across: Double, _ up: Double) -> (x: Double, y: Double) {
            (x + across * EvaluationPlot.panel.width, y + (1 - up) * EvaluationPlot.panel.height)
        }
    }

    private func drawDistances(of stream: StreamFigures, _ frame: Frame, into drawing: inout Drawing) {
        let counts = stream.groups[0].counts
        let bitCount = Double(DistanceCounts.bitCount)
        func shares(_ counts: [UInt64]) -> [Double] {
            let total = Double(max(1, counts.reduce(0, +)))
            return counts.map { Double($0) / total }
        }
        let (same, different) = (shares(counts.same), shares(counts.different))
        let highest = max(0.02, ((same + different).max() ?? 0) * 1.05)
        let step = highest > 0.5 ? 0.2 : highest > 0.2 ? 0.05 : highest > 0.08 ? 0.02 : 0.01
        for share in stride(from: 0, through: highest, by: step) {
            drawing.line(from: frame.point(0, share / highest), to: frame.point(1, share / highest))
            let place = frame.point(0, share / highest)
            drawing.text("\(Int((share * 100).rounded())) %", x: place.x - 8, y: place.y + 4, anchor: .end)
        }
        for distance in stride(from: 0, through: DistanceCounts.bitCount, by: 8) {
            let across = Double(distance) / bitCount
            drawing.line(from: frame.point(across, 0), to: frame.point(across, 1))
            drawing.text("\(distance)", x: frame.point(across, 0).x, y: frame.point(0, 0).y + 18, anchor: .middle)
        }
        for (shares, colour) in [(different, Self.colours.different), (same, Self.colours.same)] {
            drawing.curve(shares.enumerated().map { frame.point(Double($0.offset) / bitCount, $0.element / highest) }, colour: colour)
        }
        let head = frame.point(0, 1)
        let words = "schema_version \(stream.schemaVersion): \(stream.personCount) persons, \(stream.sessionCount) sessions"
        drawing.text(words, x: head.x, y: head.y - 12, size: 14)
        let below = frame.point(0.5, 0)
        drawing.text("bits between two sessions", x: below.x, y: below.y + 38, anchor: .middle)
        drawing.text("of one person", x: frame.x, y: below.y + 58, colour: Self.colours.same)
        drawing.text("of two persons", x: frame.x + 110, y: below.y + 58, colour: Self.colours.different)
    }

    private func drawCurves(of stream: StreamFigures, _ frame: Frame, into drawing: inout Drawing) {
        for percent in stride(from: 0, through: 100, by: 20) {
            let up = Double(percent) / 100
            drawing.line(from: frame.point(0, up), to: frame.point(1, up))
            drawing.text("\(percent) %", x: frame.x - 8, y: frame.point(0, up).y + 4, anchor: .end)
        }
        for decade in Self.decades {
            let across = Self.across(decade)
            drawing.line(from: frame.point(across, 0), to: frame.point(across, 1))
            let label = decade >= -2 ? "\(Int(pow(10, Double(decade + 2)))) %" : "0." + String(repeating: "0", count: -3 - decade) + "1 %"
            drawing.text(label, x: frame.point(across, 0).x, y: frame.point(0, 0).y + 18, anchor: .middle)
        }
        let below = frame.point(0.5, 0)
        var legend = frame.x
        for group in stream.groups {
            let colour = group.lengthClass.map { Self.colours.classes[$0.rawValue] } ?? Self.colours.all
            let points = (0...DistanceCounts.bitCount).compactMap { radius -> (x: Double, y: Double)? in
                // A rate of 0 has no place on this axis.
                guard let hit = group.counts.falsePositiveRate(radius: radius), hit > 0,
                    let found = group.counts.truePositiveRate(radius: radius)
                else { return nil }
                let across = (log10(hit) - Double(Self.decades.lowerBound)) / Double(Self.decades.count - 1)
                return across >= 0 ? frame.point(across, found) : nil
            }
            drawing.curve(points, colour: colour)
            let rate = group.equalErrorRate.map { " \(Drawing.tenths($0.value * 100)) %" } ?? ""
            drawing.text((group.lengthClass?.letter ?? "all") + rate, x: legend, y: below.y + 58, colour: colour)
            legend += 80
        }
        drawing.text("found, over false hits per pair of two persons; equal error rates:", x: below.x, y: below.y + 38, anchor: .middle)
    }

    private static func across(_ decade: Int) -> Double { Double(decade - decades.lowerBound) / Double(decades.count - 1) }
}
