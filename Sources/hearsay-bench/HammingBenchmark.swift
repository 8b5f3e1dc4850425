import Primitives
import Similarity

/// How fast codes are scanned, by kernel and width. All are measured in one run, in turns, so that their ratios hold on a busy machine.
enum HammingBenchmark {
    static func run(arguments: [String] = []) {
        guard arguments.isEmpty else { return print("the Hamming benchmark takes no arguments") }
        for words in [1, 2, 4] {
            // Once what stays in the processor's caches, once what comes from memory.
            measure(words: words, count: 32_768 / words)
            measure(words: words, count: 4_194_304 / words)
        }
    }

    private static func measure(words: Int, count: Int) {
        var random = SeededGenerator(seed: 1)
        let codes = (0..<words * count).map { _ in random.next() }
        let query = (0..<words).map { _ in random.next() }
        // Near enough that of random codes hardly any is within: what a radius question mostly sees.
        let radius = UInt16(8 * words)
        let repeats = max(1, 4_194_304 / (words * count))
        let kernels = HammingKernel.supported
        let expected = HammingKernel.portable.places(within: radius, of: query, in: codes)
        var rounds = [[Double]](repeating: [], count: kernels.count)
        for _ in 0..<9 {
            for (place, kernel) in kernels.enumerated() {
                let duration = ContinuousClock().measure {
                    for _ in 0..<repeats {
                        let found = kernel.places(within: radius, of: query, in: codes)
                        precondition(found == expected, "the kernel \(kernel.name) has found \(found.count) codes, not \(expected.count)")
                    }
                }
                rounds[place].append(Double(count * repeats) / seconds(duration))
            }
        }
        let medians = rounds.map { $0.sorted()[$0.count / 2] }
        for (kernel, rate) in zip(kernels, medians) {
            print(
                "hamming scan, \(64 * words) bits, \(count) codes, \(kernel.name): \(Int(rate / 1e6)) million codes/s, "
                    + "\(tenths(rate * Double(8 * words) / 1e9)) GB/s, \(tenths(rate / medians[0]))x portable")
        }
    }

    private static func seconds(_ duration: Duration) -> Double {
        Double(duration.components.seconds) + Double(duration.components.attoseconds) / 1e18
    }

    /// With one digit after the point.
    private static func tenths(_ value: Double) -> String {
        let tenths = Int(value * 10 + 0.5)
        return "\(tenths / 10).\(tenths % 10)"
    }
}
