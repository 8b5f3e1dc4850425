import Foundation
import Primitives

/// What FAISS's exact indexes do with the same codes, in the same run, on one thread. `Scripts/bench-faiss.py` does the asking.
struct FaissComparison {
    /// Its hash index weighs about 100 bytes a code.
    static let mostCodes = 20_000_000
    /// The indexes that compare with everything are asked so many questions, the others ten times as many.
    static let flatQuestions = 20

    private var figures: [String: Double] = [:]

    /// `nil` where FAISS is not installed, the script is not found, or there are too many codes.
    init?(_ sample: HammingSample) {
        guard let script = ProcessInfo.processInfo.environment["HEARSAY_FAISS_SCRIPT"], sample.codes.count <= Self.mostCodes else { return nil }
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent("hearsay-bench-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: directory) }
        do {
            try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
            let paths = ["codes", "questions"].map { directory.appendingPathComponent($0) }
            for (path, words) in zip(paths, [sample.codes, sample.questions]) { try words.withUnsafeBytes { Data($0) }.write(to: path) }
            let process = Process()
            process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
            let python = ProcessInfo.processInfo.environment["HEARSAY_PYTHON"] ?? "python3"
            process.arguments = [python, script] + paths.map(\.path) + ["\(Self.flatQuestions)"]
            let output = Pipe()
            process.standardError = FileHandle.nullDevice  // Without FAISS the script says so at length.
            process.standardOutput = output
            try process.run()
            let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            process.waitUntilExit()
            guard process.terminationStatus == 0 else {
                print("hamming index: FAISS cannot be asked, is faiss-cpu installed?")
                return nil
            }
            for line in text.split(separator: "\n") {
                let words = line.split(separator: " ")
                if words.count == 3, let value = Double(words[2]) { figures["\(words[0]) \(words[1])"] = value }
            }
        } catch {
            print("hamming index: FAISS cannot be asked: \(error)")
            return nil
        }
    }

    func line(_ title: String, _ question: String, single: Double, batched: Double) -> String {
        let known = ["flat", "multihash"].compactMap { index in figures["\(index) \(question)"].map { (index, $0) } }
        guard let best = known.max(by: { $0.1 < $1.1 }) else { return "\(title), \(question): FAISS says nothing" }
        let others = known.map { "\($0.0) \(HammingQuestionBenchmark.tenths($0.1))" }.joined(separator: ", ")
        var line = "\(title), \(question): FAISS \(others) questions/s one by one, hearsay \(Int(single / best.1))x the best of them"
        if let together = figures["flat \(question)-batched"] {
            line += "; together FAISS flat \(HammingQuestionBenchmark.tenths(together)), hearsay \(Int(batched / together))x"
        }
        return line
    }

    func buildLine(_ title: String) -> String {
        let (build, memory) = (figures["multihash build"] ?? 0, figures["multihash memory"] ?? 0)
        return "\(title): FAISS multihash is made in \(Int(build * 1_000)) ms and weighs \(Int(memory)) bytes a code"
    }
}
