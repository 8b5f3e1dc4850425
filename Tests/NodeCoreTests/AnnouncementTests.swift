import Cryptography
import Ledger
import NodeCore
import Primitives
import Testing
import WireFormat

/// Heads are announced, and asked for, where there are many (`Protocol/replication.md` §6.1).
@Suite struct AnnouncementTests {
    static let names = (0..<12).map { "operator\($0)" }

    /// What has been sent as datagrams: whole heads by name, announcements and asks.
    final class Record {
        var told: [(from: Int, name: HeadName)] = []
        var announced: [(from: Int, name: HeadName)] = []
        var asked: [(from: Int, name: HeadName)] = []

        func note(_ from: Int, _ bytes: [UInt8]) {
            func name(of bytes: [UInt8]) -> HeadName? {
                guard case .head(let head)? = try? UncheckedStatement(decoding: bytes) else { return nil }
                return HeadName(origin: head.body.origin.raw.prefix, generation: head.body.position.generation, sequence: head.body.position.sequence)
            }
            switch try? DatagramMessage(decoding: bytes) {
            case .heads(let heads): told += heads.compactMap(name).map { (from, $0) }
            case .headWithChange(let news): told += [name(of: news.head)].compactMap { $0 }.map { (from, $0) }
            case .announcement(let names): announced += names.map { (from, $0) }
            case .wanted(let names): asked += names.map { (from, $0) }
            default: break
            }
        }
    }

    private static func record(_ mesh: TinyMesh) -> Record {
        let record = Record()
        mesh.onDatagram = { from, bytes in
            record.note(from, bytes)
            return bytes
        }
        return record
    }

    /// Twelve nodes that are soon busy: at the same rate as others, but over less time.
    ///
    /// An origin tells six of its neighbours, and not all of them at once: the others hear of its head from those.
    private static func mesh(seed: UInt64) -> TinyMesh {
        TinyMesh(names, seed: seed) {
            $0.spreadFanout = 2
            ($0.busyHeads, $0.busySpan) = (40, .seconds(10))
        }
    }

    /// All publish once a second, for so long that all are busy.
    private static func busy(seed: UInt64) -> TinyMesh {
        let mesh = mesh(seed: seed)
        mesh.start()
        for index in names.indices { mesh.publish([UInt64(index) + 1], by: index) }
        mesh.run(for: .seconds(40))
        // New sessions, on which logs are compared, so that all know of each other that they do.
        for one in names.indices {
            for other in names.indices where other > one { for session in mesh.openSessions(between: one, and: other) { mesh.cut(session) } }
        }
        mesh.run(for: .seconds(10))
        publish(on: mesh, rounds: 8)
        return mesh
    }

    private static func publish(on mesh: TinyMesh, rounds: Int, by publishers: [Int] = Array(names.indices), lasting round: Int = 1_000) {
        for _ in 0..<rounds {
            for index in publishers {
                mesh.publish([UInt64(index) + 1, mesh.random.next() | 1 << 32], by: index)
                mesh.run(for: .milliseconds(round / publishers.count))
            }
        }
    }

    /// Whether everybody follows everybody's newest head.
    private static func agree(_ mesh: TinyMesh) -> Bool {
        names.indices.allSatisfy { index in
            mesh.members[index].core.adoptedHeads.allSatisfy { origin, head in
                mesh.operators.firstIndex { $0.origin == origin }.map { head == mesh.members[$0].core.ownState?.head } ?? false
            } && mesh.members[index].core.adoptedHeads.count == names.count - 1
        }
    }

    @Test(arguments: [1, 2] as [UInt64]) func manyHeadsAreAnnouncedAndEachIsAskedForOnce(seed: UInt64) {
        let mesh = Self.busy(seed: seed)
        let record = Self.record(mesh)
        let own = mesh.operators.map(\.origin.raw.prefix)

        Self.publish(on: mesh, rounds: 5)
        mesh.run(for: .seconds(2))

        #expect(Self.agree(mesh), "seed \(seed)")
        #expect(record.announced.count > 100, "seed \(seed): \(record.announced.count)")
        #expect(record.announced.allSatisfy { own[$0.from] != $0.name.origin }, "seed \(seed): one's own is told whole")
        let passedOn = record.told.filter { own[$0.from] != $0.name.origin }
        #expect(passedOn.count <= record.asked.count && record.asked.count > 50, "seed \(seed): \(passedOn.count) of \(record.asked.count)")
        let asks = Dictionary(grouping: record.asked) { "\($0.from) \($0.name)" }
        #expect(asks.values.allSatisfy { $0.count == 1 }, "seed \(seed)")
    }

