import Cryptography
import Ledger
import Membership
import Primitives
import Replication
import WireFormat

/// Following origins, publishing, and telling neighbours the news (`Protocol/replication.md` §4, §6 and §7).
extension NodeCore {
    mutating func beginFetches(at now: Moment, using random: inout some RandomNumberGenerator) {
        let actions = fetches.begin(at: now.instant, adopted: { [origins] in origins[$0]?.adopted?.manifest }, using: &random)
        perform(actions, at: now)
    }

    mutating func perform(_ actions: [FetchScheduler.Action], at now: Moment) {
        for action in actions {
            switch action {
            case .requestManifest(let fetch):
                let request = ContentRequest(origin: fetch.head.body.origin, root: fetch.head.body.manifestRoot)
                ask(.manifestRequest, request.encoded(), .manifest(fetch), on: fetch.session, at: now)
            case .requestChanges(let fetch, let since):
                let request = ChangesRequest(origin: fetch.head.body.origin, since: since.root, root: fetch.head.body.manifestRoot)
                ask(.changesRequest, request.encoded(), .changes(fetch, since: since), on: fetch.session, at: now)
            case .checkChanges(let fetch, let since, let change): directives.append(.checkChanges(fetch, since: since, [change]))
            case .requestBucket(let fetch, let entry, let descriptor):
                let request = ContentRequest(origin: fetch.head.body.origin, root: entry.root)
                ask(.bucketRequest, request.encoded(), .bucket(fetch, entry, descriptor), on: fetch.session, at: now)
            case .adopt(let head, let manifest):
                if head.body.origin == identity.origin {
                    directives.append(.recover(head, manifest))
                } else {
                    adopting[head.body.origin] = AdoptedState(head: head, manifest: manifest)
                    directives.append(.adopt(head, manifest))
                }
            case .unstage(let origin, let roots): directives.append(.unstage(origin, roots))
            case .drop(let session): drop(session, for: .wrongContent)
            }
        }
    }

    /// The replica of an origin is what this head says: now, and not before, others hear of it from us.
    mutating func adopted(_ head: Verified<Head>, at now: Moment, using random: inout some RandomNumberGenerator) {
        let origin = head.body.origin
        // What was asked for before it was forgotten, and another since, is not what the disk will hold.
        guard let state = adopting[origin], state.head.bytes == head.bytes else { return }
        adopting[origin] = nil
        let earlier = origins[origin]?.adopted?.head
        origins[origin, default: OriginRecord()].adopted = state
        if let begun = fetches.begunAt(origin) { followedIn[origin] = now.instant - begun }
        let holders = fetches.holders(of: head)
        fetches.adopted(head)
        // What ended it may have come while the disk was at work.
        guard settleStanding(of: origin, at: now) else { return beginFetches(at: now, using: &random) }
        follow(head, after: earlier, at: now, using: &random)
        directives.append(.report(.adopted(origin, head.body.position, sightings: head.body.sightingCount)))
        hold(.head(head), in: .head(origin))
        announcements.adopted(at: now.instant)
        tell(head, knownTo: holders, at: now, using: &random)
        beginFetches(at: now, using: &random)
    }

    mutating func adoptionFailed(_ head: Verified<Head>, at now: Moment) {
        if let state = adopting[head.body.origin], state.head.bytes != head.bytes { return }
        adopting[head.body.origin] = nil
        fetches.adoptionFailed(head, at: now.instant)
    }

    /// Signs what is due, unless others are still to be asked for our newest head; the next tick comes back to it.
    mutating func publish(at now: Moment) {
        guard startCheck.isDone || startCheck.allowsSigning(known: knownOthers, at: now.instant), opening == nil, publisher.isDue(at: now.timestamp) else {
            return
        }
        guard let publication = publisher.publication(at: now.timestamp) else { return }
        directives.append(.publish(publication))
    }

    /// Nodes that may have seen a head of ours: those certified, and the seeds we have never met.
    var knownOthers: Int {
        let met = nodes.count - (nodes[identity.node] == nil ? 0 : 1)
        return met > 0 ? met : configuration.seeds.count { $0.key != identity.transportKey }
    }

