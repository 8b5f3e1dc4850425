import Ledger
import NodeCore
import Primitives
import Replication
import WireFormat

/// Steps the cores, and does what they ask for.
extension SimulatedMesh {
    func deliver(_ input: Input, to node: Int, life: UInt64) {
        guard nodes[node].life == life, nodes[node].isUp else { return }  // Meant for a process that is gone.
        trace.record(time: nanoseconds, node: node, input)
        let now = moment(of: node)
        var random = nodes[node].random
        let directives: [Directive]
        directives = nodes[node].core?.step(input, at: now, using: &random) ?? nodes[node].hostile?.step(input, at: now, using: &random) ?? []
        nodes[node].random = random
        note(input, at: node)
        for directive in directives { perform(directive, at: node, life: life) }
    }

    private func perform(_ directive: Directive, at node: Int, life: UInt64) {
        switch directive {
        case .wake(let timer, at: let instant):
            queue.push(.timer(node, life: life, timer), at: max(instant.nanoseconds, nanoseconds))
        case .dial(let dial, let addresses, let key): self.dial(dial, addresses, key: key, from: node)
        case .close(let session): close(session, at: node)
        case .send(let frame, let session): send(frame, on: session, at: node)
        case .sendDatagram(let bytes, let session): send(datagram: bytes, on: session, at: node)
        case .check(let batch):
            nodes[node].checksUnderWay += 1
            nodes[node].mostChecksUnderWay = max(nodes[node].mostChecksUnderWay, nodes[node].checksUnderWay)
            // 35 us a signature, on whatever core is free: batches may overtake each other.
            work(.checked(node, life: life, batch), taking: .microseconds(50 + 35 * batch.statements.count) + random.duration(upTo: .milliseconds(1)), at: node)
        case .checkManifest(let fetch, let bytes):
            work(.contentChecked(node, life: life, .manifest(fetch, bytes)), taking: .microseconds(20) + random.duration(upTo: .milliseconds(1)), at: node)
        case .checkChanges(let fetch, let since, let changes):
            let check = ContentCheck.changes(fetch, since, changes)
            work(.contentChecked(node, life: life, check), taking: .microseconds(50) + random.duration(upTo: .milliseconds(2)), at: node)
        case .checkBucket(let fetch, let entry, let descriptor, let bytes):
            let check = ContentCheck.bucket(fetch, entry, descriptor, bytes)
            work(.contentChecked(node, life: life, check), taking: .microseconds(20) + random.duration(upTo: .milliseconds(2)), at: node)
        case .serveManifest(let session, let requestID, let request): enqueue(.serveManifest(session, requestID: requestID, request), at: node)
        case .serveBucket(let session, let requestID, let request): enqueue(.serveBucket(session, requestID: requestID, request), at: node)
        case .keep(let statement): enqueue(.keep(statement), at: node)
        case .discard(let slot): enqueue(.discard(slot), at: node)
        case .keepRule(let rule, let origin): enqueue(.keepRule(rule, on: origin), at: node)
        case .keepAnchors(let anchors): enqueue(.keepAnchors(anchors), at: node)
        case .setAside(let origin):
            nodes[node].answeredHeads[origin] = nil
            enqueue(.setAside(origin), at: node)
        case .unstage(let origin, let roots): enqueue(.unstage(origin, roots), at: node)
        case .forget(let origin):
            nodes[node].answeredHeads[origin] = nil
            enqueue(.forget(origin), at: node)
        case .adopt(let head, let manifest): enqueue(.adopt(head, manifest), at: node)
        case .recover(let head, let manifest): enqueue(.recover(head, manifest), at: node)
        case .openGeneration(let certificate, let key): enqueue(.openGeneration(certificate, key), at: node)
        case .publish(let publication): enqueue(.publish(publication), at: node)
        case .expire(let day): enqueue(.expire(before: day), at: node)
        case .redeemInvite(let session, let requestID, let invite, let newcomer):
            enqueue(.redeem(session, requestID: requestID, invite, newcomer), at: node)
        case .answerQuestion(let session, let requestID, _, _):
            // Nobody asks in a simulation but for a hostile member; the simulated disk holds no index.
            let refusal = Frame(.refusal, requestID: requestID, isAnswer: true, body: Refusal.busy.encoded())
            send(refusal, on: session, at: node)
        case .questionSettled: break
        case .report(let event): noteEvent(event, at: node)
        }
    }

