import Ledger
import Primitives
import Replication
import WireFormat

/// Where many heads are adopted, they are announced by name, and told whole only to those who ask (`Protocol/replication.md` §6.1).
struct Announcements: Sendable {
    /// Whoever was asked and has not answered for so long is not waited for: the next one that has announced the head is asked.
    static let patience: Duration = .seconds(1)
    /// How often that is looked at.
    static let interval: Duration = .milliseconds(250)
    /// How long a head is remembered that was asked for and has come, so that it is not asked for again while it is checked and fetched.
    static let memory: Duration = .seconds(4)
    /// Heads remembered because one session was the first to announce them. More are passed over; the cursor brings them.
    static let perSession = 512
    /// Sessions remembered for one head, to be asked one after the other.
    static let announcersPerHead = 16

    /// A head that somebody has announced and that was not here.
    struct Sought: Sendable {
        /// In the order in which they have announced it; so many of them have been asked.
        var announcers: [SessionID]
        var askedCount = 1
        var askedAt: Instant
        var hasCome = false
    }

    private var sought: [HeadName: Sought] = [:]  // Never iterated but to sort what was found.
    /// How many of them each session was the first to announce.
    private var countBySession: [SessionID: Int] = [:]
    /// When the last heads of others were adopted, oldest at `oldest` and from there round: at most one more than `busyHeads`.
    private var adoptions: [Instant] = []
    private var oldest = 0
    private let busyHeads: Int
    private let busySpan: Duration
    /// The operators in ascending order as they were when last looked up; none ever leaves the member table.
    fileprivate var operatorsInOrder: [OriginID] = []

    init(busyHeads: Int, busySpan: Duration) {
        self.busyHeads = busyHeads
        self.busySpan = busySpan
    }

    var isEmpty: Bool { sought.isEmpty }

    mutating func adopted(at now: Instant) {
        guard adoptions.count > busyHeads else { return adoptions.append(now) }
        adoptions[oldest] = now
        oldest = (oldest + 1) % adoptions.count
    }

    func isBusy(at now: Instant) -> Bool { adoptions.count > busyHeads && now - adoptions[oldest] < busySpan }

    /// Notes that a session has announced a head that is not here; whether to ask it now.
    mutating func announced(_ name: HeadName, on session: SessionID, at now: Instant) -> Bool {
        if let known = sought[name] {
            if known.announcers.count < Self.announcersPerHead, !known.announcers.contains(session) { sought[name]?.announcers.append(session) }
            return false
        }
        guard countBySession[session, default: 0] < Self.perSession else { return false }
        countBySession[session, default: 0] += 1
        sought[name] = Sought(announcers: [session], askedAt: now)
        return true
    }

    /// The head has come, wherever from: nobody else is asked for it.
    mutating func came(_ name: HeadName) {
        guard sought[name] != nil else { return }
        sought[name]?.hasCome = true
    }

    /// Who has announced a head that was sought.
    func announcers(of name: HeadName) -> [SessionID] { sought[name]?.announcers ?? [] }

    /// The heads that somebody was asked for long enough ago, ascending.
    func overdue(at now: Instant) -> [HeadName] { sought.filter { now - $0.value.askedAt >= Self.patience }.keys.sorted() }

    /// Whom to ask for an overdue head, if it has not come and there is anybody left. Forgets what is old.
    mutating func next(for name: HeadName, among open: Set<SessionID>, at now: Instant) -> SessionID? {
        guard var head = sought[name] else { return nil }
        guard !head.hasCome else {
            if now - head.askedAt >= Self.memory { forget(name, of: head) }
            return nil
        }
        while head.askedCount < head.announcers.count {
            let session = head.announcers[head.askedCount]
            head.askedCount += 1
            guard open.contains(session) else { continue }
            head.askedAt = now
            sought[name] = head
            return session
        }
        forget(name, of: head)
        return nil
    }

    private mutating func forget(_ name: HeadName, of head: Sought) {
        sought[name] = nil
        guard let first = head.announcers.first, let count = countBySession[first] else { return }
        countBySession[first] = count > 1 ? count - 1 : nil
    }
}

extension NodeCore {
    /// Whether so many heads are adopted that they are announced only, and logs are read with less haste.
    func isBusy(at now: Moment) -> Bool { configuration.announcesHeads && announcements.isBusy(at: now.instant) }

