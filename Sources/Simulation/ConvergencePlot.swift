import Primitives

/// Draws how heads spread: the share of nodes that hold a head, over the time since its publication. Plain SVG.
public struct ConvergencePlot {
    private static let (width, height) = (720, 420)
    private static let (left, right, top, bottom) = (64, 20, 48, 52)
    private static let pointCount = 300

    private let curve: ConvergenceCurve
    private let title: String

    /// - Parameter title: put above the plot; must hold no markup.
    public init(of curve: ConvergenceCurve, title: String) {
        self.curve = curve
        self.title = title
    }

    /// The end of the time axis: where 99.9 % have arrived, rounded up to a number that divides well.
    private var longest: Duration {
        let end = curve.time(toReach: 0.999) ?? curve.time(toReach: 0.99) ?? .seconds(300)
        let steps: [Int64] = [500, 1_000, 2_000, 5_000, 10_000, 20_000, 30_000, 60_000, 120_000, 300_000]
        return .milliseconds(steps.first { .milliseconds($0) >= end } ?? 300_000)
    }

    /// The whole file.
    public var svg: String {
        let (innerWidth, innerHeight) = (Self.width - Self.left - Self.right, Self.height - Self.top - Self.bottom)
        let longest = longest
        var lines = [
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"\(Self.width)\" height=\"\(Self.height)\" viewBox=\"0 0 \(Self.width) \(Self.height)\" "
                + "font-family=\"sans-serif\" font-size=\"12\">",
            "<rect width=\"\(Self.width)\" height=\"\(Self.height)\" fill=\"white\"/>",
            "<text x=\"\(Self.left)\" y=\"26\" font-size=\"15\">\(title)</text>",
        ]
        for percent in stride(from: 0, through: 100, by: 20) {
            let y = Self.top + innerHeight - innerHeight * percent / 100
            lines.append("<line x1=\"\(Self.left)\" y1=\"\(y)\" x2=\"\(Self.width - Self.right)\" y2=\"\(y)\" stroke=\"#ddd\"/>")
            lines.append("<text x=\"\(Self.left - 8)\" y=\"\(y + 4)\" text-anchor=\"end\">\(percent) %</text>")
        }
        for tick in 0...5 {
            let x = Self.left + innerWidth * tick / 5
            lines.append("<line x1=\"\(x)\" y1=\"\(Self.top)\" x2=\"\(x)\" y2=\"\(Self.top + innerHeight)\" stroke=\"#ddd\"/>")
            lines.append("<text x=\"\(x)\" y=\"\(Self.top + innerHeight + 18)\" text-anchor=\"middle\">\(Self.seconds(longest * tick / 5)) s</text>")
        }
        let points = (0...Self.pointCount).map { point in
            let y = Double(Self.top) + Double(innerHeight) * (1 - curve.share(after: longest * point / Self.pointCount))
            return "\(Self.tenths(Double(Self.left) + Double(innerWidth * point) / Double(Self.pointCount))),\(Self.tenths(y))"
        }
        lines.append("<polyline points=\"\(points.joined(separator: " "))\" fill=\"none\" stroke=\"#1f5fa8\" stroke-width=\"2\"/>")
        let (middle, foot) = (Self.left + innerWidth / 2, Self.height - 12)
        lines.append("<text x=\"\(middle)\" y=\"\(foot)\" text-anchor=\"middle\">time since a head was published: nodes that hold it or a later one</text>")
        lines.append("</svg>")
        return lines.joined(separator: "\n") + "\n"
    }

    private static func seconds(_ duration: Duration) -> String {
        let milliseconds = duration.clampedMilliseconds
        return milliseconds % 1_000 == 0 ? "\(milliseconds / 1_000)" : "\(Double(milliseconds) / 1_000)"
    }

    /// Coordinates are never negative.
    private static func tenths(_ value: Double) -> String {
        let tenths = Int(value * 10)
        return "\(tenths / 10).\(tenths % 10)"
    }
}
