import Ledger
import Logging
import NIOCore
import NIOPosix
import NodeCore
import Outbox
import Primitives
import Storage
import Transport
import WireFormat

/// A running node: owns the core, feeds it inputs one at a time, and has done what it asks for. Waits for nothing itself.
public actor Node {
    /// How many inputs of peers wait, and how many bytes they hold, before sockets are not read any more.
    static let mailboxCapacity = 4_096
    static let mailboxByteCapacity = 64 << 20
    /// Questions to peers that wait for an answer at one time.
    static let questionLimit = 16
    /// How often the outbox is looked at.
    static let outboxInterval: TimeAmount = .milliseconds(500)

    private var core: NodeCore
    private let mailbox: Mailbox<Input>
    private let clock: SystemClock
    private let disk: Disk
    private let replica: Replica
    /// Who waits for the answer of a peer; the control socket bounds how many.
    private var questions: [QuestionNumber: CheckedContinuation<QuestionOutcome, Never>] = [:]
    private var nextQuestion: UInt64 = 1
    private let timers: TimerService
    private let transport: MeshTransport
    private let logger: Logger
    private var random = SystemRandomNumberGenerator()

    init(
        core: NodeCore, mailbox: Mailbox<Input>, clock: SystemClock, disk: Disk, replica: Replica, timers: TimerService, transport: MeshTransport,
        logger: Logger
    ) {
        self.core = core
        self.mailbox = mailbox
        self.clock = clock
        self.disk = disk
        self.replica = replica
        self.timers = timers
        self.transport = transport
        self.logger = logger
    }

    /// Lives until the mailbox is finished.
    func run() async {
        mailbox.post(.start)
        while let batch = await mailbox.next(64) {
            for input in batch { step(input) }
        }
    }

    /// A picture of the node, now.
    public func status() -> NodeStatus { core.status(at: clock.now) }

    /// The heads whose sightings are in the replica.
    func adoptedHeads() -> [Head] { core.adoptedHeads.map(\.head.body) }

    var holdsIdentityKey: Bool { core.holdsIdentityKey }

    /// Says goodbye: what is to be sent is handed to the sockets when this returns.
    func leave() { step(.command(.leave)) }

    /// What each session has sent and received.
    func traffic() async -> [SessionID: SessionTraffic] { await transport.traffic() }

    /// Puts a question to a peer and waits for what becomes of it. The core settles each: at its deadline at the latest.
    func ask(_ node: NodeID, _ question: PeerQuestion) async -> QuestionOutcome {
        guard questions.count < Self.questionLimit else { return .refused(.busy) }
        let number = QuestionNumber(nextQuestion)
        nextQuestion &+= 1
        return await withCheckedContinuation { continuation in
            questions[number] = continuation
            step(.command(.ask(node, question, number)))
        }
    }

    func command(_ command: Command) { mailbox.post(.command(command)) }

    private func step(_ input: Input) {
        let now = clock.now
        for directive in core.step(input, at: now, using: &random) { perform(directive, at: now) }
    }

    private func perform(_ directive: Directive, at now: Moment) {
        switch directive {
        case .wake(let timer, let instant): timers.wake(timer, at: instant, now: now.instant)
        case .dial(let number, let addresses, let key): transport.dial(number, to: addresses, key: key)
        case .close(let session): transport.close(session)
        case .send(let frame, let session): transport.send(frame, on: session)
        case .sendDatagram(let bytes, let session): transport.sendDatagram(bytes, on: session)
        case .check(let batch): offCore { .checked(batch, batch.check()) }
        case .checkManifest(let fetch, let bytes):
            offCore { .manifestChecked(fetch, Result { () throws(ManifestError) in try Manifest(checking: bytes, head: fetch.head.body) }) }
        case .checkBucket(let fetch, let entry, let descriptor, let bytes):
            let (disk, mailbox) = (disk, mailbox)
            Task.detached {
                do throws(BucketError) {
                    disk.stage(try Bucket(checking: bytes, entry: entry, descriptor: descriptor), for: fetch, entry: entry)
                } catch { mailbox.post(.bucketChecked(fetch, entry, .failure(error))) }
            }
        case .checkChanges(let fetch, let since, let changes): disk.apply(changes, to: since, for: fetch)
        case .serveManifest(let session, let requestID, let request):
            disk.serve(request, as: .manifest, requestID: requestID) { [transport] in transport.send($0, on: session) }
        case .serveBucket(let session, let requestID, let request):
            disk.serve(request, as: .bucket, requestID: requestID) { [transport] in transport.send($0, on: session) }
        case .keep(let statement): disk.keep(statement)
        case .discard(let slot): disk.discard(slot)
        case .keepRule(let rule, let origin): disk.keep(rule, on: origin)
        case .keepAnchors(let anchors): disk.keep(anchors: anchors)
        case .setAside(let origin): disk.setAside(origin)
        case .unstage(let origin, let roots): disk.unstage(roots, of: origin)
        case .forget(let origin): disk.forget(origin)
        case .adopt(let head, let manifest): disk.adopt(head, manifest)
        case .recover(let head, let manifest): disk.recover(head, manifest)
        case .openGeneration(let certificate, let key): disk.open(certificate, key: key)
        case .publish(let publication): disk.publish(publication)
        case .expire(let day): disk.expire(before: day)
        case .redeemInvite(let session, let requestID, let invite, let origin): disk.redeem(invite, session: session, requestID: requestID, by: origin)
        case .answerQuestion(let session, let requestID, let question, let branches):
            let (replica, transport) = (replica, transport)
            Task.detached {
                let answer = replica.snapshot.aggregate(question, branches: branches, today: now.timestamp.day)
                transport.send(Frame(.aggregateAnswer, requestID: requestID, isAnswer: true, body: answer.encoded()), on: session)
            }
        case .questionSettled(let number, let outcome): questions.removeValue(forKey: number)?.resume(returning: outcome)
        case .report(let event): EventLog.write(event, to: logger)
        }
    }

    /// Signature and Merkle checks take their time elsewhere; their number is bounded by what the core lets be under way.
    private func offCore(_ work: @escaping @Sendable () -> Input) {
        let mailbox = mailbox
        Task.detached { mailbox.post(work()) }
    }
}
