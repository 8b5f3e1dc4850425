import Logging
import NodeCore
import Primitives

/// Puts what a core reports into words. Names operators and nodes by the first eight digits of their keys; contents never appear.
enum EventLog {
    static func write(_ event: Event, to logger: Logger) {
        let (level, text) = words(for: event)
        logger.log(level: level, "\(text)")
    }

    private static func words(for event: Event) -> (Logger.Level, String) {
        switch event {
        case .sessionReady(let session, let node, let origin): (.info, "session \(session) with node \(node.short) of operator \(origin.short)")
        case .sessionRefused(let session, let refusal): (.notice, "session \(session) refused: \(refusal)")
        case .refusedByPeer(let session, let refusal): (.notice, "session \(session): the other side refuses us: \(refusal)")
        case .misbehaviour(let session, let misbehaviour): (.warning, "session \(session) dropped: \(misbehaviour)")
        case .memberAdmitted(let origin, let name): (.notice, "operator \(origin.short) admitted: \(printable(name))")
        case .memberRevoked(let origin): (.notice, "operator \(origin.short) revoked")
        case .adopted(let origin, let position, let sightings): (.info, "operator \(origin.short) followed to head \(position): \(sightings) sightings")
        case .published(let position, let sightings): (.info, "published head \(position): \(sightings) sightings")
        case .equivocation(let origin, let position): (.error, "operator \(origin.short) equivocates: two heads at \(position)")
        case .signingHalted(let ours, let theirs):
            (.critical, "somebody holds our head \(theirs), newer than our \(ours.map { "\($0)" } ?? "none"): a restored backup or a second machine; signing halted")
        case .commandRefused(let refusal): (.notice, "command refused: \(refusal)")
        case .limitReached(let limit): (.warning, "limit reached: \(limit)")
        }
    }

    /// A display name is another operator's text: only plain letters, digits and marks reach a terminal or a log.
    static func printable(_ name: String) -> String {
        String(String.UnicodeScalarView(name.unicodeScalars.map { $0.properties.isAlphabetic || (0x20..<0x7F).contains($0.value) ? $0 : "?" }))
    }
}
