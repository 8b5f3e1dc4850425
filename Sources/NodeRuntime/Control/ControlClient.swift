import Foundation

/// Why a running node could not be asked.
public enum ControlClientError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Nothing listens on the node's socket.
    case notRunning(path: String)
    /// The connection broke, or the answer was none.
    case broken(path: String)

    public var description: String {
        switch self {
        case .notRunning(let path): "no node is running here (nothing answers at \(path))"
        case .broken(let path): "the node at \(path) did not answer"
        }
    }
}

/// Asks a running node one thing, waiting for the answer.
public enum ControlClient {
    /// How long to wait for an answer, in seconds.
    static let timeoutSeconds = 30

    public static func ask(_ request: ControlRequest, socket path: String) throws(ControlClientError) -> ControlAnswer {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { throw .broken(path: path) }
        defer { close(descriptor) }
        guard connect(descriptor, to: path) else { throw .notRunning(path: path) }
        var timeout = timeval(tv_sec: timeoutSeconds, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
        var rest = ControlCodec.line(request)[...]
        while !rest.isEmpty {
            let step = rest.withUnsafeBytes { Foundation.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard step > 0 else { throw .broken(path: path) }
            rest = rest.dropFirst(step)
        }
        var line: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while line.last != UInt8(ascii: "\n"), line.count < ControlLimits.answerByteCount {
            let step = chunk.withUnsafeMutableBytes { recv(descriptor, $0.baseAddress, $0.count, 0) }
            guard step > 0 else { throw .broken(path: path) }
            line += chunk.prefix(step)
        }
        guard let answer = ControlCodec.decode(ControlAnswer.self, from: Array(line.dropLast())) else { throw .broken(path: path) }
        return answer
    }

    private static func connect(_ descriptor: Int32, to path: String) -> Bool {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else { return false }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { Foundation.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0 }
        }
    }
}
