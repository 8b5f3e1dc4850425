import Cryptography
import Noise
import Primitives
import Testing

@Suite struct HandshakeTests {
    @Test(arguments: try HandshakeVector.all()) func handshakesAreAsElsewhere(_ vector: HandshakeVector) throws {
        var random = FixedGenerator([])
        var initiator = vector.initiator()
        var responder = vector.responder()

        for (index, message) in vector.messages.enumerated() {
            if index == 1 {
                #expect(try responder.write(message.payload, using: &random) == message.bytes)
                #expect(try initiator.read(message.bytes) == message.payload)
            } else {
                #expect(try initiator.write(message.payload, using: &random) == message.bytes)
                #expect(try responder.read(message.bytes) == message.payload)
            }
        }
        var here = try initiator.finish()
        var there = try responder.finish()

        #expect(here.handshakeHash == vector.handshakeHash && there.handshakeHash == vector.handshakeHash)
        #expect(here.remoteKey == vector.key(vector.responderStatic).publicKey)
        #expect(there.remoteKey == vector.key(vector.initiatorStatic).publicKey)
        for (sender, message) in vector.transport {
            if sender == .initiator {
                #expect(try here.outgoing.seal(message.payload) == message.bytes)
                #expect(try there.incoming.open(message.bytes) == message.payload)
            } else {
                #expect(try there.outgoing.seal(message.payload) == message.bytes)
                #expect(try here.incoming.open(message.bytes) == message.payload)
            }
        }
    }

    @Test(arguments: try OwnHandshake.all()) func datagramKeysAreAsElsewhere(_ own: OwnHandshake) throws {
        let (here, there) = try sessions(of: own.vector)

        for datagram in own.datagrams {
            let (sending, receiving) = datagram.from == "initiator" ? (here, there) : (there, here)
            let id = try #require(UInt64(datagram.session, radix: 16))
            let counter = try #require(UInt64(datagram.counter, radix: 16))
            var sender = DatagramSession(keys: sending.datagramKeys, incomingID: 1, outgoingID: id, counter: counter)
            var receiver = DatagramSession(keys: receiving.datagramKeys, incomingID: id, outgoingID: 1)

            #expect(try sender.seal(bytes(datagram.plaintext)) == bytes(datagram.datagram))
            #expect(try receiver.open(bytes(datagram.datagram)) == bytes(datagram.plaintext))
        }
    }

    struct Refused: Decodable, Sendable, CustomTestStringConvertible {
        let name, handshake, bytes, fault: String
        let message: Int
        var testDescription: String { name }

        static func all() throws -> [Refused] {
            struct File: Decodable { let messages: [Refused] }
            return try (Vectors.load("noise/refused.json") as File).messages
        }
    }

    @Test(arguments: try Refused.all()) func faultyMessagesAreRefused(_ refused: Refused) throws {
        let vector = try #require(try OwnHandshake.all().first { $0.name == refused.handshake }).vector
        var reader = try before(refused.message, of: vector)

        let error = #expect(throws: NoiseError.self) { try reader.read(bytes(refused.bytes)) }

        let fault =
            switch error {
            case .authenticationFailed: "authentication"
            case .weakKey: "weak-key"
            case .messageLength: "length"
            default: "\(error as Any)"
            }
        #expect(fault == refused.fault)
        #expect(throws: NoiseError.outOfTurn) { try reader.read(vector.messages[refused.message].bytes) }  // Dead after one fault.
    }

    @Test(arguments: try OwnHandshake.all()) func everyPrefixAndEveryFlippedBitOfEveryMessageIsRefused(_ own: OwnHandshake) throws {
        let vector = own.vector
        for index in vector.messages.indices {
            let fresh = try before(index, of: vector)
            let message = vector.messages[index].bytes
            for count in 0..<message.count {
                var reader = fresh
                #expect(throws: NoiseError.self) { try reader.read(Array(message.prefix(count))) }
            }
            for place in message.indices {
                var reader = fresh
                var flipped = message
                flipped[place] ^= 1 << UInt8(place % 8)  // Of a key also the top bit, which is no part of it (RFC 7748, §5) but is hashed.
                #expect(throws: NoiseError.self) { try reader.read(flipped) }
            }
            var reader = fresh
            #expect(throws: NoiseError.authenticationFailed) { try reader.read(message + [0]) }
            var intact = fresh
            #expect(try intact.read(message) == vector.messages[index].payload)
        }
    }

