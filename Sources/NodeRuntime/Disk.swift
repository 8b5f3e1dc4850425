import Cryptography
import Dispatch
import Foundation
import Ledger
import Logging
import NodeCore
import Outbox
import Primitives
import Storage
import Synchronization
import Transport
import WireFormat

/// Performs what a node wants of its disk, one thing after another, away from the node.
///
/// Order is kept: what a directive rests on is on the disk before it. Reads for neighbours go beside, at most a few at a time.
final class Disk: Sendable {
    /// Sightings taken from the outbox in one step.
    static let outboxBatch = 20_000
    /// Requests of neighbours that wait to be read at one time; more are answered `busy`.
    static let readsInFlight = 256

    private let directory: NodeDirectory
    private let store: MeshStore
    private let replica: Replica
    private let mailbox: Mailbox<Input>
    private let logger: Logger
    private let writing = DispatchQueue(label: "hearsay.disk.writing")
    private let reading = DispatchQueue(label: "hearsay.disk.reading", attributes: .concurrent)
    private let readsWaiting = Mutex(0)
    /// Checked buckets that wait for the disk; bounded by what the core lets be under way.
    private let unstaged = Mutex<[Unstaged]>([])
    /// The days the node has been given and has not published yet: not built again until they change.
    private let offered = Mutex<Set<DirtyDay>>([])

    private let adoptions = Mutex(AdoptionQueue())

    /// Heads that wait to be adopted, together if nothing that was asked for in between would then come too late.
    private struct AdoptionQueue {
        /// Heads adopted in one transaction.
        static let batchLimit = 64

        private var batches: [UInt64: [(head: Verified<Head>, manifest: Manifest)]] = [:]
        private var current: UInt64 = 0

        /// The number of a new batch, which somebody has to see to; `nil` if it goes with others.
        mutating func add(_ head: Verified<Head>, _ manifest: Manifest) -> UInt64? {
            let present = batches[current]
            if let present, present.count == Self.batchLimit || present.contains(where: { $0.head.body.origin == head.body.origin }) { current += 1 }
            let isFirst = batches[current] == nil
            batches[current, default: []].append((head, manifest))
            return isFirst ? current : nil
        }

        mutating func take(_ number: UInt64) -> [(head: Verified<Head>, manifest: Manifest)] {
            if number == current { current += 1 }
            return batches.removeValue(forKey: number) ?? []
        }

        /// Something else has been asked for: what comes from now on comes after it.
        mutating func seal() { current += 1 }
    }

    private let keeps = Mutex(KeepQueue())

    /// Statements that wait to be kept, together: of each slot the last. Whoever says the same thing anew again and again costs one write, however fast.
    private struct KeepQueue {
        private var batches: [UInt64: [Slot: AnyStatement]] = [:]
        private var current: UInt64 = 0

        /// The number of a new batch, which somebody has to see to; `nil` if it goes with others.
        mutating func add(_ statement: AnyStatement) -> UInt64? {
            let isFirst = batches[current] == nil
            batches[current, default: [:]][statement.slot] = statement
            return isFirst ? current : nil
        }

        mutating func take(_ number: UInt64) -> [AnyStatement] {
            if number == current { current += 1 }
            return batches.removeValue(forKey: number).map { Array($0.values) } ?? []  // The order does not matter: each has a slot of its own.
        }

        /// A slot is emptied: what comes from now on comes after it.
        mutating func seal() { current += 1 }
    }

    private struct Unstaged {
        let bucket: Bucket
        let fetch: Fetch
        let entry: BucketEntry
    }

    init(directory: NodeDirectory, store: MeshStore, replica: Replica, mailbox: Mailbox<Input>, logger: Logger) {
        self.directory = directory
        self.store = store
        self.replica = replica
        self.mailbox = mailbox
        self.logger = logger
    }

    func keep(_ statement: AnyStatement) {
        guard let number = keeps.withLock({ $0.add(statement) }) else { return }
        write("keep statements") { try $0.store.keep($0.keeps.withLock { $0.take(number) }) }
    }

