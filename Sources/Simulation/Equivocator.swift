import Cryptography
import Ledger
import NodeCore
import Primitives
import Replication
import WireFormat

/// A member that keeps two books: half of its sessions are told one series of heads, half another. The second is always a number ahead of the first, so that
/// the newest heads never have the same number.
///
/// Otherwise it behaves: it greets, answers, and shows each side the history that it has told that side.
struct Equivocator: HostileMember {
    static let interval: Duration = .seconds(2)

    private struct Fork {
        var window: HistoryWindow
        var newest: [UInt8]?
    }

    private let member: SimulatedOperator
    private let hello: [[UInt8]]
    private let certificate: Verified<GenerationCertificate>
    private let victims: [(key: TransportKey, addresses: [NetworkAddress])]
    private var forks: [Fork]
    private var sessions: [SessionID] = []
    private var nextDial: UInt64 = 1

    init(_ member: SimulatedOperator, incarnation: UInt64, victims: [(TransportKey, [NetworkAddress])]) {
        self.member = member
        self.victims = victims.map { (key: $0.0, addresses: $0.1) }
        let record = made(
            PeerRecord(
                node: member.node, incarnation: incarnation, flags: member.addresses.isEmpty ? .outboundOnly : [], addresses: member.addresses))
        hello = member.statements.filter { if case .generation = $0 { false } else { true } }.map(\.bytes) + [Signed.make(record, with: member.nodeKey).bytes]
        certificate = made(
            member.statements.lazy.compactMap { statement -> Verified<GenerationCertificate>? in
                if case .generation(let certificate) = statement { certificate } else { nil }
            }.first)
        let fork = Fork(window: HistoryWindow(generation: 1, tree: HistoryTree(certificateHash: certificate.hash)))
        forks = [fork, fork]
    }

    mutating func step(_ input: Input, at now: Moment, using random: inout SeededGenerator) -> [Directive] {
        switch input {
        case .start: return [.wake(.tick, at: now.instant + Self.interval)]
        case .timerFired:
            var directives: [Directive] = [.wake(.tick, at: now.instant + Self.interval)]
            if sessions.count < 16, let victim = victims.pick(using: &random) {
                directives.append(.dial(DialNumber(nextDial), victim.addresses, key: victim.key))
                nextDial += 1
            }
            sign(0, at: now)
            if forks[1].newest == nil { sign(1, at: now) }
            sign(1, at: now)
            for session in sessions {
                guard let head = forks[side(of: session)].newest else { continue }
                directives.append(.sendDatagram(DatagramMessage.heads([head]).encoded(), session))
            }
            return directives
        case .sessionOpened(let session, _):
            sessions.append(session)
            return [.send(Frame(.hello, body: Hello(statements: hello).encoded()), session)]
        case .sessionClosed(let session):
            sessions.removeAll { $0 == session }
            return []
        case .frame(let session, let frame): return answer(frame, on: session)
        default: return []
        }
    }

    private func side(of session: SessionID) -> Int { Int(session.number % 2) }

    /// The next head of a book, over nothing.
    private mutating func sign(_ side: Int, at now: Moment) {
        let sequence = forks[side].window.leafCount
        guard let root = forks[side].window.root(before: sequence) else { return }
        let head = made(
            Head(
                origin: member.origin, position: HeadPosition(generation: 1, sequence: sequence), issuedAt: now.timestamp,
                lifetimeSeconds: UInt32(3_600 + side), manifestRoot: Manifest.empty.root, entryCount: 0, sightingCount: 0, dataByteCount: 0, historyRoot: root))
        let signed = Signed.make(head, with: member.generationKey)
        forks[side].window.append(signed.hash)
        forks[side].newest = signed.bytes
    }

    private func answer(_ frame: Frame, on session: SessionID) -> [Directive] {
        func reply(_ type: FrameType, _ body: [UInt8]) -> [Directive] { [.send(Frame(type, requestID: frame.requestID, isAnswer: true, body: body), session)] }
        let fork = forks[side(of: session)]
        switch frame.knownType {
        case .ping: return reply(.pong, Ping(number: 0, logID: 1, upTo: fork.window.leafCount).encoded())
        case .statementsRequest:
            let statements = member.statements.map(\.bytes) + (fork.newest.map { [$0] } ?? [])
            return reply(.statements, StatementsAnswer(logID: 1, upTo: fork.window.leafCount, hasMore: false, statements: statements).encoded())
        case .comparison: return reply(.unknown, [])
        case .manifestRequest: return reply(.manifest, Manifest.empty.bytes)
        case .historyRequest:
            guard let request = try? HistoryRequest(decoding: frame.body), let link = fork.window.link(from: request.start, to: request.end) else {
                return reply(.refusal, Refusal.notHeld.encoded())
            }
            return reply(.history, link.encoded())
        default: return []
        }
    }
}
