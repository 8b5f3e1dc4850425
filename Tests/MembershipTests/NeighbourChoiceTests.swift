import Membership
import Primitives
import Testing
import WireFormat

/// `Protocol/liveness.md` §6: nobody who runs many nodes becomes all our neighbours.
@Suite struct NeighbourChoiceTests {
    static func origin(_ number: Int) -> OriginID { OriginID(bytes: [UInt8](repeating: UInt8(number), count: 32))! }

    static func candidate(_ number: Int, at address: String, below branch: [Int] = []) -> NeighbourChoice.Candidate {
        .init(
            node: nil, key: TransportKey(bytes: [UInt8](repeating: UInt8(number), count: 32))!, addresses: [NetworkAddress(address)!],
            branch: ([number] + branch).map(origin))
    }

    static func chosen(_ room: Int, of candidates: [NeighbourChoice.Candidate], neighbours: [NeighbourChoice.Candidate] = [], above: [Int] = [99])
        -> [TransportKey]
    {
        var choice = NeighbourChoice(neighbours: neighbours, ownBranch: above.map(origin))
        return choice.choose(room, of: candidates).map(\.key)
    }

    @Test(arguments: ["203.0.113.9:7946", "[2001:db8:5::1]:7946", "a.example.org:7946", "[::ffff:203.0.1.1]:7946"])
    func oneNetworkGivesAtMostTwoWhileThereAreOthers(address: String) throws {
        guard NetworkAddress(address) != nil else { return }  // A form that this node does not read from text.
        let same = (1...20).map { Self.candidate($0, at: address) }
        let others = (30...31).map { Self.candidate($0, at: "198.\($0).0.1:7946") }

        let keys = Self.chosen(4, of: same + others)

        #expect(keys == [same[0].key, same[1].key, others[0].key, others[1].key])
    }

    @Test func aNeighbourWeHaveCounts() {
        let same = (1...4).map { Self.candidate($0, at: "203.0.113.\($0):7946") }
        let other = Self.candidate(9, at: "198.51.100.1:7946")

        #expect(Self.chosen(1, of: [same[2], other], neighbours: [same[0], same[1]]) == [other.key])
    }

    @Test(arguments: ["127.0.0.1:7946", "10.1.2.3:7946", "192.168.7.7:7946", "172.20.0.1:7946"])
    func laboratoriesAreExempt(address: String) {
        let same = (1...8).map { Self.candidate($0, at: address) }
        let other = Self.candidate(30, at: "198.51.100.1:7946")

        #expect(Self.chosen(8, of: same + [other]) == same.map(\.key))
    }

    /// Somebody who admits a hundred others, and lets those admit more, gets two places.
    @Test func oneBranchOfTheSponsorTreeGivesAtMostTwo() {
        let sybils = (1...10).map { Self.candidate($0, at: "198.\($0).0.1:7946", below: $0 % 2 == 0 ? [50] : [60 + $0, 50]) }
        let others = (30...32).map { Self.candidate($0, at: "203.\($0).0.1:7946", below: [$0 + 40]) }

        #expect(Self.chosen(5, of: sybils + others) == [sybils[0].key, sybils[1].key] + others.map(\.key))
    }

    /// Whoever stands above us stands above most of a small mesh: its branch is the mesh.
    @Test func thoseAboveUsAreNotABranch() {
        let siblings = (1...6).map { Self.candidate($0, at: "198.\($0).0.1:7946", below: [50]) }
        let other = Self.candidate(30, at: "203.0.113.1:7946")

        #expect(Self.chosen(6, of: siblings + [other], above: [99, 50]) == siblings.map(\.key))
    }

    @Test func theCapsBendBeforeAPlaceStaysEmpty() {
        let same = (1...6).map { Self.candidate($0, at: "203.0.113.\($0):7946") }

        #expect(Self.chosen(5, of: same) == same.prefix(5).map(\.key))
    }

    /// Whoever is over both caps comes after all who are over one of them.
    @Test func aCrowdOfOneNetworkAndOneBranchGainsLeast() {
        let crowd = (1...6).map { Self.candidate($0, at: "203.0.113.\($0):7946", below: [50]) }
        let branch = (10...13).map { Self.candidate($0, at: "198.\($0).0.1:7946", below: [51]) }

        #expect(Self.chosen(5, of: crowd + branch) == (crowd.prefix(2) + branch.prefix(3)).map(\.key))
    }
}
