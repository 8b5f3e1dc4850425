import Cryptography
import Noise
import Primitives
import Testing

@Suite struct SecureChannelTests {
    /// What one side does with received bytes, in a form that can be compared.
    private struct Side {
        var channel: SecureChannel
        var random: FixedGenerator
        let secret: PreSharedKey?
        var written: [UInt8] = []
        var plaintext: [UInt8] = []
        var established: SecureChannel.Established?
        var asked: InviteID?

        mutating func receive(_ bytes: [UInt8]) throws { try take(try channel.receive(bytes, using: &random)) }

        private mutating func take(_ events: [SecureChannel.Event]) throws {
            for event in events {
                switch event {
                case .write(let bytes): written += bytes
                case .plaintext(let bytes): plaintext += bytes
                case .established(let now): established = now
                case .inviteNeeded(let id):
                    asked = id
                    try take(try channel.provide(try #require(secret), using: &random))
                }
            }
        }
    }

    private func pair(_ own: OwnHandshake) -> (initiator: Side, responder: Side) {
        let (initiator, responder) = own.channels()
        let vector = own.vector
        return (
            Side(channel: initiator, random: FixedGenerator(vector.initiatorEphemeral), secret: nil),
            Side(channel: responder, random: FixedGenerator(vector.responderEphemeral), secret: vector.preSharedKey)
        )
    }

    private func established(_ own: OwnHandshake) throws -> (initiator: Side, responder: Side) {
        var (initiator, responder) = pair(own)
        try responder.receive(try initiator.channel.start(using: &initiator.random))
        try initiator.receive(responder.written)
        try responder.receive(initiator.written)
        return (initiator, responder)
    }

    @Test(arguments: try OwnHandshake.all()) func streamsAreAsElsewhereInWhateverPieces(_ own: OwnHandshake) throws {
        for pieceByteCount in [1, 2, 7, 1_000] {
            var (initiator, responder) = pair(own)
            let start = try initiator.channel.start(using: &initiator.random)
            func deliver(_ bytes: [UInt8], to side: inout Side) throws {
                for offset in stride(from: 0, to: bytes.count, by: pieceByteCount) {
                    try side.receive(Array(bytes[offset..<min(bytes.count, offset + pieceByteCount)]))
                    #expect(side.channel.isEstablished || side.channel.pendingByteCount <= 66)
                }
            }

            try deliver(start, to: &responder)
            try deliver(responder.written, to: &initiator)
            try deliver(initiator.written, to: &responder)

            #expect(start + initiator.written == bytes(own.stream_of_initiator))
            #expect(responder.written == bytes(own.stream_of_responder))
            #expect(responder.asked == own.inviteID)
            let (here, there) = (try #require(initiator.established), try #require(responder.established))
            #expect(here.handshakeHash == bytes(own.handshake_hash) && there.handshakeHash == bytes(own.handshake_hash))
            #expect(here.remoteKey.bytes == bytes(own.responder_public) && there.remoteKey.bytes == bytes(own.initiator_public))
            #expect(there.inviteID == own.inviteID)
            for message in own.transport {
                let sealed = bytes(message.message)
                let framed = [UInt8(sealed.count >> 8), UInt8(sealed.count & 0xFF)] + sealed
                if message.from == "initiator" {
                    #expect(try initiator.channel.send(bytes(message.plaintext)) == framed)
                    try deliver(framed, to: &responder)
                } else {
                    #expect(try responder.channel.send(bytes(message.plaintext)) == framed)
                }
            }
            #expect(responder.plaintext == own.transport.filter { $0.from == "initiator" }.flatMap { bytes($0.plaintext) })
        }
    }

    struct RefusedStream: Decodable, Sendable, CustomTestStringConvertible {
        let name, bytes, fault: String
        var testDescription: String { name }

        static func all() throws -> [RefusedStream] {
            struct File: Decodable { let streams: [RefusedStream] }
            return try (Vectors.load("noise/refused.json") as File).streams
        }
    }

    @Test(arguments: try RefusedStream.all()) func badBeginningsAreRefusedBeforeAnythingIsKeptOrComputed(_ refused: RefusedStream) throws {
        var (_, responder) = pair(try #require(try OwnHandshake.all().first))
        responder.random = FixedGenerator([])

        let error = #expect(throws: NoiseError.self) { try responder.receive(bytes(refused.bytes)) }

        let fault =
            switch error {
            case .unknownPattern: "pattern"
            case .messageLength: "length"
            default: "\(error as Any)"
            }
        #expect(fault == refused.fault)
        #expect(responder.written.isEmpty)
        #expect(throws: NoiseError.outOfTurn) { try responder.receive([1]) }
    }

    @Test(arguments: try OwnHandshake.all()) func aStrangersBitFlipsDrawNoByte(_ own: OwnHandshake) throws {
        let firstMessage = 3 + bytes(own.messages[0]).count
        let stream = bytes(own.stream_of_initiator).prefix(firstMessage)
        for place in stream.indices {
            var (_, responder) = pair(own)
            var flipped = Array(stream)
            flipped[place] ^= 1 << UInt8(place % 8)
            _ = try? responder.receive(flipped)
            #expect(responder.written.isEmpty && responder.asked == nil, "byte \(place)")
        }
    }

    @Test func nobodyTalksOutOfTurn() throws {
        var random = SeededGenerator(seed: 1)
        let own = try #require(try OwnHandshake.all().first { $0.pattern == "xkpsk3" })
        var (initiator, responder) = own.channels()

        #expect(throws: NoiseError.outOfTurn) { try responder.start(using: &random) }
        #expect(throws: NoiseError.outOfTurn) { try initiator.send([1]) }
        #expect(throws: NoiseError.outOfTurn) { try responder.provide(own.vector.preSharedKey!, using: &random) }
        let start = try initiator.start(using: &random)
        #expect(throws: NoiseError.outOfTurn) { try initiator.start(using: &random) }
        _ = try responder.receive(start, using: &random)
        #expect(throws: NoiseError.unexpectedBytes(count: 1)) { try responder.receive([1], using: &random) }
        #expect(throws: NoiseError.outOfTurn) { try responder.provide(own.vector.preSharedKey!, using: &random) }

        var (_, refusing) = own.channels()
        _ = try refusing.receive(start, using: &random)
        refusing.refuse()
        #expect(throws: NoiseError.outOfTurn) { try refusing.provide(own.vector.preSharedKey!, using: &random) }
        var (early, _) = own.channels()
        #expect(throws: NoiseError.unexpectedBytes(count: 2)) { try early.receive([1, 2], using: &random) }
    }

    @Test(arguments: [1, 65_519, 65_520, 200_000]) func longPlaintextTakesSeveralMessages(byteCount: Int) throws {
        var (initiator, responder) = try established(try #require(try OwnHandshake.all().first))
        let plaintext = (0..<byteCount).map { UInt8(truncatingIfNeeded: $0 &* 31) }

        let stream = try initiator.channel.send(plaintext)
        try responder.receive(stream)

        #expect(responder.plaintext == plaintext)
        #expect(stream.count == byteCount + (byteCount + 65_518) / 65_519 * 18)
        #expect(try initiator.channel.send([]) == [])
    }

    @Test func tamperedRepeatedAndReorderedMessagesEndTheChannel() throws {
        let own = try #require(try OwnHandshake.all().first)
        var (initiator, fresh) = try established(own)
        let first = try initiator.channel.send([1])
        let second = try initiator.channel.send([2])

        for place in 2..<first.count {
            var responder = fresh
            var flipped = first
            flipped[place] ^= 0x80
            #expect(throws: NoiseError.authenticationFailed) { try responder.receive(flipped) }
            #expect(throws: NoiseError.outOfTurn) { try responder.receive(first) }
        }
        for stream in [second, first + first] {
            var responder = fresh
            #expect(throws: NoiseError.authenticationFailed) { try responder.receive(stream) }
        }
        var responder = fresh
        #expect(throws: NoiseError.messageLength(found: 16, allowed: 17...65_535)) { try responder.receive([0, 16] + [UInt8](repeating: 0, count: 16)) }
        try fresh.receive(first + second)
        #expect(fresh.plaintext == [1, 2])
    }

    @Test(arguments: try OwnHandshake.all()) func aCutStreamSaysNothingMore(_ own: OwnHandshake) throws {
        var (initiator, _) = pair(own)
        let start = try initiator.channel.start(using: &initiator.random)
        for count in 0..<start.count {
            var (_, responder) = pair(own)
            try responder.receive(Array(start.prefix(count)))
            #expect(responder.written.isEmpty && !responder.channel.isEstablished)
        }
    }
}
