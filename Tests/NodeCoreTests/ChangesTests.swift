import Cryptography
import Ledger
import NodeCore
import Primitives
import Testing
import WireFormat

@Suite struct ChangesTests {
    /// What goes over the wire between two nodes that know each other, as frames and datagrams would be sealed.
    final class Meter {
        var byteCount = 0
        var frames: [FrameType: Int] = [:]

        func count(_ frame: Frame) {
            byteCount += Frame.headerByteCount + frame.body.count + 2 + 16  // Length and tag of one transport message.
            if let type = frame.knownType { frames[type, default: 0] += 1 }
        }
    }

    /// Heads come without their changes, so that these are asked for.
    private static func alone(_ from: Int, _ bytes: [UInt8]) -> [UInt8]? {
        guard case .headWithChange(let news)? = try? DatagramMessage(decoding: bytes) else { return bytes }
        return DatagramMessage.heads([news.head]).encoded()
    }

    private func mesh(seed: UInt64) -> TinyMesh {
        let mesh = TinyMesh(["alpha", "beta"], seed: seed)
        mesh.start()
        mesh.publish(Array(1...500), by: 0)
        mesh.run(for: .seconds(20))
        return mesh
    }

    /// `Protocol/replication.md` §4.3: question and answer, each framed and sealed, without the announcement of the head.
    @Test(arguments: [Array(1...501), Array(2...500)] as [[UInt64]]) func aChangeOfOneSightingIsAskedForInLessThan200Bytes(codes: [UInt64]) {
        let mesh = mesh(seed: 21)
        let meter = Meter()
        mesh.onDatagram = Self.alone
        mesh.onFrame = { _, frame in
            if frame.knownType != .ping, frame.knownType != .pong { meter.count(frame) }
            return frame
        }

        mesh.publish(codes, by: 0)
        mesh.run(for: .milliseconds(100))

        #expect(mesh.codes(of: 0, at: 1) == codes)
        #expect(meter.frames == [.changesRequest: 1, .changes: 1])
        #expect(meter.byteCount <= 200, "\(meter.byteCount) bytes")
    }

    /// Once a neighbour has shown that it knows changes, they come with the head: one datagram, and no question.
    @Test(arguments: [Array(2...502), Array(3...501)] as [[UInt64]]) func aChangeOfOneSightingComesWithItsHeadIn320Bytes(codes: [UInt64]) {
        let mesh = mesh(seed: 22)
        mesh.publish(Array(2...501), by: 0)
        mesh.run(for: .seconds(5))
        let meter = Meter()
        var datagrams: [Int] = []
        mesh.onFrame = { _, frame in
            if frame.knownType != .ping, frame.knownType != .pong { meter.count(frame) }
            return frame
        }
        mesh.onDatagram = { from, bytes in
            if from == 0, case .headWithChange? = try? DatagramMessage(decoding: bytes) { datagrams.append(bytes.count + 16 + 16) }  // Header and tag.
            return bytes
        }

        mesh.publish(codes, by: 0)
        mesh.run(for: .milliseconds(100))

        #expect(mesh.codes(of: 0, at: 1) == codes)
        #expect(meter.frames == [:], "nothing is asked")
        #expect(datagrams.count == 1 && datagrams[0] <= 320, "\(datagrams)")
    }

    @Test func aRelayThatFollowedThroughChangesServesThem() {
        let mesh = TinyMesh(["alpha", "beta", "gamma"], seed: 23)
        mesh.cutLinks = [[0, 2]]
        mesh.start()
        mesh.publish(Array(1...100), by: 0)
        mesh.run(for: .seconds(30))
        #expect(mesh.codes(of: 0, at: 2) == Array(1...100))
        var asked: [FrameType: Int] = [:]
        mesh.onFrame = { _, frame in
            if let type = frame.knownType { asked[type, default: 0] += 1 }
            return frame
        }

        mesh.publish(Array(1...101), by: 0)
        mesh.run(for: .seconds(20))

        #expect(mesh.codes(of: 0, at: 2) == Array(1...101))
        #expect(asked[.manifest] == nil && asked[.bucket] == nil, "\(asked)")
    }