    /// Buckets that come while the disk is at work are staged together: one sync for all of them.
    func stage(_ bucket: Bucket, for fetch: Fetch, entry: BucketEntry) {
        let isFirst = unstaged.withLock { unstaged in
            unstaged.append(Unstaged(bucket: bucket, fetch: fetch, entry: entry))
            return unstaged.count == 1
        }
        guard isFirst else { return }  // Whoever was first takes all.
        writing.async { [self] in
            let batch = unstaged.withLock { unstaged in
                defer { unstaged = [] }
                return unstaged
            }
            do {
                try store.stage(batch.map { ($0.fetch.head.body.origin, $0.bucket) })
                for each in batch { mailbox.post(.bucketChecked(each.fetch, each.entry, .success(()))) }
            } catch {
                logger.error("\(error)")
                for each in batch { mailbox.post(.stagingFailed(each.fetch, each.entry)) }
            }
        }
    }

    /// Applies changes to what is adopted, and holds what comes of it: an adoption follows at once.
    func apply(_ changes: [[UInt8]], to manifest: Manifest, for fetch: Fetch) {
        let origin = fetch.head.body.origin
        reading.async { [self] in
            do throws(ContentChangeError) {
                let applied = try ContentChange.apply(changes, to: manifest, head: fetch.head.body) { entry in
                    (try? store.bucket(of: origin, root: entry.root)) ?? nil
                }
                do {
                    try store.hold(applied.buckets, of: origin)
                    let roots = applied.buckets.map(\.entry.root)
                    mailbox.post(.changesChecked(fetch, .success(AppliedChanges(manifest: applied.manifest, roots: roots))))
                } catch {
                    logger.error("\(error)")
                    mailbox.post(.changesChecked(fetch, .failure(.baseMissing)))
                }
            } catch { mailbox.post(.changesChecked(fetch, .failure(error))) }
        }
    }

    /// Heads that come while the disk is at work are adopted together: one sync for all of them.
    func adopt(_ head: Verified<Head>, _ manifest: Manifest) {
        guard let number = adoptions.withLock({ $0.add(head, manifest) }) else { return }
        writing.async { [self] in
            let batch = adoptions.withLock { $0.take(number) }
            for ((head, _), result) in zip(batch, store.adopt(batch, today: SystemClock.timestamp.day)) {
                switch result {
                case .success(let change):
                    replica.apply(change, head: head)
                    if let observed = change.observed { mailbox.post(.contentChanged(observed)) }
                    mailbox.post(.adopted(head))
                case .failure(let error):
                    logger.error("\(error)")
                    mailbox.post(.adoptionFailed(head))
                }
            }
        }
    }

    func discard(_ slot: Slot) {
        keeps.withLock { $0.seal() }
        write("forget a statement") { try $0.store.discard(slot) }
    }

    func keep(_ rule: PeerRule?, on origin: OriginID) {
        write("keep a rule about an operator") { try $0.store.keep(rule, on: origin) }
    }

    func keep(anchors: [NodeID]) {
        write("keep the anchors") { try $0.store.keep(anchors: anchors) }
    }

    func setAside(_ origin: OriginID) {
        write("set a replica aside") { $0.replica.forget(try $0.store.setAside(origin)) }
    }

    func unstage(_ roots: [Digest], of origin: OriginID) {
        write("drop staged buckets") { try $0.store.unstage(roots, of: origin) }
    }

    func forget(_ origin: OriginID) {
        write("forget a replica") { $0.replica.forget(try $0.store.forget(origin)) }
    }

    /// Our own content comes back; whatever days were offered are offered again, as they now are.
    func recover(_ head: Verified<Head>, _ manifest: Manifest) {
        inOrder { [self] in
            do {
                let change = try store.recover(head, manifest, today: SystemClock.timestamp.day)
                replica.apply(change, head: head)
                offered.withLock { $0 = [] }
                mailbox.post(.recovered(AdoptedState(head: head, manifest: manifest)))
            } catch {
                logger.error("\(error)")
                mailbox.post(.adoptionFailed(head))
            }
        }
    }

    /// The key first, beside the one in use; then the certificate; then the key takes its place. A crash in between is mended at the next start.
    func open(_ certificate: Verified<GenerationCertificate>, key: SigningKey) {
        inOrder { [self] in
            do {
                try directory.keepNextGeneration(key)
                try store.keep([.generation(certificate)])
                try directory.promoteNextGeneration()
                mailbox.post(.generationOpened(certificate))
            } catch {
                logger.error("cannot open a generation: \(error)")
                mailbox.post(.generationFailed(certificate))
            }
        }
    }

