import Cryptography
import Foundation
import Primitives

/// Why alerts cannot be sent where they should be.
public enum WebhookError: Error, Hashable, Sendable, CustomStringConvertible {
    case noAddress
    /// In the clear, to somewhere else than this machine.
    case insecure
    /// Names and passwords in an address end up in logs.
    case credentials
    case secretMissing(path: String)
    case secretLength(path: String)
    /// Others than its owner may read it.
    case secretOpen(path: String)

    public var description: String {
        switch self {
        case .noAddress: "a webhook is an address such as https://alerts.example.org/hearsay"
        case .insecure: "http:// sends alerts in the clear"
        case .credentials: "an address of a webhook holds no name and password: receivers know us by the signature"
        case .secretMissing(let path): "cannot read the secret in \(path)"
        case .secretLength(let path):
            "the secret in \(path) must have \(WatchLimits.secretByteCount.lowerBound) to \(WatchLimits.secretByteCount.upperBound) bytes"
        case .secretOpen(let path): "others can read the secret in \(path)"
        }
    }

    public var hint: String? {
        switch self {
        case .noAddress, .credentials: nil
        case .insecure: "use https://, or --insecure on a network that you trust"
        case .secretMissing(let path), .secretLength(let path): "(umask 077; openssl rand -hex 32 > \(path)), and give the receiver the same"
        case .secretOpen(let path): "chmod 600 \(path)"
        }
    }
}

/// Where alerts are posted to.
public struct WebhookTarget: Sendable, Hashable {
    public let url: URL
    /// In the clear, and only because it does not leave this machine.
    public let isLoopbackOnly: Bool

    /// - Parameter allowsInsecure: whether alerts may cross a network in the clear.
    public init(_ text: String, allowsInsecure: Bool = false) throws(WebhookError) {
        guard let parts = URLComponents(string: text), let url = parts.url, let host = parts.host, !host.isEmpty else { throw .noAddress }
        guard parts.user == nil, parts.password == nil else { throw .credentials }
        switch parts.scheme?.lowercased() {
        case "https": isLoopbackOnly = false
        case "http":
            isLoopbackOnly = Self.isLoopback(host)
            guard allowsInsecure || isLoopbackOnly else { throw .insecure }
        default: throw .noAddress
        }
        self.url = url
    }

    /// By address alone: a name may lead anywhere, apart from that which leads here.
    private static func isLoopback(_ host: String) -> Bool {
        let host = host.lowercased()
        if ["localhost", "::1", "[::1]"].contains(host) { return true }
        var address = in_addr()
        return inet_pton(AF_INET, host, &address) == 1 && UInt32(bigEndian: address.s_addr) >> 24 == 127
    }
}

/// The key that a webhook's receiver knows us by.
public struct WebhookSecret: Sendable {
    let bytes: [UInt8]

    public init?(_ bytes: [UInt8]) {
        guard WatchLimits.secretByteCount.contains(bytes.count) else { return nil }
        self.bytes = bytes
    }

    /// The bytes of a file, without line breaks at the end.
    public init(file path: String) throws(WebhookError) {
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_size <= 2 * WatchLimits.secretByteCount.upperBound,
            var bytes = FileManager.default.contents(atPath: path).map(Array.init)
        else { throw .secretMissing(path: path) }
        guard status.st_mode & 0o077 == 0 else { throw .secretOpen(path: path) }
        while let last = bytes.last, last == UInt8(ascii: "\n") || last == UInt8(ascii: "\r") { bytes.removeLast() }
        guard let secret = WebhookSecret(bytes) else { throw .secretLength(path: path) }
        self = secret
    }
}

/// One alert as it is posted (`Protocol/alerts.md` §2).
public struct WebhookRequest: Sendable {
    public let headers: [(name: String, value: String)]
    public let body: [UInt8]

    /// - Parameter includesIdentities: whether it names our own sessions and attackers.
    public init(_ alert: Alert, secret: WebhookSecret, includesIdentities: Bool, at now: Timestamp) {
        body = Array((includesIdentities ? alert : alert.withoutIdentities).text.utf8)
        let timestamp = "\(now.milliseconds / 1_000)"
        headers = [
            ("Content-Type", "application/json"), ("User-Agent", "hearsay"), ("Hearsay-Alert", alert.alert), ("Hearsay-Timestamp", timestamp),
            ("Hearsay-Signature", "v1=" + Self.signature(of: body, timestamp: timestamp, secret: secret)),
        ]
    }

    /// HMAC-SHA256 over the time, a dot and the body, in hex.
    static func signature(of body: [UInt8], timestamp: String, secret: WebhookSecret) -> String {
        Hex.encode(SHA256.authenticate(Array(timestamp.utf8) + [UInt8(ascii: ".")] + body, key: secret.bytes))
    }
}
