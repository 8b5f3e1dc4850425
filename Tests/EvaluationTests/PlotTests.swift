import Foundation
import Testing

@testable import Evaluation

@Suite struct PlotTests {
    @Test func wordsCannotBecomeMarkup() {
        var drawing = Drawing(width: 10, height: 10)
        drawing.text("<script>&", x: 1, y: 2)
        #expect(drawing.svg.contains(">&lt;script&gt;&amp;</text>"))
        #expect(!drawing.svg.contains("<script"))
    }

    @Test(arguments: [(0.0, "0.0"), (1.25, "1.3"), (-0.26, "-0.3"), (-0.04, "0.0"), (719.96, "720.0")])
    func coordinatesHaveOneDigit(value: Double, text: String) {
        #expect(Drawing.tenths(value) == text)
    }

    /// Every curve lies inside the picture, whatever the figures are.
    @Test(arguments: [0, 12, 40]) func curvesStayInThePicture(flips: Int) throws {
        let set = try SpecimenSet(schemaVersion: 2, FiguresTests.specimens(persons: 12, sessions: 3, flips: flips, seed: 9))
        let svg = EvaluationPlot(of: [StreamFigures(set, replicateCount: 0, seed: 9)], title: "A & B").svg
        let size = try #require(svg.firstMatch(of: /viewBox="0 0 (\d+) (\d+)"/))
        let (width, height) = (try #require(Double(size.1)), try #require(Double(size.2)))
        var count = 0
        for curve in svg.matches(of: /points="([^"]*)"/) {
            for point in curve.1.split(separator: " ") {
                let place = point.split(separator: ",").compactMap { Double($0) }
                #expect(place.count == 2 && (0...width).contains(place[0]) && (0...height).contains(place[1]), "\(point)")
                count += 1
            }
        }
        #expect(count > 130)
    }
}
