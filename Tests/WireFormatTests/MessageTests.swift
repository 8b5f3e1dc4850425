import Primitives
import Testing
import WireFormat

/// The bodies of frames and datagrams: `Protocol/replication.md`.
@Suite struct MessageTests {
    /// One of every message: its name, its bytes, and how it is read and written again.
    struct Example: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let bytes: [UInt8]
        let again: @Sendable ([UInt8]) throws -> [UInt8]

        init(_ name: String, _ bytes: [UInt8], again: @escaping @Sendable ([UInt8]) throws -> [UInt8]) {
            testDescription = name
            self.bytes = bytes
            self.again = again
        }
    }

    static let statements: [[UInt8]] = [[1], [], [2, 3, 4]]
    static let someone = NodeID(bytes: (0..<32).map { UInt8($0) })!
    static let names = [HeadName(origin: 1, generation: 2, sequence: 3), HeadName(origin: .max, generation: .max, sequence: .max)]
    static let ping = Ping(number: 7, logID: .max, upTo: 9)
    static let examples: [Example] = [
        Example("hello", Hello(statements: statements).encoded()) { try Hello(decoding: $0).encoded() },
        Example("statements request", StatementsRequest(logID: 5, after: .max).encoded()) { try StatementsRequest(decoding: $0).encoded() },
        Example("statements", StatementsAnswer(logID: 1, upTo: 2, hasMore: true, statements: statements).encoded()) {
            try StatementsAnswer(decoding: $0).encoded()
        },
        Example("comparison", StatementsComparison(logID: 5, after: .max, digests: [1, .max, 0, 7]).encoded()) {
            try StatementsComparison(decoding: $0).encoded()
        },
        Example(
            "difference", StatementsDifference(logID: 1, upTo: 2, hasMore: true, isEqual: [true, false, false, true], statements: statements).encoded()
        ) { try StatementsDifference(decoding: $0).encoded() },
        Example("join request", JoinRequest(displayName: Array("Alice".utf8), statements: [[1], [2]]).encoded()) { try JoinRequest(decoding: $0).encoded() },
        Example("join answer", JoinAnswer(statements: statements).encoded()) { try JoinAnswer(decoding: $0).encoded() },
        Example("content request", ContentRequest(origin: OriginID(.zero), root: .zero).encoded()) { try ContentRequest(decoding: $0).encoded() },
        Example("refusal", Refusal.busy.encoded()) { try Refusal(decoding: $0).encoded() },
        Example("ping", ping.encoded()) { try Ping(decoding: $0).encoded() },
        Example("ping datagram", DatagramMessage.ping(ping).encoded()) { try DatagramMessage(decoding: $0).encoded() },
        Example("ack datagram", DatagramMessage.ack(ping).encoded()) { try DatagramMessage(decoding: $0).encoded() },
        Example("heads datagram", DatagramMessage.heads(statements).encoded()) { try DatagramMessage(decoding: $0).encoded() },
        Example("probe request", DatagramMessage.probeRequest(ProbeRequest(number: 1, target: someone, nonce: someone.raw)).encoded()) {
            try DatagramMessage(decoding: $0).encoded()
        },
        Example("challenge", DatagramMessage.challenge(Challenge(number: .max, asker: someone, nonce: someone.raw)).encoded()) {
            try DatagramMessage(decoding: $0).encoded()
        },
        Example("voucher", DatagramMessage.voucher(Voucher(number: 9, signature: [UInt8](repeating: 3, count: 64))).encoded()) {
            try DatagramMessage(decoding: $0).encoded()
        },
        Example("no voucher", DatagramMessage.noVoucher(9).encoded()) { try DatagramMessage(decoding: $0).encoded() },
        Example("announcement", DatagramMessage.announcement(names).encoded()) { try DatagramMessage(decoding: $0).encoded() },
        Example("wanted", DatagramMessage.wanted(names).encoded()) { try DatagramMessage(decoding: $0).encoded() },
        Example("suspicion", DatagramMessage.suspicion(Suspicion(node: someone, incarnation: .max)).encoded()) { try DatagramMessage(decoding: $0).encoded() },
    ]

    @Test(arguments: examples) func aMessageComesBack(example: Example) throws {
        #expect(try example.again(example.bytes) == example.bytes)
    }

    @Test(arguments: examples) func everyPrefixIsTruncated(example: Example) {
        for count in example.bytes.indices {
            let error = #expect(throws: WireError.self) { try example.again(Array(example.bytes.prefix(count))) }
            if case .truncated? = error { continue }
            Issue.record("\(count) bytes: \(String(describing: error))")
        }
    }

    @Test(arguments: examples) func aByteMoreIsRefused(example: Example) {
        #expect(throws: WireError.trailing(count: 1)) { try example.again(example.bytes + [0]) }
    }

    /// Whatever is read is written again as the same bytes; nothing traps.
    @Test(arguments: examples, [1, 2, 3] as [UInt64]) func noiseComesBackOrIsRefused(example: Example, seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<2_000 {
            var bytes = example.bytes
            for _ in 0...random.number(below: 4) { bytes[Int(random.number(below: UInt64(bytes.count)))] = UInt8(truncatingIfNeeded: random.next()) }
            bytes = Array((bytes + random.bytes(count: 4)).prefix(Int(random.number(below: UInt64(bytes.count + 5)))))
            if let again = try? example.again(bytes) { #expect(again == bytes, "seed \(seed)") }
        }
    }

    @Test func countsOverTheirLimitsAreRefused() {
        #expect(throws: WireError.overLimit(.count, value: 25, limit: 24)) { try Hello(decoding: [0, 25] + [UInt8](repeating: 0, count: 50)) }
        #expect(throws: WireError.overLimit(.count, value: 25, limit: 24)) { try JoinAnswer(decoding: [0, 25] + [UInt8](repeating: 0, count: 50)) }
        #expect(throws: WireError.overLimit(.count, value: 3, limit: 2)) { try JoinRequest(decoding: [0, 0, 3, 0, 0, 0, 0, 0, 0]) }
        #expect(throws: WireError.overLimit(.name, value: 65, limit: 64)) { try JoinRequest(decoding: [65] + [UInt8](repeating: 97, count: 70)) }
        #expect(throws: WireError.overLimit(.count, value: 6, limit: 5)) { try DatagramMessage(decoding: [3, 6] + [UInt8](repeating: 0, count: 12)) }
        #expect(throws: WireError.overLimit(.statement, value: 4_097, limit: 4_096)) {
            try Hello(decoding: [0, 1, 0x10, 0x01] + [UInt8](repeating: 0, count: 4_097))
        }
        let answer = [UInt8](repeating: 0, count: 17) + [4, 1] + [UInt8](repeating: 0, count: 2_050)
        #expect(throws: WireError.overLimit(.count, value: 1_025, limit: 1_024)) { try StatementsAnswer(decoding: answer) }
    }

    @Test func namesAreCutIntoDatagramsThatFit() throws {
        let names = (0..<200 as Range<UInt64>).map { HeadName(origin: $0, generation: 1, sequence: $0) }
        let messages = HeadName.messages(of: names, DatagramMessage.wanted)
        var found: [HeadName] = []
        for message in messages {
            #expect(message.encoded().count <= SealedDatagram.maximumPlaintextByteCount)
            if case .wanted(let some) = message { found += some }
        }
        #expect(found == names && messages.count == 4 && HeadName.limit == 58)
        #expect(throws: WireError.overLimit(.count, value: 59, limit: 58)) { try DatagramMessage(decoding: [10, 59] + [UInt8](repeating: 0, count: 1_180)) }
        #expect(HeadName.messages(of: [], DatagramMessage.announcement).isEmpty)
    }

    @Test func numbersWithoutMeaningAreRefused() {
        #expect(throws: WireError.invalid(.reason)) { try Refusal(decoding: [0]) }
        #expect(throws: WireError.invalid(.reason)) { try Refusal(decoding: [200]) }
        #expect(throws: WireError.invalid(.datagramType)) { try DatagramMessage(decoding: [12]) }
        #expect(throws: WireError.invalid(.flags)) { try StatementsAnswer(decoding: [UInt8](repeating: 0, count: 16) + [2, 0, 0]) }
    }

    /// Every head once, in order, and every message within one datagram.
    @Test(arguments: [1, 2, 3] as [UInt64]) func headsAreCutIntoDatagramsThatFit(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let heads = (0..<200).map { _ in random.bytes(count: 210 + Int(random.number(below: 257))) }
        var found: [[UInt8]] = []
        for message in DatagramMessage.messages(of: heads) {
            #expect(message.encoded().count <= SealedDatagram.maximumPlaintextByteCount, "seed \(seed)")
            guard case .heads(let some) = message else {
                Issue.record("heads became another message")
                continue
            }
            #expect((1...DatagramMessage.headLimit).contains(some.count), "seed \(seed)")
            found += some
        }
        #expect(found == heads, "seed \(seed)")
    }

    @Test func aHeadTooLongForADatagramIsLeftOut() {
        let fits = [UInt8](repeating: 1, count: SealedDatagram.maximumPlaintextByteCount - 4)
        #expect(DatagramMessage.messages(of: [fits + [1]]).isEmpty)
        #expect(DatagramMessage.messages(of: [fits]) == [.heads([fits])])
    }

    /// Nobody can make a node send more bytes than they have sent themselves: `Protocol/liveness.md` §3.
    @Test func aVoucherIsAsLongAsWhatItAnswers() {
        let request = DatagramMessage.probeRequest(ProbeRequest(number: 1, target: Self.someone, nonce: Self.someone.raw)).encoded()
        let challenge = DatagramMessage.challenge(Challenge(number: 1, asker: Self.someone, nonce: Self.someone.raw)).encoded()
        let voucher = DatagramMessage.voucher(Voucher(number: 1, signature: [UInt8](repeating: 0, count: 64))).encoded()

        #expect(request.count == 69 && challenge.count == 69 && voucher.count == 69)
        #expect(DatagramMessage.noVoucher(1).encoded().count == 5)
    }
}
