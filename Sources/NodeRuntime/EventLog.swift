import Logging
import Membership
import NodeCore
import Primitives
import Replication

/// Puts what a core reports into words. Names operators and nodes by the first eight digits of their keys; contents never appear.
public enum EventLog {
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
        case .ruled(let origin, let rule): (.notice, "operator \(origin.short) \(words(for: rule))")
        case .adopted(let origin, let position, let sightings): (.info, "operator \(origin.short) followed to head \(position): \(sightings) sightings")
        case .published(let position, let sightings): (.info, "published head \(position): \(sightings) sightings")
        case .equivocation(let origin, let generation):
            (.error, "operator \(origin.short) contradicts itself: generation \(generation) is in quarantine; hearsay evidence shows the proof")
        case .setAside(let origin, let position):
            (.warning, "head \(position) of operator \(origin.short) does not count any more: its sightings are set aside")
        case .signingHalted(let ours, let halt): (.critical, "signing halted at \(ours.map { "head \($0)" } ?? "no head"): \(words(for: halt))")
        case .generationOpened(let number, let reason): (.notice, "generation \(number) opened: \(reason)")
        case .recovered(let position): (.notice, "our own head \(position) has come back from others")
        case .memberState(let node, let origin, let state):
            (state == .suspect || state == .dead ? .notice : .info, "node \(node.short) of operator \(origin.short) \(words(for: state))")
        case .commandRefused(let refusal): (.notice, "command refused: \(refusal)")
        case .limitReached(let limit): (.warning, "limit reached: \(limit)")
        case .quotaReached(let origin, let sightings, let byteCount):
            (
                .warning,
                "operator \(origin.short) has more than one operator may have here (\(sightings) sightings, \(byteCount) bytes): its new heads are not followed; hearsay peers quota raises that"
            )
        }
    }

    private static func words(for rule: PeerRule?) -> String {
        switch rule {
        case .pinned: "pinned: a session with it is kept"
        case .blocked: "blocked: no session with it, and what it has published is deleted here"
        case nil: "neither pinned nor blocked any more"
        }
    }

    private static func words(for state: FailureDetector.State) -> String {
        switch state {
        case .unseen: "has not been heard yet"
        case .alive: "answers"
        case .suspect: "does not answer: suspected"
        case .dead: "has not answered for too long: taken for dead, and tried now and then"
        case .left: "has left"
        }
    }

    static func words(for halt: Publisher.Halt) -> String {
        switch halt {
        case .noGeneration: "there is no generation whose key is here"
        case .newerHead(let position): "others hold our head \(position), which this disk does not know: a restored backup or a second machine"
        case .newerGeneration(let number): "generation \(number) was opened elsewhere with our identity key"
        case .equivocation: "there is evidence that two machines have signed in this generation"
        case .ended: "the feed has been ended"
        }
    }

    /// A display name is another operator's text: only plain letters, digits and marks reach a terminal or a log.
    public static func printable(_ name: String) -> String {
        String(String.UnicodeScalarView(name.unicodeScalars.map { $0.properties.isAlphabetic || (0x20..<0x7F).contains($0.value) ? $0 : "?" }))
    }
}
