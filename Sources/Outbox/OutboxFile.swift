import Cryptography
import Ledger
import Primitives
import WireFormat

/// The bytes of an outbox (`Protocol/outbox.md`): a header, then one entry after another, each with its own check.
///
/// Entries are absolute: *for this stream, day and key the value now is V*, or *there is nothing any more*. A later one replaces an earlier one, so
/// replay is harmless. An entry has room for a sighting, or for the name of one, and for nothing else.
enum OutboxFile {
    static let name = "outbox.log"
    static let lockName = "outbox.lock"
    /// `"HSOUTBOX"`, then the version.
    static let magic: [UInt8] = Array("HSOUTBOX".utf8)
    /// Sightings only: what every file is until something is retracted, so that an older node goes on reading it.
    static let version: UInt16 = 1
    /// Retractions too. A node that does not know them refuses the file, and does not go on publishing what was retracted.
    static let retractingVersion: UInt16 = 2
    static let versionOffset = 8
    /// In an entry's length: it is a retraction, and has no value.
    static let retractionFlag: UInt16 = 0x8000
    static let fileIDByteCount = 16
    static let headerByteCount = 8 + 2 + fileIDByteCount
    static let checkByteCount = 8
    /// The body of the longest entry: stream, day, both lengths, key and value.
    static let maximumBodyByteCount = 4 + 4 + 1 + 1 + Limits.keyByteCount + Limits.valueByteCount
    /// What a reader takes into memory at once.
    static let readByteCount = 1 << 20

    static func header(fileID: [UInt8]) -> [UInt8] {
        var writer = WireWriter(reserving: headerByteCount)
        writer.bytes(magic)
        writer.integer(version)
        writer.bytes(fileID)
        return writer.bytes
    }

    /// The file id and the version; `nil` if this is no outbox of a version we know.
    static func header(_ bytes: [UInt8]) -> (fileID: [UInt8], version: UInt16)? {
        guard bytes.count >= headerByteCount, Array(bytes[..<versionOffset]) == magic else { return nil }
        let found = UInt16(bytes[versionOffset]) << 8 | UInt16(bytes[versionOffset + 1])
        guard (version...retractingVersion).contains(found) else { return nil }
        return (Array(bytes[10..<headerByteCount]), found)
    }

    static func entry(of sighting: Sighting) -> [UInt8] { entry(of: .stated(sighting)) }

    /// `length u16 | stream | day | key length u8 | key | value length u8 | value | check (8)`, length counting what follows it.
    ///
    /// A retraction has neither value nor value length, and the highest bit of its length set.
    static func entry(of change: SightingChange) -> [UInt8] {
        let name = change.name
        var body = WireWriter(reserving: 64)
        body.stream(name.stream)
        body.day(name.day)
        body.prefixed(name.key, by: UInt8.self)
        var flag: UInt16 = 0
        switch change {
        case .stated(let sighting): body.prefixed(sighting.record.value, by: UInt8.self)
        case .retracted: flag = retractionFlag
        }
        var writer = WireWriter(reserving: 80)
        writer.integer(UInt16(body.bytes.count + checkByteCount) | flag)
        writer.bytes(body.bytes)
        writer.bytes(check(of: body.bytes))
        return writer.bytes
    }

    static func check(of body: [UInt8]) -> [UInt8] { Array(BLAKE2b.hash(body).bytes.prefix(checkByteCount)) }

    /// What stands at one place of a file.
    enum Item {
        /// A whole entry, and where the next one begins.
        case change(SightingChange, end: Int)
        /// The bytes end within an entry: it is being written, or its writer died.
        case torn
        /// Bytes that are no entry.
        case damaged(WireError)
    }

    /// - Parameter version: a file that does not say in its header that it has retractions, has none.
    static func item(in bytes: [UInt8], at offset: Int, version: UInt16) -> Item {
        guard bytes.count - offset >= 2 else { return .torn }
        let field = UInt16(bytes[offset]) << 8 | UInt16(bytes[offset + 1])
        let isRetraction = version >= retractingVersion && field & retractionFlag != 0
        let length = Int(isRetraction ? field & ~retractionFlag : field)
        guard (checkByteCount + 1...checkByteCount + maximumBodyByteCount).contains(length) else {
            return .damaged(.overLimit(.size, value: UInt64(length), limit: UInt64(checkByteCount + maximumBodyByteCount)))
        }
        let end = offset + 2 + length
        guard end <= bytes.count else { return .torn }
        let body = Array(bytes[offset + 2..<end - checkByteCount])
        guard check(of: body) == Array(bytes[end - checkByteCount..<end]) else {
            // At the very end it may be a page that did not reach the disk: as torn as a missing end. Before others it is damage.
            return end == bytes.count ? .torn : .damaged(.invalid(.record))
        }
        do throws(WireError) {
            var reader = WireReader(body)
            let stream = try reader.stream()
            let day = try reader.day()
            let key = try reader.prefixed(by: UInt8.self, limit: Limits.keyByteCount, field: .key)
            if isRetraction {
                try reader.finish()
                guard let name = SightingName(stream: stream, day: day, key: key) else { throw .invalid(.record) }
                return .change(.retracted(name), end: end)
            }
            let value = try reader.prefixed(by: UInt8.self, limit: Limits.valueByteCount, field: .value)
            try reader.finish()
            guard let sighting = Sighting(stream: stream, day: day, record: Record(key: key, value: value)) else { throw .invalid(.record) }
            return .change(.stated(sighting), end: end)
        } catch { return .damaged(error) }
    }
}

/// How far an outbox has been read.
public struct OutboxPosition: Hashable, Sendable {
    /// 16 bytes that name the file: another file is read from its beginning.
    public let fileID: [UInt8]
    /// The byte after the last entry read.
    public let offset: UInt64

    public init?(fileID: [UInt8], offset: UInt64) {
        guard fileID.count == OutboxFile.fileIDByteCount else { return nil }
        self.fileID = fileID
        self.offset = offset
    }

    /// 24 bytes, for keeping.
    public var bytes: [UInt8] {
        var writer = WireWriter(reserving: 24)
        writer.bytes(fileID)
        writer.integer(offset)
        return writer.bytes
    }

    public init?(bytes: [UInt8]) {
        var reader = WireReader(bytes)
        guard let fileID = try? reader.bytes(OutboxFile.fileIDByteCount), let offset = try? reader.integer(UInt64.self), reader.remaining == 0 else {
            return nil
        }
        self.init(fileID: fileID, offset: offset)
    }
}

/// Why an outbox cannot be used.
public enum OutboxError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Another collector writes to it.
    case inUse(path: String)
    /// The file is no outbox, or of a later version. Nothing was changed.
    case notAnOutbox(path: String)
    /// An entry in the middle is damaged: nothing behind it is read.
    case damaged(path: String, offset: UInt64)
    /// The disk or the system failed.
    case failed(action: String, path: String, code: Int32)

    public var description: String {
        switch self {
        case .inUse(let path): "another collector is writing to \(path)"
        case .notAnOutbox(let path): "\(path) is not an outbox, or one of a later version"
        case .damaged(let path, let offset): "\(path) is damaged at byte \(offset)"
        case .failed(let action, let path, let code): "cannot \(action) \(path): \(message(ofError: code))"
        }
    }

    public var hint: String? {
        switch self {
        case .damaged(let path, _): "move \(path) away and run hearsay collect again: it writes everything anew"
        default: nil
        }
    }
}
