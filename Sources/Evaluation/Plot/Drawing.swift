/// A picture of lines and words as SVG, without anything that could run or load.
struct Drawing {
    let width: Int
    let height: Int
    private var elements: [String] = []

    init(width: Int, height: Int) {
        (self.width, self.height) = (width, height)
        elements.append("<rect width=\"\(width)\" height=\"\(height)\" fill=\"white\"/>")
    }

    enum Anchor: String { case start, middle, end }

    mutating func text(_ text: String, x: Double, y: Double, size: Int = 12, anchor: Anchor = .start, colour: String = "black") {
        elements.append(
            "<text x=\"\(Self.tenths(x))\" y=\"\(Self.tenths(y))\" font-size=\"\(size)\" text-anchor=\"\(anchor.rawValue)\" fill=\"\(colour)\">"
                + Self.escaped(text) + "</text>")
    }

    mutating func line(from start: (x: Double, y: Double), to end: (x: Double, y: Double), colour: String = "#ddd", width: Int = 1) {
        elements.append(
            "<line x1=\"\(Self.tenths(start.x))\" y1=\"\(Self.tenths(start.y))\" x2=\"\(Self.tenths(end.x))\" y2=\"\(Self.tenths(end.y))\" "
                + "stroke=\"\(colour)\" stroke-width=\"\(width)\"/>")
    }

    mutating func curve(_ points: [(x: Double, y: Double)], colour: String, width: Int = 2) {
        let places = points.map { "\(Self.tenths($0.x)),\(Self.tenths($0.y))" }.joined(separator: " ")
        elements.append("<polyline points=\"\(places)\" fill=\"none\" stroke=\"\(colour)\" stroke-width=\"\(width)\" stroke-linejoin=\"round\"/>")
    }

    /// The whole file.
    var svg: String {
        let head = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"\(width)\" height=\"\(height)\" viewBox=\"0 0 \(width) \(height)\" "
            + "font-family=\"sans-serif\" font-size=\"12\">"
        return ([head] + elements + ["</svg>"]).joined(separator: "\n") + "\n"
    }

    private static func escaped(_ text: String) -> String {
        text.map { character in
            switch character {
            case "&": "&amp;"
            case "<": "&lt;"
            case ">": "&gt;"
            default: String(character)
            }
        }.joined()
    }

    /// A coordinate: written by hand, so that it is the same in every language's setting.
    static func tenths(_ value: Double) -> String {
        let tenths = Int((value * 10).rounded())
        let digits = "\(abs(tenths) / 10).\(abs(tenths) % 10)"
        return tenths < 0 ? "-" + digits : digits
    }
}
