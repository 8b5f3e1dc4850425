import Primitives

/// Carries queued alerts to a webhook, one at a time, for as long as any is due.
public struct Courier: Sendable {
    public let store: WatchStore
    public let target: WebhookTarget
    public let secret: WebhookSecret
    /// Whether alerts name our own sessions and attackers.
    public let includesIdentities: Bool
    public let client: WebhookClient

    public init(store: WatchStore, target: WebhookTarget, secret: WebhookSecret, includesIdentities: Bool, client: WebhookClient) {
        self.store = store
        self.target = target
        self.secret = secret
        self.includesIdentities = includesIdentities
        self.client = client
    }

    /// Tries everything that is due once; gives what each try came to.
    ///
    /// A crash between the receiver's answer and our note of it delivers an alert again, with the same id.
    ///
    /// - Parameters:
    ///   - limit: tries at most.
    ///   - now: read before each try.
    @discardableResult
    public func deliver(
        limit: Int = 100, now: @Sendable () -> Timestamp, using random: inout some RandomNumberGenerator
    ) async throws -> [RetrySchedule.Decision] {
        var decisions: [RetrySchedule.Decision] = []
        while decisions.count < limit, let delivery = try store.due(at: now()) {
            let outcome = await post(delivery.alert, at: now())
            let decision = RetrySchedule.decision(
                after: outcome, attempts: delivery.attempts, queuedAt: delivery.queuedAt, at: now(), using: &random)
            try store.settle(delivery, decision)
            decisions.append(decision)
        }
        return decisions
    }

    public func post(_ alert: Alert, at now: Timestamp) async -> DeliveryOutcome {
        let request = WebhookRequest(alert, secret: secret, includesIdentities: includesIdentities, at: now)
        return await client.post(request, to: target, at: now)
    }
}
