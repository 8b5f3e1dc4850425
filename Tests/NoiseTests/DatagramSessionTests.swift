import Cryptography
import Noise
import Primitives
import Testing
import WireFormat

@Suite struct DatagramSessionTests {
    private static func key(_ byte: UInt8) -> SealingKey { SealingKey(SecretBytes(copying: [UInt8](repeating: byte, count: 32)))! }

    private func pair(counter: UInt64 = 0) -> (DatagramSession, DatagramSession) {
        let (one, two) = (Self.key(1), Self.key(2))
        return (
            DatagramSession(keys: DatagramKeys(outgoing: one, incoming: two), incomingID: 10, outgoingID: 20, counter: counter),
            DatagramSession(keys: DatagramKeys(outgoing: two, incoming: one), incomingID: 20, outgoingID: 10)
        )
    }

    private struct Received: Decodable {
        struct Step: Decodable { let name, bytes: String; let plaintext, fault: String? }
        let key, session: String
        let received: [Step]
    }

    /// One receiver, all steps in order: what has been refused must not have changed anything.
    @Test func datagramsAreTakenAsElsewhere() throws {
        let file: Received = try Vectors.load("transport/datagrams.json")
        let secret = SecretBytes(copying: bytes(file.key))
        guard let key = SealingKey(secret) else {
            Issue.record("the key has \(file.key.utf8.count / 2) bytes")
            return
        }
        let id = try #require(UInt64(file.session, radix: 16))
        var session = DatagramSession(keys: DatagramKeys(outgoing: Self.key(9), incoming: key), incomingID: id, outgoingID: 1)

        for step in file.received {
            do throws(DatagramError) {
                let plaintext = try session.open(bytes(step.bytes))
                #expect(step.plaintext.map { bytes($0) } == plaintext, "\(step.name)")
            } catch {
                let fault =
                    switch error {
                    case .malformed: "malformed"
                    case .wrongSession: "wrong-session"
                    case .replayed: "replayed"
                    case .tooOld: "too-old"
                    case .forged: "forged"
                    case .tooLong, .counterExhausted: "\(error)"
                    }
                #expect(step.fault == fault, "\(step.name)")
            }
        }
    }

    @Test(arguments: [0, 1, 1_168]) func whatIsSealedIsOpenedOnce(byteCount: Int) throws {
        var (here, there) = pair()
        let plaintext = [UInt8](repeating: 7, count: byteCount)

        let datagram = try here.seal(plaintext)

        #expect(datagram.count == byteCount + 32)
        #expect(try there.open(datagram) == plaintext)
        #expect(throws: DatagramError.replayed) { try there.open(datagram) }
        #expect(throws: DatagramError.wrongSession) { try here.open(datagram) }
    }

    @Test func everyPrefixAndEveryFlippedBitIsRefused() throws {
        var (here, fresh) = pair()
        let datagram = try here.seal(Array("a datagram".utf8))

        for count in 0..<datagram.count {
            var there = fresh
            #expect(throws: DatagramError.self) { try there.open(Array(datagram.prefix(count))) }
        }
        for place in datagram.indices {
            for bit in UInt8(0)..<8 {
                var there = fresh
                var flipped = datagram
                flipped[place] ^= 1 << bit
                #expect(throws: place < 8 ? DatagramError.wrongSession : .forged) { try there.open(flipped) }
                #expect(try there.open(datagram) == Array("a datagram".utf8))  // The forgery has changed nothing.
            }
        }
        #expect(throws: DatagramError.forged) { try fresh.open(datagram + [0]) }
    }

    @Test func tooLongIsNotSealedAndCostsNoCounter() throws {
        var (here, _) = pair()
        #expect(throws: DatagramError.tooLong(byteCount: 1_169, limit: 1_168)) { try here.seal([UInt8](repeating: 0, count: 1_169)) }
        #expect(here.nextCounter == 0)
    }

    @Test func theLastCounterIsUsedAndNoneAfterIt() throws {
        var (here, there) = pair(counter: .max - 2)

        #expect(try there.open(try here.seal([1])) == [1])
        #expect(try there.open(try here.seal([2])) == [2])
        #expect(throws: DatagramError.counterExhausted) { try here.seal([3]) }
        #expect(throws: DatagramError.counterExhausted) { try here.seal([3]) }
        #expect(here.nextCounter == .max)
    }

    @Test func aStreamKeyIsSpentAtTheEndOfItsCounters() throws {
        var sending = CipherState(key: Self.key(3), counter: .max - 1)
        var receiving = CipherState(key: Self.key(3), counter: .max - 1)

        let last = try sending.seal([1], authenticating: [2])
        #expect(throws: NoiseError.authenticationFailed) { try receiving.open(last, authenticating: [3]) }
        #expect(try receiving.open(last, authenticating: [2]) == [1])
        #expect(throws: NoiseError.counterExhausted) { try sending.seal([1]) }
        #expect(throws: NoiseError.counterExhausted) { try receiving.open(last) }
    }
}
