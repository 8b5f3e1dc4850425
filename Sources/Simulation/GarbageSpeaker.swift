import Cryptography
import Ledger
import NodeCore
import Primitives
import WireFormat

/// A member that breaks every rule it can. On each session in one of three ways, so that none hides the others:
///
/// - *noise*: frames and datagrams of random types and lengths, sometimes instead of the greeting;
/// - *forger*: statements with a bit turned, heads of its own that stand for nothing, numbers at the end of their range;
/// - *liar*: behaves, tells of new heads before anybody else, and then delivers wrong manifests and buckets.
///
/// Takes the same inputs as a core and asks for the same things.
struct GarbageSpeaker: HostileMember {
    private enum Style: UInt64 { case noise, forger, liar }

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
    /// Requests for contents that it has passed on to somebody honest, to spoil the answer.
    private var passedOn: [UInt32: (session: SessionID, requestID: UInt32)] = [:]
    private var nextRequest: UInt32 = 1_000

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

    mutating func step(_ input: Input, at now: Moment, using random: inout SeededGenerator) -> [Directive] {
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
            if style(of: session) == .noise, random.number(below: 3) == 0 { return [.send(noise(using: &random), session)] }
            return [
                .send(Frame(.hello, body: Hello(statements: credentials).encoded()), session),
                .send(Frame(.statementsRequest, requestID: 1, body: StatementsRequest(logID: 0, after: 0).encoded()), session),
            ]
        case .sessionClosed(let session):
            sessions.removeAll { $0 == session }
            return []
        case .frame(let session, let frame): return answer(frame, on: session, at: now, using: &random)
        case .datagram(_, let bytes):
            guard case .heads(let told)? = try? DatagramMessage(decoding: bytes) else { return [] }
            let heads = told.filter { !overheard.contains($0) }  // Two of its kind would tell each other for ever.
            guard !heads.isEmpty else { return [] }
            overhear(heads)
            return sessions.filter { style(of: $0) == .liar }.map { .sendDatagram(DatagramMessage.heads(heads).encoded(), $0) }
        default: return []
        }
    }

    private func style(of session: SessionID) -> Style { Style(rawValue: session.number % 3) ?? .noise }

    private mutating func overhear(_ statements: [[UInt8]]) {
        overheard = Array((overheard + statements).suffix(Self.rememberedStatements))
    }

    private mutating func answer(
        _ frame: Frame, on session: SessionID, at now: Moment, using random: inout some RandomNumberGenerator
    ) -> [Directive] {
        switch frame.knownType {
        case .statements:
            if let answer = try? StatementsAnswer(decoding: frame.body) { overhear(answer.statements) }
            return []
        case .statementsRequest:
            let isForging = style(of: session) != .liar
            let statements = (0..<20).map { _ in
                isForging && random.number(below: 4) == 0 ? forgery(using: &random) : overheard.pick(using: &random) ?? []
            }
            let body = StatementsAnswer(
                logID: random.next(), upTo: isForging ? random.next() : 1, hasMore: isForging && random.number(below: 2) == 0, statements: statements)
            return [.send(Frame(.statements, requestID: frame.requestID, isAnswer: true, body: body.encoded()), session)]
        case .comparison:
            // Claims at random what is the same, and delivers what it likes.
            guard let question = try? StatementsComparison(decoding: frame.body), random.number(below: 2) == 0 else {
                return [.send(Frame(.unknown, requestID: frame.requestID, isAnswer: true, body: []), session)]
            }
            let statements = (0..<20).map { _ in style(of: session) == .liar ? overheard.pick(using: &random) ?? [] : forgery(using: &random) }
            let isEqual = question.digests.map { _ in random.number(below: 2) == 0 }
            let body = StatementsDifference(logID: random.next(), upTo: random.next(), hasMore: false, isEqual: isEqual, statements: statements)
            return [.send(Frame(.difference, requestID: frame.requestID, isAnswer: true, body: body.encoded()), session)]
        case .manifestRequest, .bucketRequest:
            guard random.number(below: 4) > 0, let other = sessions.filter({ $0 != session }).pick(using: &random) else {
                let answer: FrameType = frame.knownType == .manifestRequest ? .manifest : .bucket
                let nonsense = random.bytes(count: Int(random.number(below: 400)))
                return [.send(Frame(answer, requestID: frame.requestID, isAnswer: true, body: nonsense), session)]
            }
            nextRequest &+= 1
            passedOn[nextRequest] = (session, frame.requestID)
            var question = frame
            question.requestID = nextRequest
            return [.send(question, other)]
        case .changesRequest:
            guard random.number(below: 4) == 0 else {
                return [.send(Frame(.refusal, requestID: frame.requestID, isAnswer: true, body: Refusal.notHeld.encoded()), session)]
            }
            let nonsense = ChangesAnswer([random.bytes(count: Int(random.number(below: 200)))]).encoded()
            return [.send(Frame(.changes, requestID: frame.requestID, isAnswer: true, body: nonsense), session)]
        case .manifest, .bucket:
            guard let asker = passedOn.removeValue(forKey: frame.requestID) else { return [] }
            var answer = frame
            answer.requestID = asker.requestID
            // Manifests pass untouched sometimes, so that buckets are asked for; buckets never do.
            if !answer.body.isEmpty, frame.knownType == .bucket || random.number(below: 2) == 0 {
                answer.body[Int(random.number(below: UInt64(answer.body.count)))] ^= 1
            }
            return [.send(answer, asker.session)]
        case .ping: return [.send(Frame(.pong, body: Ping(number: .max, logID: random.next(), upTo: .max).encoded()), session)]
        default: return []
        }
    }

    /// What nobody has asked for.
    private mutating func nuisance(on session: SessionID, at now: Moment, using random: inout some RandomNumberGenerator) -> [Directive] {
        switch (style(of: session), random.number(below: 4)) {
        case (.noise, 0): return [.send(noise(using: &random), session)]
        case (.noise, 1): return [.sendDatagram(random.bytes(count: Int(random.number(below: 1_100))), session)]
        case (.noise, 2): return [.close(session)]
        case (.forger, 0): return [.sendDatagram(DatagramMessage.heads([forgery(using: &random)]).encoded(), session)]
        case (.forger, 1): return [.sendDatagram(DatagramMessage.heads([baselessHead(at: now, using: &random)]).encoded(), session)]
        case (.forger, 2): return [.sendDatagram(DatagramMessage.ping(Ping(number: .max, logID: random.next(), upTo: .max)).encoded(), session)]
        default: return []
        }
    }

    /// A frame of a random type with random bytes, sometimes over its limit.
    private func noise(using random: inout some RandomNumberGenerator) -> Frame {
        var frame = Frame(.ping, requestID: UInt32(random.number(below: 8)), isAnswer: random.number(below: 2) == 0, body: [])
        frame.type = UInt16(random.number(below: 26))
        let limit = min(FrameType.maximumBodyByteCount(of: frame.type), 600)
        frame.body = random.bytes(count: Int(random.number(below: UInt64(limit) + 8)))
        return frame
    }

    /// Something overheard with a bit turned.
    private func forgery(using random: inout some RandomNumberGenerator) -> [UInt8] {
        guard var bytes = overheard.pick(using: &random), !bytes.isEmpty else { return random.bytes(count: 210) }
        bytes[Int(random.number(below: UInt64(bytes.count)))] ^= 1 << UInt8(random.number(below: 8))
        return bytes
    }

    /// A head of its own, rightly signed and within every quota, for which there is no manifest: whoever is asked for that refuses, lies or says nothing.
    private mutating func baselessHead(at now: Moment, using random: inout some RandomNumberGenerator) -> [UInt8] {
        let head = made(
            Head(
                origin: member.origin, position: HeadPosition(generation: 1, sequence: nextSequence), issuedAt: now.timestamp, lifetimeSeconds: 3_600,
                manifestRoot: made(Digest(bytes: random.bytes(count: 32))), entryCount: 1, sightingCount: 40, dataByteCount: 1_200,
                historyRoot: made(Digest(bytes: random.bytes(count: 32)))))
        nextSequence += 1
        return Signed.make(head, with: member.generationKey).bytes
    }
}
