import NodeCore
import Primitives
import WireFormat

/// A running hash over everything that happened, in order: equal for two runs exactly if they went the same way.
///
/// Not a cryptographic hash; it tells accidents apart, not forgeries.
struct Trace: Hashable, Sendable {
    private(set) var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    private(set) var eventCount = 0

    mutating func record(time: Int64, node: Int, _ kind: UInt64, _ content: UInt64 = 0) {
        eventCount += 1
        mix(UInt64(bitPattern: time))
        mix(UInt64(truncatingIfNeeded: node) << 8 | kind)
        mix(content)
    }

    mutating func record(time: Int64, node: Int, _ input: Input) {
        let (kind, content) = Self.summary(of: input)
        record(time: time, node: node, kind, content)
    }

    private mutating func mix(_ word: UInt64) {
        hash = (hash ^ word) &* 0x9E37_79B9_7F4A_7C15
        hash ^= hash >> 29
    }

    /// Eight bytes at a time: what arrives is most of what happens, and a cryptographic hash of it took longer than what it caused.
    private static func mixed(_ bytes: [UInt8]) -> UInt64 {
        var hash = UInt64(bytes.count)
        bytes.withUnsafeBytes { bytes in
            var place = 0
            while place + 8 <= bytes.count {
                hash = (hash ^ UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: place, as: UInt64.self))) &* 0x9E37_79B9_7F4A_7C15
                hash ^= hash >> 32
                place += 8
            }
            var last: UInt64 = 0
            while place < bytes.count {
                last = last << 8 | UInt64(bytes[place])
                place += 1
            }
            hash = (hash ^ last) &* 0x9E37_79B9_7F4A_7C15
        }
        return hash ^ hash >> 29
    }

    private static func summary(of input: Input) -> (UInt64, UInt64) {
        switch input {
        case .start: (1, 0)
        case .timerFired(let timer):
            switch timer {
            case .tick: (2, 1)
            case .spread: (2, 2)
            case .probe: (2, 3)
            case .housekeeping: (2, 4)
            case .publish: (2, 5)
            case .probeStep(let number): (2, 6 | UInt64(number) << 8)
            case .relayedProbe(let number): (2, 7 | UInt64(number) << 8)
            case .announced: (2, 8)
            }
        case .sessionOpened(let session, let opening): (3, session.number ^ opening.remoteKey.raw.prefix)
        case .dialFailed(let dial, let reason): (4, dial.number | UInt64(reason.rawValue) << 56)
        case .sessionClosed(let session): (5, session.number)
        case .frame(let session, let frame): (6, session.number &+ UInt64(frame.type) << 32 ^ mixed(frame.body))
        case .datagram(let session, let bytes): (7, session.number ^ mixed(bytes))
        case .checked(_, let outcome): (8, UInt64(outcome.verified.count) << 32 | UInt64(outcome.unresolved.count) << 16 | UInt64(outcome.forgedCount))
        case .manifestChecked(let fetch, let result): (9, fetch.head.body.manifestRoot.raw.prefix ^ ((try? result.get()) == nil ? 1 : 0))
        case .changesChecked(let fetch, let result): (22, fetch.head.body.manifestRoot.raw.prefix ^ ((try? result.get()) == nil ? 1 : 0))
        case .contentChanged(let change): (23, change.root.raw.prefix)
        case .bucketChecked(_, let entry, let result): (10, entry.root.raw.prefix ^ ((try? result.get()) == nil ? 1 : 0))
        case .adopted(let head): (11, head.body.origin.raw.prefix ^ head.body.position.sequence)
        case .adoptionFailed(let head): (12, head.body.origin.raw.prefix)
        case .published(let publication): (13, publication.head.body.manifestRoot.raw.prefix)
        case .publicationFailed(let publication): (14, publication.head.body.manifestRoot.raw.prefix)
        case .inviteRedeemed(let session, _, _, _): (15, session.number)
        case .daysBuilt(let days): (16, UInt64(days.count))
        case .command: (17, 0)
        case .stagingFailed(_, let entry): (18, entry.root.raw.prefix)
        case .recovered(let state): (19, state.head.hash.raw.prefix)
        case .generationOpened(let certificate): (20, certificate.hash.raw.prefix)
        case .generationFailed(let certificate): (21, certificate.hash.raw.prefix)
        }
    }
}
