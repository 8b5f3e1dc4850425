import Foundation
import NIOCore
import NIOPosix
import Synchronization

/// Answers the command line over a Unix socket that only this user can open (mode 0600).
final class ControlServer: Sendable {
    private let channel: any Channel
    private let path: String
    private let answers = AnswersUnderWay()

    /// Replaces a socket that an earlier run has left; the directory's lock keeps a second node out.
    init(path: String, group: any EventLoopGroup, answer: @escaping @Sendable (ControlRequest) async -> ControlAnswer) async throws {
        self.path = path
        unlink(path)
        // The directory is 0700, so nobody else reaches the socket before its mode is set.
        let answers = answers
        channel = try await ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: Int32(ControlLimits.connections))
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(ControlHandler(answer: answer, answers: answers)) }
            }
            .bind(unixDomainSocketPath: path).get()
        chmod(path, 0o600)
    }

    func stop() async {
        try? await channel.close().get()
        // Before the event loops go: what is answered later would have no loop to be written by.
        await answers.finish()
        unlink(path)
    }
}

/// One connection: a request line, an answer line, until the other side closes.
private final class ControlHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let answer: @Sendable (ControlRequest) async -> ControlAnswer
    private let answers: AnswersUnderWay
    private var pending: [UInt8] = []
    /// Of this connection.
    private var numbers: [UInt64] = []

    init(answer: @escaping @Sendable (ControlRequest) async -> ControlAnswer, answers: AnswersUnderWay) {
        self.answer = answer
        self.answers = answers
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        pending.append(contentsOf: unwrapInboundIn(data).readableBytesView)
        while let end = pending.firstIndex(of: UInt8(ascii: "\n")) {
            let line = Array(pending[..<end])
            pending.removeFirst(end + 1)
            reply(to: line, on: context.channel)
        }
        if pending.count > ControlLimits.requestByteCount { context.close(promise: nil) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    /// Whoever hangs up waits for nothing.
    func channelInactive(context: ChannelHandlerContext) {
        answers.cancel(numbers)
        context.fireChannelInactive()
    }

    private func reply(to line: [UInt8], on channel: any Channel) {
        guard let request = ControlCodec.decode(ControlRequest.self, from: line) else {
            let failure = ControlAnswer.failure(error: "the node does not understand this request", hint: "use the hearsay program that belongs to the node")
            channel.writeAndFlush(ByteBuffer(bytes: ControlCodec.line(failure)), promise: nil)
            return
        }
        let answer = answer
        let number = answers.start {
            let line = ControlCodec.line(await answer(request))
            channel.writeAndFlush(ByteBuffer(bytes: line), promise: nil)
        }
        numbers = numbers.filter { answers.contains($0) } + (number.map { [$0] } ?? [])
    }
}

/// The answers that are being made, so that none outlives its connection or the server.
private final class AnswersUnderWay: Sendable {
    private struct State {
        var tasks: [UInt64: Task<Void, Never>] = [:]
        var lastNumber: UInt64 = 0
        var isFinished = false
    }

    private let state = Mutex(State())

    /// `nil`, and nothing started, if the server stops.
    func start(_ work: @escaping @Sendable () async -> Void) -> UInt64? {
        state.withLock { state in
            guard !state.isFinished else { return nil }
            state.lastNumber += 1
            let number = state.lastNumber
            state.tasks[number] = Task { [self] in
                await work()
                // Not before it is kept: the lock is held until then.
                self.state.withLock { $0.tasks[number] = nil }
            }
            return number
        }
    }

    func contains(_ number: UInt64) -> Bool { state.withLock { $0.tasks[number] != nil } }

    func cancel(_ numbers: [UInt64]) {
        let tasks = state.withLock { state in numbers.compactMap { state.tasks[$0] } }
        for task in tasks { task.cancel() }
    }

    /// Starts nothing more, and returns when all is answered.
    func finish() async {
        let tasks = state.withLock { state in
            state.isFinished = true
            return Array(state.tasks.values)
        }
        for task in tasks { task.cancel() }
        for task in tasks { await task.value }
    }
}