    /// Our own head is on disk: now, and not before, it may be told.
    mutating func published(_ publication: Publication, at now: Moment, using random: inout some RandomNumberGenerator) {
        publisher.published(publication)
        histories[identity.origin] = HistoryWindow(following: publication, after: histories[identity.origin])
        directives.append(.report(.published(publication.head.body.position, sightings: publication.head.body.sightingCount)))
        hold(.head(publication.head), in: .head(identity.origin))
        tell(publication.head, knownTo: [], at: now, using: &random)
        if publisher.isDue(at: now.timestamp) { arm(.publish, after: configuration.publishDelay, at: now) }
        advanceOpening(at: now, using: &random)
    }

    /// Makes a head hot: it is told to a few random neighbours in a few rounds, from now on. Cursors repair what that misses.
    private mutating func tell(_ head: Verified<Head>, knownTo holders: [SessionID], at now: Moment, using random: inout some RandomNumberGenerator) {
        hot.removeAll { $0.origin == head.body.origin }
        guard hot.count < Bound.hotHeads else { return }
        let (origin, position) = (head.body.origin, head.body.position)
        let change = change(leadingTo: head)
        let announcers = announcements.announcers(of: HeadName(position, of: origin)).filter { !holders.contains($0) }
        hot.append(
            HotHead(
                origin: origin, position: position, bytes: head.bytes, hash: BLAKE2b.hash(head.bytes),
                withChange: change.map { DatagramMessage.headWithChange($0).encoded() }, changeByteCount: change?.change.count ?? 0,
                known: holders + announcers, roundsLeft: configuration.spreadRounds))
        if !armed.contains(.spread) { spread(at: now, using: &random) }
    }

    /// The head and what leads to it from the one before, if that is known and fits a datagram.
    func change(leadingTo head: Verified<Head>) -> HeadWithChange? {
        guard let (since, bytes) = changeLog.lastChange(of: head.body.origin, to: head.body.manifestRoot) else { return nil }
        return HeadWithChange(head: head.bytes, base: since.raw.prefix, change: bytes)
    }

    /// A neighbour has told of a head that may be hot here: it need not be told.
    mutating func isKnown(_ head: Digest, on id: SessionID) {
        guard let place = hot.firstIndex(where: { $0.hash == head }), !hot[place].known.contains(id) else { return }
        hot[place].known.append(id)
    }

    /// One round: tells of the hot heads whole, or, where there are many, of those of others by name. A head of our own goes at once to as many as others are
    /// told in all rounds: nobody else can tell them yet.
    mutating func spread(at now: Moment, using random: inout some RandomNumberGenerator) {
        guard !hot.isEmpty else { return }
        let isBusy = isBusy(at: now)
        let ignorant = openSessions.filter { session in hot.contains { !$0.known.contains(session) } }
        let fanout = configuration.spreadFanout
        for (place, session) in ignorant.sample(fanout * configuration.spreadRounds, using: &random).enumerated() {
            let isAnnouncing = isBusy && sessions[session]?.comparesLogs == true
            tellHot(on: session, onlyOwn: isAnnouncing || place >= fanout)
            if isAnnouncing, place < fanout { announce(to: session) }
        }
        for place in hot.indices { hot[place].roundsLeft -= 1 }
        hot.removeAll { $0.roundsLeft <= 0 }
        if !hot.isEmpty { arm(.spread, after: configuration.spreadInterval, at: now) }
    }

    private mutating func tellHot(on session: SessionID, onlyOwn: Bool) {
        let takesChanges = sessions[session]?.takesChanges == true
        var bare: [[UInt8]] = []
        for place in hot.indices where !hot[place].known.contains(session) && (!onlyOwn || hot[place].origin == identity.origin) {
            hot[place].known.append(session)
            // A change saves a question; one that is long goes along once only, in the first round.
            let isWorthIt = hot[place].roundsLeft == configuration.spreadRounds || hot[place].changeByteCount <= Bound.smallChangeByteCount
            if takesChanges, isWorthIt, let news = hot[place].withChange {
                directives.append(.sendDatagram(news, session))
            } else {
                bare.append(hot[place].bytes)
            }
        }
        for message in DatagramMessage.messages(of: bare) { directives.append(.sendDatagram(message.encoded(), session)) }
    }
}
