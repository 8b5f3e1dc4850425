import Collecting
import Foundation

/// Shows how far long work has come: a bar on a terminal, a line a minute otherwise. On standard error.
final class ProgressLine {
    private static let width = 30
    private let isTerminal = isatty(2) == 1
    private let start = ContinuousClock.now
    private var shownAt: ContinuousClock.Instant?
    private var isShowing = false

    func show(_ progress: SourceProgress) {
        guard !isTerminal || progress.totalByteCount > 1 << 20 else { return }
        show(share: Double(progress.doneByteCount) / Double(progress.totalByteCount)) {
            "\(progress.doneByteCount >> 20) of \(progress.totalByteCount >> 20) MiB"
        }
    }

    /// - Parameter words: what a line says where there is no terminal.
    func show(share: Double, words: () -> String) {
        let now = ContinuousClock.now
        if isTerminal {
            guard shownAt.map({ now - $0 > .milliseconds(100) }) ?? true else { return }
            let share = min(1, share)
            let filled = Int(share * Double(Self.width))
            let bar = String(repeating: "#", count: filled) + String(repeating: ".", count: Self.width - filled)
            FileHandle.standardError.write(Data("\r[\(bar)] \(Int(share * 100)) %".utf8))
            isShowing = true
        } else {
            guard now - (shownAt ?? start) > .seconds(60) else { return }
            printError(words())
        }
        shownAt = now
    }

    func finish() {
        if isShowing { FileHandle.standardError.write(Data(("\r" + String(repeating: " ", count: Self.width + 10) + "\r").utf8)) }
        isShowing = false
    }
}