    @Test func aPeerThatDoesNotKnowChangesIsAskedForWholeContent() {
        let mesh = TinyMesh(["alpha", "beta"], seed: 24)
        var asked = 0
        mesh.onFrame = { from, frame in
            // As a node of before would: what comes to it as a question comes back as `unknown`.
            guard frame.knownType == .changesRequest, from == 1 else { return frame }
            asked += 1
            var frame = frame
            frame.type = 999
            return frame
        }

        mesh.start()
        for last in 501...504 as ClosedRange<UInt64> {
            mesh.publish(Array(1...last), by: 0)
            mesh.run(for: .seconds(5))
            #expect(mesh.codes(of: 0, at: 1) == Array(1...last))
        }
        #expect(asked == 1, "once is enough to know")
    }

    @Test func changesThatLeadElsewhereEndTheSessionAndTheContentComesFromAnother() {
        let mesh = TinyMesh(["alpha", "beta", "gamma"], seed: 25)
        mesh.start()
        mesh.publish(Array(1...50), by: 0)
        mesh.run(for: .seconds(20))
        var isSpoiled = false
        mesh.onDatagram = Self.alone
        mesh.onFrame = { from, frame in
            guard frame.knownType == .changes, from == 0, !isSpoiled else { return frame }
            isSpoiled = true
            var frame = frame
            frame.body[frame.body.count - 1] ^= 1
            return frame
        }

        mesh.publish(Array(1...51), by: 0)
        mesh.run(for: .seconds(60))

        let accused = [1, 2].flatMap { mesh.members[$0].events }.count { if case .misbehaviour(_, .wrongContent) = $0 { true } else { false } }
        #expect(accused == 1)
        for index in [1, 2] { #expect(mesh.codes(of: 0, at: index) == Array(1...51)) }
    }

    @Test func whoHasMoreThanOneMayHaveIsNotFollowedAndThatIsSaidOnce() {
        let mesh = TinyMesh(["alpha", "beta"], seed: 26) { $0.originQuota.sightings = 100 }
        mesh.start()
        mesh.publish(Array(1...100), by: 0)
        mesh.run(for: .seconds(20))
        #expect(mesh.codes(of: 0, at: 1) == Array(1...100))

        for last in 101...103 as ClosedRange<UInt64> {
            mesh.publish(Array(1...last), by: 0)
            mesh.run(for: .seconds(20))
        }
        #expect(mesh.codes(of: 0, at: 1) == Array(1...100), "what was adopted stays")
        #expect(mesh.members[1].events.count { if case .quotaReached = $0 { true } else { false } } == 1)

        #expect(mesh.members[1].core.status(at: mesh.now).origins.map(\.heldBack) == [.overQuota])

        mesh.publish(Array(5...100), by: 0)
        mesh.run(for: .seconds(20))
        #expect(mesh.codes(of: 0, at: 1) == Array(5...100))
        #expect(mesh.members[1].core.status(at: mesh.now).origins.map(\.heldBack) == [nil])
    }

    @Test func whoIsWithinARaisedQuotaIsFollowedWithoutPublishingAnew() {
        let mesh = TinyMesh(["alpha", "beta"], seed: 27) { $0.originQuota.sightings = 100 }
        mesh.start()
        mesh.publish(Array(1...101), by: 0)
        mesh.run(for: .seconds(20))
        #expect(mesh.codes(of: 0, at: 1) == [])

        mesh.give(1, .command(.limit(OriginQuota(sightings: 101, byteCount: OriginQuota.standard.byteCount))))
        mesh.run(for: .seconds(1))
        #expect(mesh.codes(of: 0, at: 1) == Array(1...101))
    }
}
