import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// A webhook's receiver on loopback: answers as it is told, and keeps what it was sent.
final class Receiver: Sendable {
    struct Request: Sendable {
        let path: String
        /// By name in lower case.
        let headers: [String: String]
        let body: [UInt8]
    }

    struct Answer: Sendable {
        /// `nil`: never.
        var status: Int?
        var headers: [(String, String)] = []
        var body: [UInt8] = []
    }

    private final class Book: Sendable {
        private let state: Mutex<(requests: [Request], answers: [Answer])>

        init(_ answers: [Answer]) { state = Mutex(([], answers)) }

        var requests: [Request] { state.withLock { $0.requests } }

        /// The answers that were set, one after the other; then 200.
        func take(_ request: Request) -> Answer {
            state.withLock { state in
                state.requests.append(request)
                return state.answers.isEmpty ? Answer(status: 200) : state.answers.removeFirst()
            }
        }
    }

    private let book: Book
    private let group: MultiThreadedEventLoopGroup
    private let channel: any Channel
    let port: Int

    var requests: [Request] { book.requests }

    init(_ answers: [Answer] = []) async throws {
        let (book, group) = (Book(answers), MultiThreadedEventLoopGroup(numberOfThreads: 1))
        (self.book, self.group) = (book, group)
        channel = try await ServerBootstrap(group: group)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(Handler { book.take($0) })
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        port = channel.localAddress?.port ?? 0
    }

    static func run<Value>(_ answers: [Answer] = [], _ body: (Receiver) async throws -> Value) async throws -> Value {
        let receiver = try await Receiver(answers)
        do {
            let value = try await body(receiver)
            try await receiver.stop()
            return value
        } catch {
            try await receiver.stop()
            throw error
        }
    }

    func stop() async throws {
        try? await channel.close().get()
        try await group.shutdownGracefully()
    }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = HTTPServerRequestPart
        typealias OutboundOut = HTTPServerResponsePart

        private let take: @Sendable (Request) -> Answer
        private var head: HTTPRequestHead?
        private var body: [UInt8] = []

        init(_ take: @escaping @Sendable (Request) -> Answer) { self.take = take }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch unwrapInboundIn(data) {
            case .head(let head): (self.head, body) = (head, [])
            case .body(let bytes): body += bytes.readableBytesView
            case .end:
                guard let head else { return }
                let headers = Dictionary(head.headers.map { ($0.name.lowercased(), $0.value) }, uniquingKeysWith: { first, _ in first })
                let answer = take(Request(path: head.uri, headers: headers, body: body))
                guard let status = answer.status else { return }
                var response = HTTPResponseHead(version: .http1_1, status: HTTPResponseStatus(statusCode: status))
                for (name, value) in answer.headers { response.headers.add(name: name, value: value) }
                response.headers.replaceOrAdd(name: "Content-Length", value: "\(answer.body.count)")
                context.write(wrapOutboundOut(.head(response)), promise: nil)
                context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: answer.body)))), promise: nil)
                context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
            }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }
}

/// A port of 127.0.0.1 that nobody listens at and nobody else can take, for as long as the value lives.
final class ClosedPort {
    let number: Int
    private let descriptor: Int32

    init() throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = descriptor
        let isBound = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0 }
        }
        number = Int(UInt16(bigEndian: address.sin_port))
        if !isBound { throw POSIXError(.EADDRINUSE) }
    }

    deinit { close(descriptor) }
}