    func publish(_ publication: Publication) {
        inOrder { [self] in
            // Published or failed, they are out of the node's hands: what is still dirty then is offered again.
            offered.withLock { days in
                for covered in publication.coveredDays { days = days.filter { ($0.stream, $0.day) != (covered.stream, covered.day) || $0.mark > covered.mark } }
            }
            do {
                let change = try store.publish(publication)
                replica.apply(change, head: publication.head)
                if let observed = change.observed { mailbox.post(.contentChanged(observed)) }
                mailbox.post(.published(publication))
            } catch {
                logger.error("\(error)")
                mailbox.post(.publicationFailed(publication))
            }
        }
    }

    func expire(before day: Day) {
        write("expire days") { disk in
            let changes = try disk.store.expire(before: day)
            for change in changes { disk.replica.apply(change, head: nil) }
        }
    }

    func redeem(_ invite: InviteID, session: SessionID, requestID: UInt32, by origin: OriginID) {
        inOrder { [self] in
            do {
                let outcome = try store.redeem(invite, by: origin, at: SystemClock.timestamp)
                mailbox.post(.inviteRedeemed(session, requestID: requestID, origin, outcome))
            } catch {
                logger.error("\(error)")
                mailbox.post(.inviteRedeemed(session, requestID: requestID, origin, .unknown))
            }
        }
    }

    /// Takes what is new in the outbox, and offers the changed days to the node.
    ///
    /// - Parameter whenDone: told whether anything was offered, or why nothing could be.
    func absorb(from reader: OutboxReader, whenDone: @escaping @Sendable (Result<Bool, any Error>) -> Void) {
        inOrder { [self] in
            whenDone(Result { try absorbNow(from: reader) })
        }
    }

    private func absorbNow(from reader: OutboxReader) throws -> Bool {
        while true {
            let position = try store.outboxPosition().flatMap { OutboxPosition(bytes: $0) }
            let reading = try reader.read(after: position, limit: Self.outboxBatch)
            guard let next = reading.position, next != position else { break }
            try store.absorb(reading.changes, position: next.bytes)
            if reading.changes.count < Self.outboxBatch { break }
        }
        let days = try store.dirtyDays().filter { day in offered.withLock { $0.insert(day).inserted } }
        guard !days.isEmpty else { return false }
        var random = SystemRandomNumberGenerator()
        var contents: [DayContent] = []
        for day in days {
            guard let descriptor = try store.descriptor(of: day.stream, using: &random) else { continue }
            let records = try store.ownRecords(of: day)
            let present = records.count > Limits.bucketSightings ? try store.ownBuckets(of: day) : []
            let buckets = Bucket.buckets(of: records, at: day.day, descriptor: descriptor, present: present, using: &random)
            contents.append(DayContent(descriptor: descriptor, day: day.day, buckets: buckets, mark: day.mark))
        }
        mailbox.post(.daysBuilt(contents))
        return true
    }

    /// Answers a neighbour's request for content.
    func serve(_ request: ContentRequest, as type: FrameType, requestID: UInt32, answer: @escaping @Sendable (Frame) -> Void) {
        let isTaken = readsWaiting.withLock { waiting in
            guard waiting < Self.readsInFlight else { return false }
            waiting += 1
            return true
        }
        @Sendable func refusal(_ refusal: Refusal) -> Frame { Frame(.refusal, requestID: requestID, isAnswer: true, body: refusal.encoded()) }
        guard isTaken else { return answer(refusal(.busy)) }
        reading.async { [self] in
            defer { readsWaiting.withLock { $0 -= 1 } }
            do {
                let bytes =
                    type == .manifest ? try store.manifest(of: request.origin, root: request.root) : try store.bucket(of: request.origin, root: request.root)
                answer(bytes.map { Frame(type, requestID: requestID, isAnswer: true, body: $0) } ?? refusal(.notHeld))
            } catch {
                logger.error("\(error)")
                answer(refusal(.busy))
            }
        }
    }

    /// Since which head of ours nothing that was retracted is published; `nil` if the disk does not say.
    func retractionState() -> MeshStore.RetractionState? { try? store.retractionState() }

    /// Waits until everything asked so far is on the disk.
    func drain() async {
        await withCheckedContinuation { continuation in writing.async { continuation.resume() } }
    }

    /// After all that was asked for before, and before all that is asked for later.
    private func inOrder(_ work: @escaping @Sendable () -> Void) {
        adoptions.withLock { $0.seal() }
        writing.async(execute: work)
    }

    private func write(_ action: String, _ body: @escaping @Sendable (Disk) throws -> Void) {
        inOrder { [self] in
            do { try body(self) } catch { logger.error("cannot \(action): \(error)") }
        }
    }
}
