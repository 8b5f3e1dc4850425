import Primitives
import Testing

@testable import Ledger

/// Every field of every statement is the one that the specification names at its place: reading and writing in the same wrong order would pass unseen.
@Suite struct StatementFieldTests {
    struct File: Decodable {
        struct Good: Decodable {
            let name: String
            let bytes: HexBytes
            let fields: [String: Text]
        }
        let good: [Good]
    }

    /// A field's value as text; `nil` for lists, which the address vectors cover.
    struct Text: Decodable {
        let text: String?
        init(from decoder: any Decoder) throws { text = try? decoder.singleValueContainer().decode(String.self) }
    }

    private func fields(of statement: UncheckedStatement) -> [String: String] {
        switch statement {
        case .membership(let signed):
            let body = signed.body
            return [
                "mesh": body.mesh.description, "member": body.member.description, "display_name": body.displayName, "sponsor": body.sponsor.description,
                "not_before": String(body.notBefore.milliseconds), "not_after": String(body.notAfter.milliseconds),
            ]
        case .revocation(let signed):
            let body = signed.body
            return [
                "mesh": body.mesh.description, "revoked": body.revoked.description, "revoker": body.revoker.description,
                "issued_at": String(body.issuedAt.milliseconds), "reason": String(body.reason.rawValue),
            ]
        case .generation(let signed):
            let body = signed.body
            return [
                "origin": body.origin.description, "generation": String(body.generation), "signing_key": body.signingKey.description,
                "not_before": String(body.notBefore.milliseconds), "not_after": String(body.notAfter.milliseconds),
                "parent_generation": String(body.parent.generation), "parent_sequence": String(body.parent.sequence),
                "parent_head_hash": body.parent.headHash.description, "reason": String(body.reason.rawValue),
            ]
        case .node(let signed):
            let body = signed.body
            return [
                "origin": body.origin.description, "serial": String(body.serial), "node": body.node.description,
                "transport_key": body.transportKey.description, "roles": String(body.roles.rawValue),
                "not_before": String(body.notBefore.milliseconds), "not_after": String(body.notAfter.milliseconds),
            ]
        case .peer(let signed):
            let body = signed.body
            return ["node": body.node.description, "incarnation": String(body.incarnation), "flags": String(body.flags.rawValue)]
        case .evidence(let unchecked): return ["origin": unchecked.certificate.body.origin.description]
        case .head(let signed):
            let body = signed.body
            return [
                "origin": body.origin.description, "generation": String(body.position.generation), "sequence": String(body.position.sequence),
                "issued_at": String(body.issuedAt.milliseconds), "lifetime": String(body.lifetimeSeconds), "manifest_root": body.manifestRoot.description,
                "entry_count": String(body.entryCount), "sighting_count": String(body.sightingCount), "data_bytes": String(body.dataByteCount),
                "history_root": body.historyRoot.description, "extensions": Hex.encode(body.extensions),
            ]
        }
    }

    @Test(arguments: StatementTests.Kind.allCases) func everyFieldIsWhereItBelongs(kind: StatementTests.Kind) throws {
        for vector in try vectors("statements/\(kind.rawValue).json", as: File.self).good {
            let statement = try UncheckedStatement(decoding: vector.bytes.bytes)
            #expect(fields(of: statement) == vector.fields.compactMapValues(\.text), "\(vector.name)")
        }
    }
}
