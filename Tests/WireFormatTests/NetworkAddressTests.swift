import Primitives
import Testing
import WireFormat

@Suite struct NetworkAddressTests {
    private func encoded(_ address: NetworkAddress) -> [UInt8] {
        var writer = WireWriter()
        address.encode(into: &writer)
        return writer.bytes
    }

    private func decoded(_ bytes: [UInt8]) throws(WireError) -> NetworkAddress {
        var reader = WireReader(bytes)
        let address = try NetworkAddress(decoding: &reader)
        try reader.finish()
        return address
    }

    @Test(arguments: ["192.0.2.1:4480", "0.0.0.0:1", "255.255.255.255:65535/1", "[2001:db8:0:0:0:0:0:1]:4480", "node.example.org:443/80"])
    func anAddressComesBackFromTextAndWire(text: String) throws {
        let address = try #require(NetworkAddress(text))
        #expect(address.description == text)
        #expect(try decoded(encoded(address)) == address)
        for count in encoded(address).indices {
            #expect(throws: WireError.self) { try decoded(Array(encoded(address).prefix(count))) }
        }
        #expect(throws: WireError.trailing(count: 1)) { try decoded(encoded(address) + [0]) }
    }

    @Test(arguments: [
        ("[::]:1", "[0:0:0:0:0:0:0:0]:1"), ("[::1]:1", "[0:0:0:0:0:0:0:1]:1"), ("[fe80::]:1", "[fe80:0:0:0:0:0:0:0]:1"),
        ("[2001:DB8::a:b]:1/1", "[2001:db8:0:0:0:0:a:b]:1"),
        ("localhost:80", "127.0.0.1:80"), ("[1:2:3:4:5:6:7::]:1", "[1:2:3:4:5:6:7:0]:1"),
    ])
    func otherSpellingsAreUnderstood(text: String, normal: String) { #expect(NetworkAddress(text)?.description == normal) }

    @Test(arguments: [
        "", ":", "192.0.2.1", "192.0.2.1:", "192.0.2.1:0", "192.0.2.1:65536", "192.0.2.1:+80", "192.0.2.1:-1", "192.0.2.1:1/", "192.0.2.1:1/2/3",
        "192.0.2.1:1/0",
        "192.0.2:1", "192.0.2.256:1", "192.0.2.01:1", "192.0.2.1.1:1", "1 92.0.2.1:1", "::1:80", "[::1:80", "[]:80", "[:::]:1", "[1::2::3]:1",
        "[1:2:3:4:5:6:7]:1",
        "[1:2:3:4:5:6:7:8:9]:1", "[1:2:3:4:5:6:7:8::]:1", "[12345::]:1", "[-0::]:1", "[+1::]:1", "[g::]:1", "host:1", "Example.org:1", "a_b.c:1", "١.1.1.1:1",
    ])
    func whatIsNoAddressIsRefused(text: String) { #expect(NetworkAddress(text) == nil) }

    @Test func portsAndGroupsAreChecked() {
        #expect(NetworkAddress(host: .ipv4(1), tcpPort: 0, udpPort: 1) == nil)
        #expect(NetworkAddress(host: .ipv4(1), tcpPort: 1, udpPort: 0) == nil)
        #expect(NetworkAddress(host: .ipv6([1, 2, 3]), tcpPort: 1, udpPort: 1) == nil)
    }

    @Test func aResolverGetsAHostWithoutBrackets() {
        #expect(NetworkAddress("[::1]:1")?.host.resolvable == "0:0:0:0:0:0:0:1")
        #expect(NetworkAddress("192.0.2.1:1")?.host.resolvable == "192.0.2.1")
    }
}