    /// A neighbour holds these heads: those that we do not know of are asked for, each of one neighbour at a time.
    mutating func announced(_ names: [HeadName], on id: SessionID, at now: Moment) {
        sessions[id]?.comparesLogs = true
        var asked: [HeadName] = []
        for name in names {
            guard let origin = origin(of: name) else { continue }
            let position = HeadPosition(name)
            if origin == identity.origin, let own = publisher.lastHead?.body.position, position <= own {
                // As if it had been told whole: who tells of a head holds it.
                if position == own { confirmed(position, by: id) }
                continue
            }
            if let place = hot.firstIndex(where: { $0.origin == origin && $0.position == position }), !hot[place].known.contains(id) {
                hot[place].known.append(id)
            }
            if let wanted = fetches.wanted(of: origin), wanted.body.position == position { fetches.headSeen(wanted, from: id) }
            if !isHere(position, of: origin), announcements.announced(name, on: id, at: now.instant) { asked.append(name) }
        }
        if !asked.isEmpty { directives.append(.sendDatagram(DatagramMessage.wanted(asked).encoded(), id)) }
        if !announcements.isEmpty { arm(.announced, after: Announcements.interval, at: now) }
    }

    /// Asks others for what has been announced and has not come.
    mutating func seekOverdue(at now: Moment) {
        let open = Set(openSessions.filter { sessions[$0]?.isClosing == false })
        var asks: [(session: SessionID, name: HeadName)] = []
        for name in announcements.overdue(at: now.instant) {
            if origin(of: name).map({ isHere(HeadPosition(name), of: $0) }) ?? true { announcements.came(name) }
            if let session = announcements.next(for: name, among: open, at: now.instant) { asks.append((session, name)) }
        }
        for session in Set(asks.map(\.session)).sorted() {
            let names = asks.filter { $0.session == session }.map(\.name)
            for message in HeadName.messages(of: names, DatagramMessage.wanted) { directives.append(.sendDatagram(message.encoded(), session)) }
        }
        if !announcements.isEmpty { arm(.announced, after: Announcements.interval, at: now) }
    }

    /// A neighbour asks for heads that we have announced: it gets what we hold of these origins now, within its allowance.
    mutating func serveHeads(_ names: [HeadName], on id: SessionID, at now: Moment) {
        sessions[id]?.comparesLogs = true
        var heads: [[UInt8]] = []
        for name in names {
            guard let origin = origin(of: name), let head = origin == identity.origin ? publisher.lastHead : origins[origin]?.adopted?.head,
                head.body.position >= HeadPosition(name), log.bytes(in: .head(origin)) == head.bytes,
                sessions[id]?.headsAsked.take(at: now.instant) == true
            else { continue }
            if sessions[id]?.takesChanges == true, let change = change(leadingTo: head) {
                directives.append(.sendDatagram(DatagramMessage.headWithChange(change).encoded(), id))
            } else {
                heads.append(head.bytes)
            }
        }
        for message in DatagramMessage.messages(of: heads) { directives.append(.sendDatagram(message.encoded(), id)) }
    }

    /// Announces the hot heads of others to a neighbour that is not known to hold them.
    mutating func announce(to id: SessionID) {
        var names: [HeadName] = []
        for place in hot.indices where hot[place].origin != identity.origin && !hot[place].known.contains(id) {
            hot[place].known.append(id)
            names.append(HeadName(hot[place].position, of: hot[place].origin))
        }
        for message in HeadName.messages(of: names, DatagramMessage.announcement) { directives.append(.sendDatagram(message.encoded(), id)) }
    }

    /// Whether nothing of an origin up to this position is news: adopted, being followed, or never to be.
    private func isHere(_ position: HeadPosition, of origin: OriginID) -> Bool {
        if origin == identity.origin { return newestOwnHead.map { $0.body.position >= position } ?? false }
        if members.isRevoked(origin) { return true }
        let known = [origins[origin]?.adopted?.head, fetches.wanted(of: origin), rules.isBlocked(origin) ? passedOver[origin] : nil]
        return passedOver[origin]?.body.position == position || known.contains { $0.map { $0.body.position >= position } ?? false }
    }

    /// The operator that a name is about. Of two whose keys begin with the same 8 bytes, which does not happen by chance, the first.
    private mutating func origin(of name: HeadName) -> OriginID? {
        if announcements.operatorsInOrder.count != members.count { announcements.operatorsInOrder = members.operators }
        let operators = announcements.operatorsInOrder
        var low = 0
        var high = operators.count
        while low < high {
            let middle = (low + high) / 2
            if operators[middle].raw.prefix < name.origin { low = middle + 1 } else { high = middle }
        }
        return low < operators.count && operators[low].raw.prefix == name.origin ? operators[low] : nil
    }
}

extension HeadName {
    init(_ position: HeadPosition, of origin: OriginID) {
        self.init(origin: origin.raw.prefix, generation: position.generation, sequence: position.sequence)
    }
}

extension HeadPosition {
    init(_ name: HeadName) { self.init(generation: name.generation, sequence: name.sequence) }
}