    @Test func fewHeadsAreToldWhole() {
        let mesh = Self.mesh(seed: 4)
        mesh.start()
        for index in Self.names.indices { mesh.publish([UInt64(index) + 1], by: index) }
        mesh.run(for: .seconds(60))
        let record = Self.record(mesh)

        for _ in 0..<10 { Self.publish(on: mesh, rounds: 1, by: [3, 7]) }

        #expect(record.announced.isEmpty && record.asked.isEmpty && record.told.count > 100)
    }

    /// The first to be asked never answers: a second later the next one is.
    @Test(arguments: [1, 2] as [UInt64]) func whoDoesNotAnswerIsNotWaitedFor(seed: UInt64) {
        let mesh = Self.busy(seed: seed)
        let record = Record()
        let own = mesh.operators.map(\.origin.raw.prefix)
        mesh.onFrame = { _, frame in frame.knownType == .comparison || frame.knownType == .statementsRequest ? nil : frame }  // Logs are not read.
        mesh.onDatagram = { from, bytes in
            record.note(from, bytes)
            switch try? DatagramMessage(decoding: bytes) {
            // Half of the nodes do not pass on what they announce.
            case .heads, .headWithChange: return from % 2 == 0 || record.told.last.map { own[from] == $0.name.origin } ?? false ? bytes : nil
            default: return bytes
            }
        }

        Self.publish(on: mesh, rounds: 3)
        mesh.run(for: .seconds(12))

        let repeated = Dictionary(grouping: record.asked) { "\($0.from) \($0.name)" }.values.filter { $0.count > 1 }
        #expect(!repeated.isEmpty, "seed \(seed): nobody was asked in the place of another")
        #expect(Self.agree(mesh), "seed \(seed)")
    }

    /// Whoever announces what does not exist is asked for some of it, and harms nobody else's news.
    @Test func madeUpAnnouncementsAreBounded() throws {
        let mesh = Self.busy(seed: 5)
        let record = Self.record(mesh)
        let session = try #require(mesh.openSessions(between: 0, and: 1).first)

        for place in 0..<100 as Range<UInt64> {
            let names = (0..<58 as Range<UInt64>).map { number in
                HeadName(origin: mesh.operators[Int(number % 12)].origin.raw.prefix, generation: 1, sequence: .max - 1 - place * 58 - number)
            }
            mesh.give(0, .datagram(session, DatagramMessage.announcement(names).encoded()))
        }
        mesh.settle()

        let madeUp = record.asked.filter { $0.from == 0 && $0.name.sequence > 1 << 40 }
        #expect((500...512).contains(madeUp.count))
        Self.publish(on: mesh, rounds: 3)
        mesh.run(for: .seconds(2))
        #expect(Self.agree(mesh))
        #expect(mesh.openSessions(between: 0, and: 1).contains(session))
    }

    /// An ask of any length is answered within the session's allowance.
    @Test func whoAsksForMuchGetsItsAllowance() throws {
        let mesh = Self.busy(seed: 6)
        mesh.run(for: .seconds(30))
        let record = Self.record(mesh)
        let session = try #require(mesh.openSessions(between: 0, and: 1).first)
        let head = try #require(mesh.members[2].core.ownState?.head.body)
        let name = HeadName(origin: head.origin.raw.prefix, generation: 1, sequence: head.position.sequence)
        let later = HeadName(origin: head.origin.raw.prefix, generation: 1, sequence: head.position.sequence + 1)
        let nobody = HeadName(origin: 1, generation: 1, sequence: 1)

        mesh.give(0, .datagram(session, DatagramMessage.wanted([later, nobody]).encoded()))
        mesh.settle()
        #expect(record.told.isEmpty, "what is not held is not told")
        for _ in 0..<20 { mesh.give(0, .datagram(session, DatagramMessage.wanted([HeadName](repeating: name, count: 58)).encoded())) }
        mesh.settle()

        #expect(record.told.count == 512 && record.told.allSatisfy { $0.from == 0 && $0.name == name })
    }

    /// Who announces our head holds it.
    @Test func anAnnouncementConfirmsOurHead() throws {
        let mesh = Self.busy(seed: 7)
        let position = try #require(mesh.members[0].core.ownState?.head.body.position)
        mesh.onDatagram = { _, _ in nil }
        mesh.publish([9], by: 0)
        mesh.settle()
        mesh.run(for: .milliseconds(60))
        let next = try #require(mesh.members[0].core.ownState?.head.body.position)
        func confirmed() -> HeadPosition? {
            mesh.members[0].core.status(at: mesh.now).peers.first { $0.origin == mesh.operators[1].origin }?.confirmed
        }
        #expect(next > position && confirmed() != next)

        let session = try #require(mesh.openSessions(between: 0, and: 1).first)
        let name = HeadName(origin: mesh.operators[0].origin.raw.prefix, generation: next.generation, sequence: next.sequence)
        mesh.give(0, .datagram(session, DatagramMessage.announcement([name]).encoded()))
        mesh.settle()

        #expect(confirmed() == next)
    }

