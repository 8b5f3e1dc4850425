import Foundation
import NIOCore
import NIOPosix
import NodeRuntime
import Synchronization

/// Stands between a command and a node's control socket, and keeps every byte that is said to the node.
final class ControlRelay: Sendable {
    private let said = Mutex<[UInt8]>([])
    private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)

    var bytesToNode: [UInt8] { said.withLock { $0 } }

    static func run<Value>(at path: String, before node: String, _ body: (ControlRelay) async throws -> Value) async throws -> Value {
        let relay = ControlRelay()
        let channel = try await ServerBootstrap(group: relay.group)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(Handler(relay: relay, node: node)) }
            }
            .bind(unixDomainSocketPath: path).get()
        let result: Result<Value, any Error>
        do { result = .success(try await body(relay)) } catch { result = .failure(error) }
        try await channel.close().get()
        try await relay.group.shutdownGracefully()
        return try result.get()
    }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        private let relay: ControlRelay
        private let node: String
        private var line: [UInt8] = []

        init(relay: ControlRelay, node: String) {
            self.relay = relay
            self.node = node
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let bytes = Array(unwrapInboundIn(data).readableBytesView)
            relay.said.withLock { $0 += bytes }
            line += bytes
            guard line.last == UInt8(ascii: "\n") else { return }
            defer { line = [] }
            // The command asks one thing of each connection, and waits: so may this thread.
            guard let request = try? JSONDecoder().decode(ControlRequest.self, from: Data(line)), let answer = try? ControlClient.ask(request, socket: node),
                let text = try? JSONEncoder().encode(answer)
            else { return context.close(promise: nil) }
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: Array(text) + [UInt8(ascii: "\n")])), promise: nil)
        }
    }
}
