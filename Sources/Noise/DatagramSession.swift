import Cryptography
import WireFormat

/// Why a datagram was not taken. None of them is ever answered, and none changes the session.
public enum DatagramError: Error, Hashable, Sendable {
    /// Not a sealed datagram at all.
    case malformed(WireError)
    /// Meant for another session.
    case wrongSession
    /// Its counter has been taken before.
    case replayed
    /// More than 1,024 counters behind.
    case tooOld
    /// The tag does not fit: forged, damaged, or of a session since re-keyed.
    case forged
    /// Our own mistake: the plaintext does not fit one datagram.
    case tooLong(byteCount: Int, limit: Int)
    /// All counters of this side are used up. A new TCP session gives new keys.
    case counterExhausted
}

/// Both directions of sealed datagrams beside one TCP session (`Protocol/transport.md` §6).
///
/// Each side chooses the session id it is addressed by. Sending counts up from 0; receiving takes every counter once, in any order within
/// the replay window. A value, but never use two copies on: they would seal twice under one counter.
public struct DatagramSession: Sendable {
    /// The id on datagrams to this side.
    public let incomingID: UInt64
    /// The id on datagrams to the other side, as it asked for.
    public let outgoingID: UInt64

    private let keys: DatagramKeys
    private var window = ReplayWindow()
    /// The counter of the next datagram.
    public private(set) var nextCounter: UInt64

    /// - Parameter counter: other than 0 only to check what happens at the end of the range.
    public init(keys: DatagramKeys, incomingID: UInt64, outgoingID: UInt64, counter: UInt64 = 0) {
        self.keys = keys
        self.incomingID = incomingID
        self.outgoingID = outgoingID
        nextCounter = counter
    }

    /// The whole datagram around `plaintext` (at most 1,168 bytes). Throws `tooLong` or `counterExhausted`.
    public mutating func seal(_ plaintext: [UInt8]) throws(DatagramError) -> [UInt8] {
        let limit = SealedDatagram.maximumPlaintextByteCount
        guard plaintext.count <= limit else { throw .tooLong(byteCount: plaintext.count, limit: limit) }
        guard nextCounter < CipherState.exhausted else { throw .counterExhausted }
        let header = SealedDatagram(sessionID: outgoingID, counter: nextCounter, sealed: []).header
        let sealed = keys.outgoing.seal(plaintext, counter: nextCounter, authenticating: header)
        nextCounter += 1
        return header + sealed
    }

    /// The plaintext of a received datagram, each at most once.
    ///
    /// Throws `malformed`, `wrongSession`, `replayed`, `tooOld` or `forged`.
    public mutating func open(_ bytes: [UInt8]) throws(DatagramError) -> [UInt8] {
        let datagram: SealedDatagram
        do {
            datagram = try SealedDatagram(decoding: bytes)
        } catch {
            throw .malformed(error)
        }
        return try open(datagram)
    }

    /// As `open` of the bytes, for a caller that has already decoded them to find the session.
    public mutating func open(_ datagram: SealedDatagram) throws(DatagramError) -> [UInt8] {
        guard datagram.sessionID == incomingID else { throw .wrongSession }
        guard datagram.counter < CipherState.exhausted else { throw .forged }  // No sender reaches it.
        switch window.verdict(on: datagram.counter) {
        case .replayed: throw .replayed
        case .tooOld: throw .tooOld
        case .fresh: break
        }
        guard let plaintext = keys.incoming.open(datagram.sealed, counter: datagram.counter, authenticating: datagram.header) else {
            throw .forged
        }
        window.record(datagram.counter)  // Only now: a forger must not be able to move the window.
        return plaintext
    }
}