    /// Of the neighbours' logs a busy node reads what is no head, and heads once in a while: what travels in logs only travels as ever.
    @Test(arguments: [1] as [UInt64]) func aRevocationTravelsWhileAllAreBusy(seed: UInt64) {
        let mesh = Self.busy(seed: seed)
        let revoked = mesh.operators[11].origin
        var headless = 0
        var headsRead = 0
        mesh.onFrame = { _, frame in
            switch frame.knownType {
            case .headlessRequest: headless += 1
            case .statements:
                for bytes in (try? StatementsAnswer(decoding: frame.body).statements) ?? [] {
                    if case .head? = try? UncheckedStatement(decoding: bytes) { headsRead += 1 }
                }
            default: break
            }
            return frame
        }

        mesh.give(0, .command(.revoke(revoked, .misbehaviour)))
        Self.publish(on: mesh, rounds: 60, by: Array(0..<11), lasting: 330)

        for index in 0..<11 {
            let standing = mesh.members[index].core.status(at: mesh.now).origins.first { $0.origin == revoked }?.standing
            #expect(standing == .revoked, "seed \(seed): \(index)")
        }
        // 660 heads, and eleven logs in each of which every one of them comes to stand.
        #expect(headless > 20 && headsRead < 660 * 11, "seed \(seed): \(headless) questions, \(headsRead) heads")
    }

    /// However often a neighbour says that its log has grown, one answer of it is checked at a time, and then the next.
    @Test func aNeighbourIsReadHeadlessOneAnswerAtATime() throws {
        let mesh = Self.busy(seed: 9)
        let (liar, friend) = (1, 5)
        var logID: UInt64?
        var isReadingHeadless = false
        mesh.onDatagram = { from, bytes in
            if from == liar, case .ping(let ping)? = try? DatagramMessage(decoding: bytes) { logID = ping.logID }
            return bytes
        }
        mesh.onFrame = { from, frame in
            if from == 0, frame.knownType == .headlessRequest { isReadingHeadless = true }
            return frame
        }
        for _ in 0..<60 where !isReadingHeadless || logID == nil { Self.publish(on: mesh, rounds: 1, by: Array(0..<11), lasting: 330) }
        #expect(isReadingHeadless, "the control: node 0 reads logs without their heads")
        let (session, log) = (try #require(mesh.openSessions(between: 0, and: liar).first), try #require(logID))

        var (asked, hinted) = (0, 0 as UInt64)
        func hint() {
            guard hinted < 20 else { return }
            hinted += 1
            mesh.give(0, .datagram(session, DatagramMessage.ping(Ping(number: 1, logID: log, upTo: 1 << 40 + hinted)).encoded()))
        }
        mesh.onFrame = { from, frame in
            if from == 0, frame.knownType == .headlessRequest { asked += 1 }
            guard from == liar, frame.knownType == .statements else { return frame }
            // Each answer has something new to check.
            let record = PeerRecord(node: mesh.operators[friend].node, incarnation: 1_000 + hinted, flags: [], addresses: [mesh.operators[friend].address])!
            var frame = frame
            frame.body = StatementsAnswer(
                logID: log, upTo: 1 << 40, hasMore: false, statements: [Signed.make(record, with: mesh.operators[friend].nodeKey).bytes]
            ).encoded()
            return frame
        }
        mesh.onCheck = { node, batch in if node == 0, batch.purpose == .push { hint() } }
        hint()
        mesh.settle()
        #expect(hinted == 2 && asked == 1, "\(hinted) hints, \(asked) questions")

        mesh.onCheck = { _, _ in }
        hint()
        mesh.settle()
        #expect(asked == 2, "the control: what has been checked does not stand in the way")
    }

    /// Those that have not shown that they know announcements are told whole.
    @Test func anOlderVersionIsToldWhole() {
        let mesh = Self.mesh(seed: 8)
        mesh.onFrame = { _, frame in frame.forgetting([.comparison, .headlessRequest]) }
        mesh.start()
        for index in Self.names.indices { mesh.publish([UInt64(index) + 1], by: index) }
        mesh.run(for: .seconds(40))
        let record = Self.record(mesh)

        Self.publish(on: mesh, rounds: 14)
        mesh.run(for: .seconds(2))

        #expect(record.announced.isEmpty && record.told.count > 500)
        #expect(Self.agree(mesh))
    }
}
