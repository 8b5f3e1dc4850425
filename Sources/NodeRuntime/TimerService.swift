import NIOCore
import NodeCore
import Primitives
import Transport

/// Gives a node its timers back when they are due.
final class TimerService: Sendable {
    private let loop: any EventLoop
    private let mailbox: Mailbox<Input>

    init(loop: any EventLoop, mailbox: Mailbox<Input>) {
        self.loop = loop
        self.mailbox = mailbox
    }

    func wake(_ timer: Timer, at instant: Instant, now: Instant) {
        let delay = max(0, (instant - now).clampedNanoseconds)
        loop.scheduleTask(in: .nanoseconds(delay)) { [mailbox] in mailbox.post(.timerFired(timer)) }
    }
}
