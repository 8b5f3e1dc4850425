import Foundation
import FoundationNetworking
import Primitives
import Synchronization

/// Posts requests to a webhook. Follows no redirect, keeps nothing of what is answered but the status, and waits no longer than it says.
public final class WebhookClient: NSObject, URLSessionDataDelegate, @unchecked Sendable {
    // Sendable: the session is one, and all else is behind a lock.

    /// From the first byte of the request to the last of the answer.
    public static let patience: Duration = .seconds(20)
    /// Bytes of an answer that are read; a longer one is cut off, and counts by its status.
    static let answerByteCount = 65_536

    private struct Exchange {
        var continuation: CheckedContinuation<DeliveryOutcome, Never>?
        var now: Timestamp
        var outcome: DeliveryOutcome?
        var byteCount = 0
    }

    private let exchanges = Mutex<[Int: Exchange]>([:])
    private let patience: Duration
    private var session: URLSession!

    public init(patience: Duration = WebhookClient.patience) {
        self.patience = patience
        super.init()
        let configuration = URLSessionConfiguration.ephemeral
        configuration.httpShouldSetCookies = false
        configuration.httpCookieAcceptPolicy = .never
        configuration.requestCachePolicy = .reloadIgnoringLocalAndRemoteCacheData
        configuration.timeoutIntervalForRequest = Self.patience / .seconds(1)
        session = URLSession(configuration: configuration, delegate: self, delegateQueue: nil)
    }

    /// Lets go of everything; what is under way ends unanswered.
    public func close() { session.invalidateAndCancel() }

    public func post(_ request: WebhookRequest, to target: WebhookTarget, at now: Timestamp) async -> DeliveryOutcome {
        var post = URLRequest(url: target.url)
        post.httpMethod = "POST"
        post.httpBody = Data(request.body)
        for (name, value) in request.headers { post.setValue(value, forHTTPHeaderField: name) }
        let task = session.dataTask(with: post)
        // A receiver that sends a byte now and then would otherwise hold us for ever.
        let alarm = Task { [patience] in
            try await Task.sleep(for: patience)
            task.cancel()
        }
        let outcome = await withCheckedContinuation { continuation in
            exchanges.withLock { $0[task.taskIdentifier] = Exchange(continuation: continuation, now: now) }
            task.resume()
        }
        alarm.cancel()
        return outcome
    }

    public func urlSession(
        _ session: URLSession, task: URLSessionTask, willPerformHTTPRedirection response: HTTPURLResponse, newRequest request: URLRequest,
        completionHandler: @escaping (URLRequest?) -> Void
    ) {
        note(response, of: task)
        completionHandler(nil)
    }

    public func urlSession(
        _ session: URLSession, dataTask: URLSessionDataTask, didReceive response: URLResponse,
        completionHandler: @escaping (URLSession.ResponseDisposition) -> Void
    ) {
        note(response, of: dataTask)
        completionHandler(.allow)
    }

    public func urlSession(_ session: URLSession, dataTask: URLSessionDataTask, didReceive data: Data) {
        let isTooLong = exchanges.withLock { exchanges in
            let count = (exchanges[dataTask.taskIdentifier]?.byteCount ?? 0) + data.count
            exchanges[dataTask.taskIdentifier]?.byteCount = count
            return count > Self.answerByteCount
        }
        if isTooLong { dataTask.cancel() }
    }

    public func urlSession(_ session: URLSession, task: URLSessionTask, didCompleteWithError error: (any Error)?) {
        guard let exchange = exchanges.withLock({ $0.removeValue(forKey: task.taskIdentifier) }) else { return }
        exchange.continuation?.resume(returning: exchange.outcome ?? .unreachable(Self.words(for: error)))
    }

    private func note(_ response: URLResponse, of task: URLSessionTask) {
        guard let response = response as? HTTPURLResponse else { return }
        exchanges.withLock { exchanges in
            guard let exchange = exchanges[task.taskIdentifier] else { return }
            let retryAfter = response.value(forHTTPHeaderField: "Retry-After").flatMap { RetryAfter.duration($0, at: exchange.now) }
            exchanges[task.taskIdentifier]?.outcome = .status(response.statusCode, retryAfter: retryAfter)
        }
    }

    /// Without the address, which may hold a secret.
    private static func words(for error: (any Error)?) -> String {
        switch (error as? URLError)?.code {
        case .timedOut?, .cancelled?: "the receiver did not answer in time"
        case .cannotFindHost?, .dnsLookupFailed?: "the receiver's name leads nowhere"
        case .cannotConnectToHost?: "the receiver cannot be reached"
        case .secureConnectionFailed?, .serverCertificateUntrusted?, .serverCertificateHasBadDate?, .serverCertificateHasUnknownRoot?,
            .serverCertificateNotYetValid?:
            "the receiver's certificate does not hold"
        default: "the connection to the receiver broke"
        }
    }
}
