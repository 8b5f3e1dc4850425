import Cryptography
import Ledger
import NodeCore
import Primitives
import WireFormat

/// A member that breaks every rule it can: after a proper greeting, or instead of it, it sends noise, lies and forgeries.
///
/// Takes the same inputs as a core and asks for the same things, but nothing it does is right.
struct GarbageSpeaker {
    static let interval: Duration = .milliseconds(500)
    private static let rememberedStatements = 512

    private let member: SimulatedOperator
    private let credentials: [[UInt8]]
    private let victims: [(key: TransportKey, addresses: [NetworkAddress])]
    private var sessions: [SessionID] = []
    private var nextDial: UInt64 = 1
    /// What honest nodes have told: the stuff lies are made of.
    private var overheard: [[UInt8]] = []
    private var nextSequence: UInt64 = 1

    init(_ member: SimulatedOperator, incarnation: UInt64, victims: [(TransportKey, [NetworkAddress])]) {
        self.member = member
        self.victims = victims.map { (key: $0.0, addresses: $0.1) }
        let record = made(
            PeerRecord(
                node: member.node, incarnation: incarnation, flags: member.addresses.isEmpty ? .outboundOnly : [], addresses: member.addresses))
        let chain = member.statements.filter { if case .generation = $0 { false } else { true } }
        credentials = chain.map(\.bytes) + [Signed.make(record, with: member.nodeKey).bytes]
        overheard = member.statements.map(\.bytes)
    }

    mutating func step(_ input: Input, at now: Moment, using random: inout some RandomNumberGenerator) -> [Directive] {
        switch input {
        case .start: return [.wake(.tick, at: now.instant)]
        case .timerFired:
            var directives: [Directive] = [.wake(.tick, at: now.instant + Self.interval)]
            if sessions.count < 8, let victim = victims.pick(using: &random) {
                directives.append(.dial(DialNumber(nextDial), victim.addresses, key: victim.key))
                nextDial += 1
            }
            for session in sessions { directives += nuisance(on: session, at: now, using: &random) }
            return directives
        case .sessionOpened(let session, _):
            sessions.append(session)
            // One time in eight the greeting is garbage already.
            if random.number(below: 8) == 0 { return [.send(noise(using: &random), session)] }
            return [
                .send(Frame(.hello, body: Hello(statements: credentials).encoded()), session),
                .send(Frame(.statementsRequest, requestID: 1, body: StatementsRequest(logID: 0, after: 0).encoded()), session),
            ]
        case .sessionClosed(let session):
            sessions.removeAll { $0 == session }
            return []
        case .frame(let session, let frame): return answer(frame, on: session, at: now, using: &random)
        default: return []
        }
    }

    private mutating func answer(
        _ frame: Frame, on session: SessionID, at now: Moment, using random: inout some RandomNumberGenerator
    ) -> [Directive] {
        switch frame.knownType {
        case .statements:
            if let answer = try? StatementsAnswer(decoding: frame.body) {
                overheard = Array((overheard + answer.statements).suffix(Self.rememberedStatements))
            }
            return []
        case .statementsRequest:
            let statements = (0..<20).map { _ in random.number(below: 4) > 0 ? overheard.pick(using: &random) ?? [] : forgery(at: now, using: &random) }
            let body = StatementsAnswer(logID: random.next(), upTo: random.next(), hasMore: random.number(below: 2) == 0, statements: statements)
            return [.send(Frame(.statements, requestID: frame.requestID, isAnswer: true, body: body.encoded()), session)]
        case .manifestRequest:
            let bytes = random.number(below: 2) == 0 ? Manifest.empty.bytes : random.bytes(count: Int(random.number(below: 400)))
            return [.send(Frame(.manifest, requestID: frame.requestID, isAnswer: true, body: bytes), session)]
        case .bucketRequest:
            return [.send(Frame(.bucket, requestID: frame.requestID, isAnswer: true, body: random.bytes(count: Int(random.number(below: 400)))), session)]
        case .ping: return [.send(Frame(.pong, body: Ping(number: .max, logID: random.next(), upTo: .max).encoded()), session)]
        default: return []
        }
    }

    /// What nobody has asked for.
    private mutating func nuisance(on session: SessionID, at now: Moment, using random: inout some RandomNumberGenerator) -> [Directive] {
        switch random.number(below: 12) {
        case 0: return [.send(noise(using: &random), session)]
        case 1: return [.sendDatagram(random.bytes(count: Int(random.number(below: 1_100))), session)]
        case 2: return [.sendDatagram(DatagramMessage.heads([forgery(at: now, using: &random)]).encoded(), session)]
        case 3:  // True heads whose content it will lie about: honest nodes will ask it first.
            let heads = overheard.filter { $0.count == Head.byteCount }.sample(5, using: &random)
            return heads.isEmpty ? [] : [.sendDatagram(DatagramMessage.heads(heads).encoded(), session)]
        case 4: return [.sendDatagram(DatagramMessage.ping(Ping(number: .max, logID: random.next(), upTo: .max)).encoded(), session)]
        case 5: return [.sendDatagram(DatagramMessage.heads([baselessHead(at: now, using: &random)]).encoded(), session)]
        case 6: return [.close(session)]
        default: return []
        }
    }

    /// A frame of a random type with random bytes, sometimes over its limit.
    private func noise(using random: inout some RandomNumberGenerator) -> Frame {
        var frame = Frame(.ping, requestID: UInt32(random.number(below: 8)), isAnswer: random.number(below: 2) == 0, body: [])
        frame.type = UInt16(random.number(below: 18))
        let limit = min(FrameType.maximumBodyByteCount(of: frame.type), 600)
        frame.body = random.bytes(count: Int(random.number(below: UInt64(limit) + 8)))
        return frame
    }

    /// Something overheard with a bit turned.
    private func forgery(at now: Moment, using random: inout some RandomNumberGenerator) -> [UInt8] {
        guard var bytes = overheard.pick(using: &random), !bytes.isEmpty else { return random.bytes(count: 210) }
        bytes[Int(random.number(below: UInt64(bytes.count)))] ^= 1 << UInt8(random.number(below: 8))
        return bytes
    }

    /// A head of its own, rightly signed, for which there is no manifest.
    private mutating func baselessHead(at now: Moment, using random: inout some RandomNumberGenerator) -> [UInt8] {
        let head = made(
            Head(
                origin: member.origin, position: HeadPosition(generation: 1, sequence: nextSequence), issuedAt: now.timestamp, lifetimeSeconds: 3_600,
                manifestRoot: made(Digest(bytes: random.bytes(count: 32))), entryCount: 1, sightingCount: .max, dataByteCount: .max,
                historyRoot: made(Digest(bytes: random.bytes(count: 32)))))
        nextSequence += 1
        return Signed.make(head, with: member.generationKey).bytes
    }
}
