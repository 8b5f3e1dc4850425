import Foundation
import Ledger
import Primitives
import Similarity

/// How fast questions about codes are answered: `hearsay-bench hamming [N]`, a million codes if nothing is said. Whole answers without the histogram, one
/// thread, beside a scan of the same codes and, where it is installed, beside FAISS. Questions a second are those of a processor's second, so that a busy
/// machine does not change them much; how long one takes is told as it was waited for.
enum HammingQuestionBenchmark {
    static let standardCount = 1_000_000
    static let batch = 64
    static let rounds = 3
    /// So many are asked a scan, whose answers must be equal.
    static let few = 5

    static let selections: [(name: String, selection: SightingIndex.Selection)] = [
        ("radius-6", .within(6)), ("radius-12", .within(12)), ("nearest-10", .nearest(10)),
    ]

    static func run() {
        let count = CommandLine.arguments.compactMap { Int($0) }.first ?? standardCount
        for shape in HammingSample.Shape.allCases { measure(shape, count: count) }
    }

    private static func measure(_ shape: HammingSample.Shape, count: Int) {
        let sample = HammingSample(shape, count: count, questionCount: 1_000)
        let title = "hamming index, \(shape), \(count) codes"
        SightingIndex.giveBackMemory()  // Of the sample before.
        let before = resident()
        var index = SightingIndex(own: OriginID(bytes: [UInt8](repeating: 2, count: 32))!)
        sample.forEachBucket { index.add($0, of: HammingSample.origin) }
        let sightings = index.count(of: .sessionSimHash1)
        var scanned: [String: [SimHashAnswer]] = [:]
        var scanRates: [String: Double] = [:]
        for (name, selection) in selections {
            let time = processorSeconds {
                scanned[name] = sample.questions.prefix(few).map { index.ask([$0], in: .sessionSimHash1, selection, background: .none) }
            }
            scanRates[name] = Double(few) / time
        }
        var working = 0.0
        let building = seconds { working = processorSeconds { index.settle() } }
        SightingIndex.giveBackMemory()
        index.costs = index.measuredCosts { DispatchTime.now().uptimeNanoseconds }
        print(
            "\(title): made in \(Int(building * 1_000)) ms, \(Int(working * 1_000)) ms of them at work, "
                + "\(tenths(Double(index.byteCount(of: .sessionSimHash1)) / Double(sightings))) bytes a sighting by its own count, "
                + "\(tenths(Double(resident() - before) / Double(sightings))) by the growth of the process; "
                + "a bucket costs \(tenths(index.costs.bucket)) ns to find, a code \(Int(index.costs.code * 1_000)) ps to compare")
        let faiss = FaissComparison(sample)
        for (name, selection) in selections {
            for (place, answer) in (scanned[name] ?? []).enumerated() {
                let found = index.ask([sample.questions[place]], in: .sessionSimHash1, selection, background: .none)
                precondition(found.matches == answer.matches && found.sessions == answer.sessions, "\(name): not what a scan finds")
            }
            let asked = ask(index, sample.questions, selection)
            print(
                "\(title), \(name): \(Int(asked.single)) questions/s one by one, half within \(asked.half) us, 99 % within \(asked.most) us, "
                    + "\(Int(asked.batched)) by \(batch); scan \(tenths(scanRates[name] ?? 0)), \(Int(asked.single / (scanRates[name] ?? 1)))x")
            if let faiss { print(faiss.line(title, name, single: asked.single, batched: asked.batched)) }
        }
        if let faiss { print(faiss.buildLine(title)) }
        HammingUpdateBenchmark.run(title, index, sample)
        fflush(nil)  // A large one takes minutes: what is known is shown.
    }

    private struct Asked {
        /// Questions a second, medians of some rounds.
        let single: Double
        let batched: Double
        /// Microseconds.
        let half: Int
        let most: Int
    }

    private static func ask(_ index: SightingIndex, _ questions: [UInt64], _ selection: SightingIndex.Selection) -> Asked {
        var each: [Double] = []
        var single: [Double] = []
        var batched: [Double] = []
        for _ in 0..<rounds {
            let alone = processorSeconds {
                each += questions.map { question in seconds { _ = index.ask([question], in: .sessionSimHash1, selection, background: .none) } }
            }
            single.append(Double(questions.count) / alone)
            let time = processorSeconds {
                for start in stride(from: 0, to: questions.count, by: batch) {
                    _ = index.ask(questions[start..<min(start + batch, questions.count)].map { [$0] }, in: .sessionSimHash1, selection, background: .none)
                }
            }
            batched.append(Double(questions.count) / time)
        }
        each.sort()
        return Asked(
            single: single.sorted()[rounds / 2], batched: batched.sorted()[rounds / 2], half: Int(each[each.count / 2] * 1e6),
            most: Int(each[each.count * 99 / 100] * 1e6))
    }

    private static func seconds(_ body: () -> Void) -> Double { ContinuousClock().measure(body) / .seconds(1) }

    /// What this thread has had of a processor: on a busy machine, less than the time that has passed.
    private static func processorSeconds(_ body: () -> Void) -> Double {
        func now() -> Double {
            var time = timespec()
            clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
            return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
        }
        let begin = now()
        body()
        return now() - begin
    }

    /// Bytes of this process in memory; 0 where the system does not say.
    private static func resident() -> Int {
        let pages = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8).split(separator: " ")[1]
        return (pages.flatMap { Int($0) } ?? 0) * 4_096
    }

    static func tenths(_ value: Double) -> String { String(format: "%.1f", value) }
}
