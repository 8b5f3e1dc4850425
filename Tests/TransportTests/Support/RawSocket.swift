import Foundation

/// A socket with nothing of ours behind it: says and hears single bytes. Blocking calls run on a thread of their own.
final class RawSocket: Sendable {
    enum Kind { case tcp, udp }

    private let descriptor: Int32

    private init(descriptor: Int32) {
        self.descriptor = descriptor
        var limit = timeval(tv_sec: 20, tv_usec: 0)  // So that a test that would wait for ever fails instead.
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    }

    deinit { Glibc.close(descriptor) }

    /// Connected to a port on loopback; `nil` if nothing takes the connection.
    convenience init?(_ kind: Kind, to port: UInt16) {
        let descriptor = Glibc.socket(AF_INET, Int32((kind == .tcp ? SOCK_STREAM : SOCK_DGRAM).rawValue), 0)
        guard Self.withLoopback(port, { connect(descriptor, $0, $1) }) == 0 else {
            Glibc.close(descriptor)
            return nil
        }
        self.init(descriptor: descriptor)
    }

    /// Takes connections in the system's queue and never says anything on them.
    static func silentListener() -> (socket: RawSocket, port: UInt16)? {
        let descriptor = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard withLoopback(0, { bind(descriptor, $0, $1) }) == 0, listen(descriptor, 8) == 0 else { return nil }
        let socket = RawSocket(descriptor: descriptor)
        return (socket, socket.port)
    }

    var port: UInt16 {
        var address = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { _ = getsockname(descriptor, $0, &length) }
        }
        return UInt16(bigEndian: address.sin_port)
    }

    func send(_ bytes: [UInt8]) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }

    /// The next bytes: empty at the end of the stream, `nil` if it broke or nothing came in time.
    func receive() async -> [UInt8]? {
        await onThread {
            var buffer = [UInt8](repeating: 0, count: 65_536)
            let count = recv(self.descriptor, &buffer, buffer.count, 0)
            return count >= 0 ? Array(buffer.prefix(count)) : nil
        }
    }

    /// Everything until the stream ends or breaks; `nil` if it does neither in time.
    func receiveAll() async -> [UInt8]? {
        await onThread {
            var all: [UInt8] = []
            var buffer = [UInt8](repeating: 0, count: 65_536)
            while true {
                let count = recv(self.descriptor, &buffer, buffer.count, 0)
                if count < 0 { return errno == ECONNRESET ? all : nil }
                if count == 0 { return all }
                all += buffer.prefix(count)
            }
        }
    }

    /// Whether anything has arrived that was not received yet.
    var hasBytes: Bool {
        var byte: UInt8 = 0
        return recv(descriptor, &byte, 1, Int32(MSG_DONTWAIT) | Int32(MSG_PEEK)) > 0
    }

    private func onThread<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
        await withCheckedContinuation { continuation in
            Thread.detachNewThread { continuation.resume(returning: body()) }
        }
    }

    private static func withLoopback(_ port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
        }
    }
}
