import Dispatch
import Foundation

/// Tells when something is written into a folder, so that it is read at once and not at the next look.
///
/// A help and no more: what it misses, or a file system that cannot tell, costs waiting until the next look.
final class OutboxWatch: Sendable {
    /// What the kernel tells of at one time; more comes with the next call.
    static let bufferByteCount = 4_096
    /// After each reading the watch rests so long, and this many times as long as the reading took: a collector that writes without pause
    /// takes a bounded part of the node's time, however long its days are.
    static let shortestRest: Duration = .milliseconds(200)
    static let restFactor = 4

    private enum Phase { case idle, busy(isDue: Bool) }

    private let descriptor: Int32
    private let directory: String
    private let queue = DispatchQueue(label: "hearsay.outbox.watch")
    nonisolated(unsafe) private let source: any DispatchSourceRead  // Safe from any thread, as all of Dispatch is.

    /// `nil` if the system has no room for another watch.
    ///
    /// - Parameter whenWritten: called on a queue of the watch, once for many writes that come together; it calls its argument when it has read.
    init?(directory: String, whenWritten: @escaping @Sendable (_ whenRead: @escaping @Sendable () -> Void) -> Void) {
        let descriptor = inotify_init1(Int32(IN_NONBLOCK) | Int32(IN_CLOEXEC))
        guard descriptor >= 0 else { return nil }
        self.descriptor = descriptor
        self.directory = directory
        source = DispatchSource.makeReadSource(fileDescriptor: descriptor, queue: queue)
        let pace = Pace(queue: queue, whenWritten: whenWritten)
        source.setEventHandler {
            var buffer = [UInt8](repeating: 0, count: Self.bufferByteCount)
            while read(descriptor, &buffer, buffer.count) > 0 {}
            pace.written()
        }
        source.setCancelHandler { close(descriptor) }
        source.activate()
        look()
    }

    /// Watches the folder if it is there by now; again is the same as once.
    func look() { _ = inotify_add_watch(descriptor, directory, UInt32(IN_MODIFY | IN_MOVED_TO)) }

    func cancel() { source.cancel() }

    /// One reading at a time, with rests between them.
    private final class Pace: @unchecked Sendable {
        // Sendable: its state is touched on its queue only.
        private let queue: DispatchQueue
        private let whenWritten: @Sendable (@escaping @Sendable () -> Void) -> Void
        private var phase = Phase.idle

        init(queue: DispatchQueue, whenWritten: @escaping @Sendable (@escaping @Sendable () -> Void) -> Void) {
            self.queue = queue
            self.whenWritten = whenWritten
        }

        func written() {
            guard case .idle = phase else {
                phase = .busy(isDue: true)
                return
            }
            phase = .busy(isDue: false)
            let begin = ContinuousClock.now
            whenWritten { [self] in
                let rest = max(OutboxWatch.shortestRest, (ContinuousClock.now - begin) * OutboxWatch.restFactor)
                queue.asyncAfter(deadline: .now() + rest / .seconds(1)) { [self] in
                    guard case .busy(let isDue) = phase else { return }
                    phase = .idle
                    if isDue { written() }
                }
            }
        }
    }
}
