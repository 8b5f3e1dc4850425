import ArgumentParser
import Foundation
import Watching

/// Where alerts are to go.
struct SinkOptions: ParsableArguments {
    @Flag(help: "Print alerts; so it is if nothing else is chosen.")
    var stdout = false

    @Flag(help: "Print each alert as one line of JSON.")
    var json = false

    @Option(help: "Append alerts to this file, a line of JSON each.")
    var file: String?

    @Option(help: "Post alerts to this address, signed (Protocol/alerts.md); https, or http on this machine.")
    var webhook: String?

    @Option(help: "The file that holds the secret which the webhook's receiver knows; nobody else may read it.")
    var secretFile: String?

    @Flag(help: "Let the webhook have the session and attacker of your own that an alert of own-sessions is about; without it only the other side is posted.")
    var webhookIdentities = false

    @Flag(help: "Allow a webhook over http:// across a network.")
    var insecure = false

    func validate() throws {
        guard (webhook == nil) == (secretFile == nil) else { throw ValidationError("--webhook and --secret-file go together") }
        guard webhook != nil || !(webhookIdentities || insecure) else { throw ValidationError("--webhook-identities and --insecure are about --webhook") }
    }

    var sinks: Sinks {
        var sinks: Sinks = []
        if stdout || (file == nil && webhook == nil) { sinks.insert(.output) }
        if file != nil { sinks.insert(.file) }
        if webhook != nil { sinks.insert(.webhook) }
        return sinks
    }

    var alertFile: AlertFile? { file.map { AlertFile(path: URL(fileURLWithPath: $0).standardizedFileURL.path) } }

    /// `nil` without a webhook.
    func courier(_ store: WatchStore) throws -> Courier? {
        guard let webhook, let secretFile else { return nil }
        let target = try WebhookTarget(webhook, allowsInsecure: insecure)
        if target.isLoopbackOnly {
            // A proxy would carry them away in the clear.
            for name in ["http_proxy", "all_proxy", "ALL_PROXY"] { unsetenv(name) }
        }
        return Courier(
            store: store, target: target, secret: try WebhookSecret(file: secretFile),
            includesIdentities: webhookIdentities, client: WebhookClient())
    }

    /// Prints an alert, all of it, or fails.
    func output(_ alert: Alert) throws {
        try FileHandle.standardOutput.write(contentsOf: Data(((json ? alert.text : AlertText.text(alert)) + "\n").utf8))
    }
}
