import Cryptography
import Ledger
import Membership
import Noise
import Primitives
import Synchronization
import Transport
import WireFormat

/// Why a newcomer was not admitted. Nothing on its disk was changed.
public enum JoinError: Error, Hashable, Sendable, CustomStringConvertible {
    case expired(Timestamp)
    /// None of the addresses in the token led to the inviting node.
    case unreachable(DialFailure)
    case refused(Refusal)
    /// The answer does not make us a member of the mesh we were invited to.
    case wrongAnswer
    case timedOut

    public var description: String {
        switch self {
        case .expired(let end): "the invite expired on \(end.day)"
        case .unreachable(let failure):
            failure.reason == .refused
                ? "the inviting node closed the connection: the invite is unknown there, or the node has another key now"
                : "the inviting node cannot be reached at \(failure.attempts.map { "\($0.address)" }.joined(separator: ", "))"
        case .refused(.inviteExpired): "the invite has expired"
        case .refused(.inviteUsed): "the invite has been used already, or was withdrawn"
        case .refused(.cannotAdmit): "the inviting node cannot admit anybody: it does not hold its operator's identity key"
        case .refused(.revoked): "this operator's key has been revoked in that mesh"
        case .refused(.clockSkew): "the clocks of the two nodes differ too much"
        case .refused(let refusal): "the inviting node refused (\(refusal))"
        case .wrongAnswer: "the inviting node gave an answer that does not lead to the mesh of the invite"
        case .timedOut: "the inviting node did not answer in time"
        }
    }

    public var hint: String? {
        switch self {
        case .expired, .refused(.inviteExpired), .refused(.inviteUsed): "ask for a new one: hearsay invite"
        case .unreachable: "check that the inviting node runs and its TCP port is open, then run hearsay join again"
        case .refused(.clockSkew): "set both clocks, for example with chrony"
        default: nil
        }
    }
}

/// What a newcomer takes home: statements that make it a member, and where its sponsor is.
public struct Admission: Sendable {
    /// The membership chain, the sponsor's node certificate and its peer record, all checked.
    public let statements: [AnyStatement]
}

/// First contact: proves the invite's secret, asks to be admitted, checks the answer (`Protocol/replication.md` §5).
public enum JoinClient {
    /// From dialing to the answer.
    public static let deadline: Duration = .seconds(30)

    /// - Parameters:
    ///   - certificate: our node certificate, whose transport key is `key`'s.
    ///   - record: where we will be reachable.
    public static func join(
        _ token: InviteToken, displayName: String, origin: OriginID, certificate: Verified<NodeCertificate>, record: Verified<PeerRecord>, key: AgreementKey,
        at now: Timestamp
    ) async throws -> Admission {
        guard now < token.notAfter else { throw JoinError.expired(token.notAfter) }
        guard let secret = PreSharedKey(SecretBytes(copying: token.secret)) else { throw JoinError.wrongAnswer }
        let (events, continuation) = AsyncStream.makeStream(of: TransportEvent.self, bufferingPolicy: .bufferingOldest(64))
        var configuration = TransportConfiguration()
        configuration.isOutboundOnly = true
        configuration.bindAddress = token.addresses.contains { if case .ipv6 = $0.host { true } else { false } } ? "::" : "0.0.0.0"
        let transport = MeshTransport(configuration: configuration, mesh: token.mesh, staticKey: key, inviteSecret: { _ in nil }) { event, _, _ in
            continuation.yield(event)
            return true
        }
        _ = try await transport.start()
        transport.dial(DialNumber(1), to: token.addresses, key: token.transportKey, invite: (token.inviteID, secret))
        let request = JoinRequest(displayName: Array(displayName.utf8), statements: [certificate.bytes, record.bytes])
        let timeout = Task {
            try await Task.sleep(for: deadline)
            continuation.finish()
        }
        let result = await outcome(of: events, request: request, transport: transport)
        timeout.cancel()
        await transport.stop()
        return Admission(statements: try check(try result.get(), token: token, origin: origin, at: now))
    }

    private static func outcome(of events: AsyncStream<TransportEvent>, request: JoinRequest, transport: MeshTransport) async -> Result<JoinAnswer, JoinError> {
        for await event in events {
            switch event {
            case .established(let session, _): transport.send(Frame(.joinRequest, requestID: 1, body: request.encoded()), on: session)
            case .dialFailed(_, let failure): return .failure(.unreachable(failure))
            case .frame(_, let frame) where frame.knownType == .joinAnswer:
                return (try? JoinAnswer(decoding: frame.body)).map { .success($0) } ?? .failure(.wrongAnswer)
            case .frame(_, let frame) where frame.knownType == .refusal:
                return .failure((try? Refusal(decoding: frame.body)).map { .refused($0) } ?? .wrongAnswer)
            case .closed: return .failure(.wrongAnswer)
            case .frame, .datagram: continue
            }
        }
        return .failure(.timedOut)
    }

    /// The chain must lead from the root in the token to ourselves.
    private static func check(_ answer: JoinAnswer, token: InviteToken, origin: OriginID, at now: Timestamp) throws(JoinError) -> [AnyStatement] {
        var members = MemberTable(mesh: token.mesh)
        var statements: [AnyStatement] = []
        for bytes in answer.statements {
            guard let unchecked = try? UncheckedStatement(decoding: bytes), let statement = try? AnyStatement(checking: unchecked, headKey: { _, _ in nil })
            else {
                throw .wrongAnswer
            }
            if case .membership(let certificate) = statement { guard members.admit(certificate) == .accepted else { throw .wrongAnswer } }
            statements.append(statement)
        }
        guard case .member = members.standing(of: origin, at: now), members.isKnown(token.sponsor) else { throw .wrongAnswer }
        return statements
    }
}