    @Test func stepsOutOfTurnAreRefused() throws {
        var random = SeededGenerator(seed: 1)
        let vector = try #require(try OwnHandshake.all().first { $0.pattern == "xk" }).vector
        var initiator = vector.initiator()
        var responder = vector.responder()

        #expect(initiator.isWriting && !responder.isWriting)
        #expect(throws: NoiseError.outOfTurn) { try initiator.read(vector.messages[1].bytes) }
        #expect(throws: NoiseError.outOfTurn) { try responder.write(using: &random) }
        #expect(throws: NoiseError.outOfTurn) { _ = try initiator.finish() }
        _ = try responder.read(try initiator.write(using: &random))  // None of these has done harm.
        #expect(throws: NoiseError.outOfTurn) { try initiator.write(using: &random) }
        _ = try initiator.read(try responder.write(using: &random))
        _ = try responder.read(try initiator.write(using: &random))
        #expect(initiator.isComplete && responder.isComplete && !initiator.isWriting)
        #expect(throws: NoiseError.outOfTurn) { try initiator.read(vector.messages[1].bytes) }
        _ = try initiator.finish()
        #expect(throws: NoiseError.outOfTurn) { _ = try initiator.finish() }
    }

    @Test func aMissingSecretIsSaidAndTooLongAPayloadIsNotWritten() throws {
        var random = SeededGenerator(seed: 1)
        let vector = try #require(try OwnHandshake.all().first { $0.pattern == "xkpsk3" }).vector
        var initiator = Handshake.initiator(
            .xkWithSecret, prologue: [], staticKey: vector.key(vector.initiatorStatic), remoteKey: vector.key(vector.responderStatic).publicKey)
        var responder = Handshake.responder(.xkWithSecret, prologue: [], staticKey: vector.key(vector.responderStatic))

        #expect(throws: NoiseError.plaintextTooLong(byteCount: 65_488, limit: 65_487)) {
            try initiator.write([UInt8](repeating: 0, count: 65_488), using: &random)
        }
        _ = try responder.read(try initiator.write([UInt8](repeating: 0, count: 65_487), using: &random))
        _ = try initiator.read(try responder.write(using: &random))
        #expect(throws: NoiseError.secretMissing) { try initiator.write(using: &random) }
    }

    /// The responder's key, known beforehand, may be one too.
    @Test(arguments: [
        String(repeating: "00", count: 32), "01" + String(repeating: "00", count: 31),
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800", "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    ]) func keysOfSmallOrderAgreeOnNothing(_ point: String) throws {
        var random = SeededGenerator(seed: 1)
        let weak = try #require(TransportKey(hex: point))
        let key = AgreementKey(using: &random)
        #expect(key.agree(with: weak) == nil)
        var initiator = Handshake.initiator(.xk, prologue: [], staticKey: key, remoteKey: weak)
        #expect(throws: NoiseError.weakKey) { try initiator.write(using: &random) }
    }

    private func sessions(of vector: HandshakeVector) throws -> (initiator: NoiseSession, responder: NoiseSession) {
        var random = FixedGenerator([])
        var initiator = vector.initiator()
        var responder = vector.responder()
        _ = try responder.read(try initiator.write(vector.messages[0].payload, using: &random))
        _ = try initiator.read(try responder.write(using: &random))
        _ = try responder.read(try initiator.write(using: &random))
        return (try initiator.finish(), try responder.finish())
    }

    /// The side that reads message `index`, after the messages before it.
    private func before(_ index: Int, of vector: HandshakeVector) throws -> Handshake {
        var random = FixedGenerator([])
        var reader = index == 1 ? vector.initiator() : vector.responder()
        for earlier in 0..<index {
            if (earlier == 1) == (reader.role == .initiator) {
                _ = try reader.read(vector.messages[earlier].bytes)
            } else {
                _ = try reader.write(vector.messages[earlier].payload, using: &random)
            }
        }
        return reader
    }
}
