import Cryptography
import Ledger
@testable import Membership
import Primitives
import Testing
import WireFormat

/// What it costs to find out who stands where, in trees that somebody has grown to make it cost much.
@Suite struct SponsorTreeTests {
    /// Fifteen layers, everybody in them admitted by four of the layer above: above each of the lowest stand nearly all of the others.
    ///
    /// Each walk up through this tree takes milliseconds, and there is one for every head that comes.
    @Test func aTallTreeOfSybilsCostsLittle() {
        var random = SeededGenerator(seed: 21)
        let root = SigningKey(using: &random)
        let mesh = MeshID(root: root.verifyingKey)
        let now = Timestamp(milliseconds: 1_790_000_000_000)
        let width = 200
        var table = MemberTable(mesh: mesh)
        var above = [root]
        var all: [OriginID] = []
        for _ in 0..<15 {
            let layer = (0..<width).map { _ in SigningKey(using: &random) }
            for (place, key) in layer.enumerated() {
                for step in 0..<min(MemberTable.sponsorLimit, above.count) {
                    let sponsor = above[(place + step * 7) % above.count]
                    let certificate = MembershipCertificate(
                        mesh: mesh, member: OriginID(key.verifyingKey.raw), displayName: "sybil", sponsor: sponsor.verifyingKey, notBefore: now,
                        notAfter: now + .seconds(86_400))!
                    _ = table.admit(Signed.make(certificate, with: sponsor))
                }
            }
            above = layer
            all += layer.map { OriginID($0.verifyingKey.raw) }
        }

        var depths = 0
        for second in 0..<20 as Range<Int64> {
            for member in all {
                if case .member(let depth) = table.standing(of: member, at: now + .seconds(second)) { depths += depth }
            }
        }

        #expect(depths == 20 * width * (0..<15).reduce(0, +))
        #expect(table.places.keptCount <= all.count, "nobody was looked for twice")
    }
}
