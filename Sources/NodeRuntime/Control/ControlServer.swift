import Foundation
import NIOCore
import NIOPosix

/// Answers the command line over a Unix socket that only this user can open (mode 0600).
final class ControlServer: Sendable {
    private let channel: any Channel
    private let path: String

    /// Replaces a socket that an earlier run has left; the directory's lock keeps a second node out.
    init(path: String, group: any EventLoopGroup, answer: @escaping @Sendable (ControlRequest) async -> ControlAnswer) async throws {
        self.path = path
        unlink(path)
        // The directory is 0700, so nobody else reaches the socket before its mode is set.
        channel = try await ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: Int32(ControlLimits.connections))
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(ControlHandler(answer: answer)) }
            }
            .bind(unixDomainSocketPath: path).get()
        chmod(path, 0o600)
    }

    func stop() async {
        try? await channel.close().get()
        unlink(path)
    }
}

/// One connection: a request line, an answer line, until the other side closes.
private final class ControlHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let answer: @Sendable (ControlRequest) async -> ControlAnswer
    private var pending: [UInt8] = []
    /// The answers being made; whoever hangs up waits for none.
    private var answering: [UInt64: Task<Void, Never>] = [:]
    private var requestCount: UInt64 = 0

    init(answer: @escaping @Sendable (ControlRequest) async -> ControlAnswer) { self.answer = answer }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        pending.append(contentsOf: unwrapInboundIn(data).readableBytesView)
        while let end = pending.firstIndex(of: UInt8(ascii: "\n")) {
            let line = Array(pending[..<end])
            pending.removeFirst(end + 1)
            reply(to: line, in: context)
        }
        if pending.count > ControlLimits.requestByteCount { context.close(promise: nil) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    func channelInactive(context: ChannelHandlerContext) {
        for task in answering.values { task.cancel() }
        answering = [:]
        context.fireChannelInactive()
    }

    private func reply(to line: [UInt8], in context: ChannelHandlerContext) {
        let channel = context.channel
        guard let request = ControlCodec.decode(ControlRequest.self, from: line) else {
            let failure = ControlAnswer.failure(error: "the node does not understand this request", hint: "use the hearsay program that belongs to the node")
            channel.writeAndFlush(ByteBuffer(bytes: ControlCodec.line(failure)), promise: nil)
            return
        }
        let answer = answer
        requestCount += 1
        let number = requestCount
        let this = NIOLoopBound(self, eventLoop: context.eventLoop)
        answering[number] = Task {
            let line = ControlCodec.line(await answer(request))
            channel.writeAndFlush(ByteBuffer(bytes: line), promise: nil)
            channel.eventLoop.execute { this.value.answering[number] = nil }
        }
    }
}
