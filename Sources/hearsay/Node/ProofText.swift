import Foundation
import Ledger
import NodeRuntime
import Primitives

/// What a bundle proves, in words and as JSON.
enum ProofText {
    /// What no bundle can prove; said with every one.
    static let notProven = [
        "that it is true: an operator can sign what it has never seen",
        "that it still stands: the operator may have taken it back since, or its signing key may have been declared stolen; the file proves it all the same",
        "that the operator is a member of its mesh today: it may have been revoked",
        "anything about other sightings: neither that they are there nor that they are not",
    ]

    static func lines(_ bundle: ProofBundle, meshIsRequired: Bool) -> [String] {
        var lines: [String] = []
        for testimony in bundle.testimonies {
            let head = testimony.head.body
            lines.append("operator \(testimony.origin)")
            lines.append("  " + membershipLine(testimony.membership, isRequired: meshIsRequired))
            lines.append("  with a signing key certified from \(time(testimony.certificate.body.notBefore)) to \(time(testimony.certificate.body.notAfter))")
            lines.append("  has signed, in head \(head.position) issued at \(time(head.issuedAt)):")
            lines += testimony.sightings.map { "    " + words(for: $0) }
        }
        lines.append(
            "proven: \(AnswerWords.counted(bundle.sightingCount, "sighting")) of \(AnswerWords.counted(bundle.testimonies.count, "operator")), "
                + "every signature and path checked"
        )
        lines.append("not proven:")
        return lines + notProven.map { "  - " + $0 }
    }

    private static func membershipLine(_ membership: ProofBundle.Membership?, isRequired: Bool) -> String {
        guard let membership else { return "no membership is shown: who that is, is for you to know" }
        let span = "certified from \(time(membership.notBefore)) to \(time(membership.notAfter))"
        let name = "calls itself \"\(EventLog.printable(membership.displayName))\""
        return isRequired
            ? "\(name), a member of the mesh, \(span)"
            : "\(name), a member of the mesh with the id \(membership.mesh), \(span); give --mesh ROOTKEY to require one"
    }

    private static func words(for sighting: ProofBundle.Sighting) -> String {
        let day = sighting.daySpan == 1 ? "on \(sighting.day)" : "in the \(sighting.daySpan) days from \(sighting.day)"
        let start = "stream \(sighting.stream), \(day): "
        switch sighting.meaning {
        case .typist(let typist):
            return start
                + "the code \(PublishedCode.text(typist.simHash)) in \(AnswerWords.counted(Int(typist.sessions), "session")), strength \(typist.strength)"
        case .target(let target):
            return start + "the domain \(target.domain) by \(AnswerWords.counted(Int(target.attackers), "attacker")), reported count \(target.count)"
        case nil: return start + "key \(Hex.encode(sighting.record.key)), value \(Hex.encode(sighting.record.value)) (a stream this program does not know)"
        }
    }

    private static func time(_ timestamp: Timestamp) -> String {
        let second = timestamp.milliseconds / 1_000 % 86_400
        func two(_ number: UInt64) -> String { (number < 10 ? "0" : "") + "\(number)" }
        return "\(min(timestamp.day, .last)) \(two(second / 3_600)):\(two(second / 60 % 60)):\(two(second % 60)) UTC"
    }
}

extension ProofText {
    private struct Document: Encodable {
        struct Member: Encodable {
            let mesh: String
            let name: String
            let not_before_ms: UInt64
            let not_after_ms: UInt64
            let sponsors: Int
        }
        struct Sighting: Encodable {
            let kind: UInt16
            let schema_version: UInt16
            let day: String
            let day_span: UInt8
            let key: String
            let value: String
            var code: String?
            var sessions: UInt16?
            var strength: UInt8?
            var domain: String?
            var reported_count: UInt32?
            var attackers: UInt16?
        }
        struct Operator: Encodable {
            let `operator`: String
            let member: Member?
            let generation: UInt32
            let sequence: UInt64
            let issued_at_ms: UInt64
            let key_not_before_ms: UInt64
            let key_not_after_ms: UInt64
            let sightings: [Sighting]
        }
        let verified: Bool
        let mesh_required: Bool
        let operators: [Operator]
        let not_proven: [String]
    }

    static func document(_ bundle: ProofBundle, meshIsRequired: Bool) throws -> String {
        let operators = bundle.testimonies.map { testimony in
            let head = testimony.head.body
            return Document.Operator(
                operator: "\(testimony.origin)",
                member: testimony.membership.map {
                    Document.Member(
                        mesh: "\($0.mesh)", name: $0.displayName, not_before_ms: $0.notBefore.milliseconds, not_after_ms: $0.notAfter.milliseconds,
                        sponsors: $0.sponsorCount)
                },
                generation: head.position.generation, sequence: head.position.sequence, issued_at_ms: head.issuedAt.milliseconds,
                key_not_before_ms: testimony.certificate.body.notBefore.milliseconds, key_not_after_ms: testimony.certificate.body.notAfter.milliseconds,
                sightings: testimony.sightings.map(sighting))
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let document = Document(verified: true, mesh_required: meshIsRequired, operators: operators, not_proven: notProven)
        return String(decoding: try encoder.encode(document), as: UTF8.self)
    }

    private static func sighting(_ sighting: ProofBundle.Sighting) -> Document.Sighting {
        var result = Document.Sighting(
            kind: sighting.stream.kind, schema_version: sighting.stream.schemaVersion, day: "\(sighting.day)", day_span: sighting.daySpan,
            key: Hex.encode(sighting.record.key), value: Hex.encode(sighting.record.value))
        switch sighting.meaning {
        case .typist(let typist):
            result.code = PublishedCode.text(typist.simHash)
            result.sessions = typist.sessions
            result.strength = typist.strength
        case .target(let target):
            result.domain = target.domain.text
            result.reported_count = target.count
            result.attackers = target.attackers
        case nil: break
        }
        return result
    }
}

extension ProofBundle.Sighting {
    fileprivate enum Meaning {
        case typist(SessionSimHashSighting)
        case target(SmtpTargetSighting)
    }

    /// `nil` for streams that this program does not know, and for what breaks the rules of its kind.
    fileprivate var meaning: Meaning? {
        switch stream {
        case .sessionSimHash1, .sessionSimHash2: SessionSimHashSighting(day: day, record: record).map { .typist($0) }
        case .smtpTarget1: SmtpTargetSighting(day: day, record: record).map { .target($0) }
        default: nil
        }
    }
}