    /// How many times as long as usual something takes that a node begins now.
    private func slowness(of node: Int) -> Int {
        let (factor, until) = nodes[node].slowness
        guard nanoseconds < until else { return 1 }
        counts.slowedOperations += 1
        return factor
    }

    private func work(_ payload: Payload, taking duration: Duration, at node: Int) { schedule(payload, in: duration * slowness(of: node)) }

    func finish(_ check: ContentCheck, at node: Int, life: UInt64) {
        guard nodes[node].life == life else { return }
        switch check {
        case .manifest(let fetch, let bytes):
            let result = Result { () throws(ManifestError) in contents.shared(try Manifest(checking: bytes, head: fetch.head.body)) }
            deliver(.manifestChecked(fetch, result), to: node, life: life)
        case .changes(let fetch, let since, let changes):
            let buckets = nodes[node].disk.content.buckets[fetch.head.body.origin] ?? [:]
            do throws(ContentChangeError) {
                let (manifest, changed) = try ContentChange.apply(changes, to: since, head: fetch.head.body) { buckets[$0.root]?.bytes }
                enqueue(.stageChanged(fetch, contents.shared(manifest), changed.map { contents.shared($0) }), at: node)
            } catch { deliver(.changesChecked(fetch, .failure(error)), to: node, life: life) }
        case .bucket(let fetch, let entry, let descriptor, let bytes):
            do throws(BucketError) {
                enqueue(.stage(fetch, contents.shared(try Bucket(checking: bytes, entry: entry, descriptor: descriptor))), at: node)
            } catch {
                deliver(.bucketChecked(fetch, entry, .failure(error)), to: node, life: life)
            }
        }
    }

    private func enqueue(_ operation: SimulatedDisk.Operation, at node: Int) {
        let longest: Duration
        switch operation {
        case .keep, .keepRule, .keepAnchors, .discard, .serveManifest, .serveBucket: longest = .microseconds(200)
        case .stage, .stageChanged, .setAside, .unstage, .forget, .expire: longest = .milliseconds(1)
        case .adopt, .publish, .recover, .openGeneration, .redeem: longest = .milliseconds(12)  // Synced.
        }
        nodes[node].disk.enqueue(operation)
        let duration = .microseconds(20) + random.duration(upTo: longest)
        let done = max(nodes[node].diskBusyUntil, nanoseconds) + (duration * slowness(of: node)).clampedNanoseconds
        nodes[node].diskBusyUntil = done
        queue.push(.diskReady(node, life: nodes[node].life), at: done)
    }

    func diskReady(_ node: Int, life: UInt64) {
        guard nodes[node].life == life else { return }
        let fails = network.happens(perMille: conditions.diskFailurePerMille)
        if fails { counts.diskFailures += 1 }
        let answer = nodes[node].disk.performNext(at: moment(of: node).timestamp, fails: fails, lies: conditions.disksLie)
        switch answer {
        case .nothing: break
        case .inputs(let inputs):
            for input in inputs {
                noteAnswer(input, at: node)
                deliver(input, to: node, life: life)
            }
        case .frame(let frame, let session): send(frame, on: session, at: node)
        case .input(let input):
            noteAnswer(input, at: node)
            deliver(input, to: node, life: life)
            // The days of a publication that failed are given again, as after a restart.
            switch input {
            case .publicationFailed: schedule(.daysChanged(node, life: life, nil), in: .seconds(1))
            case .recovered: schedule(.daysChanged(node, life: life, nil), in: .milliseconds(20))
            // The operator asks again.
            case .generationFailed: schedule(.input(node, life: life, .command(.recover)), in: .seconds(1))
            default: break
            }
        }
    }

    /// Gives the core what its operator has seen, as it is now and not as it was when the change was noted.
    func buildDays(_ days: [OwnSightings.DayID]?, of node: Int, life: UInt64) {
        guard nodes[node].life == life, nodes[node].core != nil else { return }
        let days = days ?? nodes[node].sightings.differing(from: nodes[node].ownBuckets, on: moment(of: node).timestamp.day)
        let contents = days.compactMap { nodes[node].sightings.content(of: $0, using: &random) }
        if !contents.isEmpty { deliver(.daysBuilt(contents), to: node, life: life) }
    }
}
